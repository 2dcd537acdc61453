//! What flow-manager's containers have written.

use super::Stopped;
use super::collector::Collector;
use crate::connection::{Ask, Within};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{DynamicObject, LogParams};
use serde_json::Value;
use std::io::Write;

/// The newest lines of each.
const LINES: i64 = 10_000;
/// The most bytes of each.
const BYTES: usize = 4 << 20;
/// The most bytes that a node is asked for: lines that are long are cut from their beginning here, not from their end.
const ASKED: i64 = 64 << 20;
/// The most bytes of all together.
const TOTAL: usize = 128 << 20;

/// The logs of each container of `pods`, and of the one before where it was started again.
pub(super) async fn of<W: Write>(to: &mut Collector<'_, W>, pods: &[DynamicObject]) -> Result<(), Stopped> {
    let mut left = TOTAL;
    for pod in pods {
        let containers = pod.data.pointer("/status/containerStatuses").and_then(Value::as_array);
        for container in containers.into_iter().flatten() {
            let name = container.get("name").and_then(Value::as_str).unwrap_or_default();
            let was_restarted = container.get("restartCount").and_then(Value::as_u64) > Some(0);
            for previous in [false, true].into_iter().filter(|previous| !previous || was_restarted) {
                left = left.saturating_sub(one(to, pod, name, previous, left).await?);
            }
        }
    }
    Ok(())
}

/// Adds one log where there is room for it; gives its size in bytes.
async fn one<W: Write>(
    to: &mut Collector<'_, W>,
    pod: &DynamicObject,
    container: &str,
    previous: bool,
    left: usize,
) -> Result<usize, Stopped> {
    let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
    let kind = if previous { "previous.log" } else { "log" };
    let path = format!("logs/{namespace}/{name}/{container}.{kind}");
    if left < BYTES {
        to.miss(format!("{path}: the logs of others are {} MiB together already", TOTAL >> 20));
        return Ok(0);
    }
    let pods = to.connection.api::<Pod>(&Within::Namespace(namespace.clone())).await?;
    let params = LogParams {
        container: Some(container.to_owned()),
        previous,
        tail_lines: Some(LINES),
        limit_bytes: Some(ASKED),
        ..LogParams::default()
    };
    match to.connection.answer(Ask::logs(&namespace), pods.logs(&name, &params)).await {
        Ok(log) => {
            let newest = newest(&log);
            to.text(&path, newest)?;
            Ok(newest.len())
        }
        Err(failure) => {
            to.miss(format!("{path}: {failure}"));
            Ok(0)
        }
    }
}

/// The last lines that fit.
fn newest(log: &str) -> &str {
    if log.len() <= BYTES {
        return log;
    }
    let from = log.ceil_char_boundary(log.len() - BYTES);
    let (_, tail) = log.split_at(from);
    tail.split_once('\n').map_or(tail, |(_, whole)| whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_log_that_is_long_the_newest_lines_stay() {
        assert_eq!(newest("a\nb\n"), "a\nb\n");
        let long = format!("{}ä\nlast\n", "x".repeat(BYTES));
        assert_eq!(newest(&long), "last\n");
    }
}
