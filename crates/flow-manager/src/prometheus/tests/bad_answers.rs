//! Every kind of bad answer, and what is made of it: never a number.

use super::connections::hang_up_after;
use super::operator::Operator;
use super::server::{Server, now_s, one, one_of, serve, serve_always, vector};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use flow_control::Moment;
use futures::StreamExt;
use std::future::{pending, ready};
use std::time::Duration;
use tokio::net::TcpListener;

const SELDOM: Duration = Duration::from_hours(1);
/// How long an answer is waited for that never comes.
const SHORT: Duration = Duration::from_millis(200);

/// What a Prometheus does that is asked.
enum Does {
    /// It answers with this status and this body.
    Answer(u16, String),
    /// It does not answer.
    NotAnswer,
    /// It begins to answer.
    BeginAnswer,
    /// Its answer has no end.
    NotEnd,
    /// It sends these bytes and hangs up.
    HangUp(&'static [u8]),
    /// It does not listen.
    NotListen,
    /// It answers once, and then no more for a day.
    AnswerLongAgo,
}

/// A bad answer.
struct Bad {
    does: Does,
    /// What the decision learns of it.
    kind: &'static str,
    /// What the metric counts it as.
    category: &'static str,
    /// What people are told.
    says: &'static str,
}

use Does::{Answer, AnswerLongAgo, BeginAnswer, HangUp, NotAnswer, NotEnd, NotListen};

fn error(text: &str) -> String {
    format!(r#"{{"status":"error","errorType":"bad_data","error":"{text}"}}"#)
}

fn data(kind: &str, result: &str) -> String {
    format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":{result}}}}}"#)
}

fn partial() -> String {
    one("5").replacen('{', r#"{"warnings":["shard 2 is away"],"#, 1)
}

#[rustfmt::skip]
fn bad_answers() -> Vec<Bad> {
    let sample = &*format!(r#"{{"metric":{{}},"value":[{},"5"]}}"#, now_s());
    let (nothing, text) = (String::new, str::to_owned);
    let native = r#"{"metric":{},"histogram":[1,{"count":"5"}]}"#;
    let cut_off = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"status\":\"success\"";
    [
        // What the query is to blame for.
        (Answer(200, vector("")), "NoSeries", "no_series", "no series"),
        (Answer(200, vector(&[sample; 2].join(","))), "Ambiguous", "ambiguous", "2 series where exactly one"),
        (Answer(200, one("NaN")), "NotFinite", "not_finite", "NaN"),
        (Answer(200, one("+Inf")), "NotFinite", "not_finite", "+Inf"),
        (Answer(200, one("-Inf")), "NotFinite", "not_finite", "-Inf"),
        (Answer(200, data("scalar", r#"[1,"NaN"]"#)), "NotFinite", "not_finite", "NaN"),
        (Answer(200, data("matrix", r#"[{"metric":{},"values":[[1,"5"]]}]"#)), "SourceFailed", "wrong_type", "a matrix where"),
        (Answer(200, data("string", r#"[1,"5"]"#)), "SourceFailed", "wrong_type", "a string where"),
        (Answer(200, vector(native)), "SourceFailed", "wrong_type", "a histogram where"),
        (Answer(200, error("as some proxies do")), "SourceFailed", "rejected", "as some proxies do"),
        (Answer(400, error("1:5: parse error: unclosed")), "SourceFailed", "rejected", "(HTTP 400): 1:5: parse error"),
        (Answer(422, error("would load too many samples")), "SourceFailed", "rejected", "too many samples"),
        (Answer(200, " ".repeat((1 << 20) + 1)), "SourceFailed", "too_large", "longer than 1048576 bytes"),
        (NotEnd, "SourceFailed", "too_large", "longer than 1048576 bytes"),
        // What the server is to blame for.
        (Answer(200, partial()), "SourceFailed", "partial", "shard 2 is away"),
        (Answer(401, nothing()), "SourceFailed", "denied", "HTTP 401"),
        (Answer(403, error("no")), "SourceFailed", "denied", "HTTP 403"),
        (Answer(302, nothing()), "SourceFailed", "redirected", "HTTP 302"),
        (Answer(307, nothing()), "SourceFailed", "redirected", "HTTP 307"),
        (Answer(404, text("404 page not found")), "SourceFailed", "unavailable", "(HTTP 404): Not Found"),
        (Answer(429, error("too many requests")), "SourceFailed", "unavailable", "too many requests"),
        (Answer(500, text("<html>oops</html>")), "SourceFailed", "unavailable", "(HTTP 500): Internal Server Error"),
        (Answer(503, error("query timed out in evaluation")), "SourceFailed", "unavailable", "query timed out"),
        (Answer(200, text("<html>Log in</html>")), "SourceFailed", "not_json", "not JSON"),
        (Answer(200, nothing()), "SourceFailed", "not_json", "not JSON"),
        (Answer(204, nothing()), "SourceFailed", "not_json", "not JSON"),
        (Answer(200, text(&one("5")[..60])), "SourceFailed", "not_json", "cut off"),
        (Answer(200, text("{}")), "SourceFailed", "malformed", "it has no data"),
        (Answer(200, one("five")), "SourceFailed", "malformed", "not a number"),
        (Answer(200, one_of(now_s() - 600.0, "5")), "SourceFailed", "other_time", "600 s before now"),
        (Answer(200, one_of(now_s() + 630.0, "5")), "SourceFailed", "other_time", "s after now"),
        (HangUp(cut_off), "SourceFailed", "unreachable", "cannot be reached"),
        (HangUp(b"SSH-2.0-OpenSSH_9.9\r\n"), "SourceFailed", "unreachable", "cannot be reached"),
        (NotListen, "SourceFailed", "unreachable", "Connection refused"),
        (NotAnswer, "SourceFailed", "timed_out", "did not answer within 200 ms"),
        (BeginAnswer, "SourceFailed", "timed_out", "did not answer within 200 ms"),
        // What was a good answer once.
        (AnswerLongAgo, "Stale", "ok", ""),
    ]
    .map(|(does, kind, category, says)| Bad { does, kind, category, says })
    .into()
}

impl Does {
    /// A server that does so, if there is one, and its URL.
    async fn play(&self) -> (Option<Server>, String) {
        let server = match self {
            Answer(status, body) => serve_always(*status, body.clone()).await,
            AnswerLongAgo => serve_always(200, one("5")).await,
            NotAnswer => serve(|_| pending()).await,
            BeginAnswer => serve(|_| ready(begin_answer())).await,
            NotEnd => serve(|_| ready(endless_answer())).await,
            HangUp(bytes) => return (None, hang_up_after(bytes).await),
            NotListen => return (None, free_address().await),
        };
        let url = server.url.clone();
        (Some(server), url)
    }

    fn timeout(&self) -> Duration {
        let is_waited_for = matches!(self, NotAnswer | BeginAnswer);
        if is_waited_for { SHORT } else { super::server::PATIENCE }
    }

    /// When the answer is looked at that came `now`.
    fn looked_at(&self, now: Moment) -> Moment {
        if matches!(self, AnswerLongAgo) { now + Duration::from_hours(24) } else { now }
    }
}

fn begin_answer() -> Response {
    let chunks = futures::stream::once(ready(Ok::<_, std::io::Error>("{"))).chain(futures::stream::pending());
    Body::from_stream(chunks).into_response()
}

fn endless_answer() -> Response {
    let chunks = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 4096]));
    Body::from_stream(chunks).into_response()
}

async fn free_address() -> String {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    format!("http://{free}")
}

#[tokio::test]
async fn no_bad_answer_is_taken_for_a_number() {
    for (row, Bad { does, kind, category, says }) in bad_answers().into_iter().enumerate() {
        let (_server, url) = does.play().await;
        let operator = Operator::with_timeout(&url, does.timeout());
        let query = operator.subscribe("up", SELDOM);
        operator.until_latest(&query, |latest| latest.measured.is_some()).await;
        let latest = query.latest(does.looked_at(operator.clock.now()));
        let (found, detail) = (latest.reading.unwrap_err(), latest.detail.unwrap_or_default());
        assert_eq!(found.kind(), kind, "row {row}: {detail}");
        assert!(detail.contains(says), "row {row}: {detail}");
        assert!(!detail.contains(&url) && !detail.contains('{'), "row {row}: {detail}");
        let counted = format!("queries_total{{source=\"default\",outcome=\"{category}\"}} 1\n");
        assert!(operator.metrics().contains(&counted), "row {row}: {}", operator.metrics());
    }
}

/// Where many policies share an answer, it is no better. Only what is too large for one number is not for many, and
/// a metric is never a scalar.
#[tokio::test]
async fn no_bad_answer_to_a_batch_is_taken_for_a_number() {
    let is_scalar = |does: &Does| matches!(does, Answer(_, body) if body.contains("scalar"));
    let mut rows = bad_answers();
    rows.retain(|bad| bad.category != "too_large" && !is_scalar(&bad.does));
    for (row, Bad { does, kind, says, .. }) in rows.into_iter().enumerate() {
        let (_server, url) = does.play().await;
        let operator = Operator::with_timeout(&url, does.timeout());
        let query = operator.subscribe("flowmanager_probe_lost_total", SELDOM);
        operator.until_latest(&query, |latest| latest.measured.is_some()).await;
        let latest = query.latest(does.looked_at(operator.clock.now()));
        assert_eq!(latest.reading.unwrap_err().kind(), kind, "row {row}");
        assert!(latest.detail.unwrap_or_default().contains(says), "row {row}");
    }
}
