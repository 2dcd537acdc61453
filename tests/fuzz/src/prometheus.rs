use crate::input::{byte, is_legible};
use flow_manager::prometheus::fuzzing::{by_pod, number, past, selected};
use serde_json::Value;

/// Statuses that mean different things.
const STATUSES: [u16; 8] = [200, 200, 200, 204, 302, 403, 422, 503];

/// An answer of Prometheus: a byte that picks the HTTP status, one that says where a copy is cut off, and the body.
///
/// A number comes only from a whole answer that says so itself, every reading of it says the same number, and what is
/// told of another one is fit for users.
pub fn prometheus_answer(data: &[u8]) {
    let (pick, rest) = byte(data);
    let (cut, body) = byte(rest);
    let status = *STATUSES.get(usize::from(pick) % STATUSES.len()).unwrap_or(&200);
    let instant = number(status, body);
    let pods = by_pod(status, body);
    let range = past(status, body);
    for error in [instant.as_ref().err(), pods.as_ref().err(), range.as_ref().err()].into_iter().flatten() {
        is_legible(&error.to_string());
    }
    let taken = instant.is_ok() || pods.is_ok() || range.is_ok();
    assert!(!taken || (200..300).contains(&status), "HTTP {status} gave data");
    assert!(range.is_err() || pods.is_err(), "data of two types");
    if taken {
        whole(status, body, cut);
    }
    if let Ok(number) = instant {
        let pods = pods.expect("a number is that of a series");
        assert_eq!(pods.iter().map(|pod| pod.number).collect::<Vec<_>>(), [number]);
        assert_eq!(selected("up", body), Ok(number));
        as_written(body, number.get());
    }
}

/// Nothing is made of the beginning of an answer, or of one that says that it failed.
fn whole(status: u16, body: &[u8], cut: u8) {
    let end = body.trim_ascii_end().len() * usize::from(cut) / 256;
    let beginning = body.get(..end).unwrap_or_default();
    assert!(number(status, beginning).is_err() && by_pod(status, beginning).is_err());
    assert!(past(status, beginning).is_err());
    if let Ok(Value::Object(answer)) = serde_json::from_slice::<Value>(body) {
        assert!(answer.get("status").is_none_or(|status| status.is_null() || status == "success"));
        assert!(answer.get("error").is_none_or(Value::is_null));
    }
}

/// Another reader of JSON finds the same number.
fn as_written(body: &[u8], number: f64) {
    let Ok(answer) = serde_json::from_slice::<Value>(body) else { return };
    let place = match answer.pointer("/data/resultType").and_then(Value::as_str) {
        Some("scalar") => "/data/result/1",
        _ => "/data/result/0/value/1",
    };
    if let Some(text) = answer.pointer(place).and_then(Value::as_str) {
        assert_eq!(text.parse::<f64>().map(f64::to_bits), Ok(number.to_bits()), "{text}");
    }
}
