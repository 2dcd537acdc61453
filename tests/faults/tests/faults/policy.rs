//! The policies of these tests: quick, and with few steps.

use flow_e2e::policies::{by_query, with};
use flow_e2e::wait::{Look, until};
use flow_faults::operator::Operator;
use flow_faults::proxy::{Asked, Fate, Fault, Proxy};
use flow_faults::world::{OTHER, PATIENCE};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The name of each of them.
pub(crate) const NAME: &str = "critical";

/// Within its bound, and without headroom: limits stay where they are.
pub(crate) const STEADY: &str = "vector(0.8)";
/// Violated for good: limits sink to their minimum.
pub(crate) const VIOLATED: &str = "vector(2)";

/// A policy about `query`, which must not exceed 1. Its limits begin at 100M, and sink by halves to 25M.
pub(crate) fn about(query: &str) -> Value {
    let control = json!({
        "law": "AIMD", "aimd": {"decreasePercent": 50}, "effectCheck": {"action": "Ignore"},
    });
    let policy = with(by_query(NAME, query, "1"), "/spec/control", control);
    let policy = with(policy, "/spec/interval", json!("100ms"));
    with(policy, "/spec/targets/0/limit", json!({"min": "25M", "max": "100M"}))
}

/// One that is steady, and violated from so many milliseconds on, by the clock of Prometheus.
pub(crate) fn violated_in(milliseconds: u32) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let from = now.as_secs_f64() + f64::from(milliseconds) / 1e3;
    about(&format!("vector(0.8) + 1.2 * (vector(time()) > bool {from:.3})"))
}

/// One that is steady, and also holds [`OTHER`] to 40M.
pub(crate) fn of_both() -> Value {
    let other = json!({"kind": "Deployment", "name": OTHER, "limit": {"min": "40M", "max": "40M"}});
    with(about(STEADY), "/spec/targets/-", other)
}

pub(crate) fn is_of_policies(asked: &Asked) -> bool {
    asked.is_about("flowpolicies")
}

/// An operator that `start` starts, whose first list of policies is the first one that `proxy` knows of. Later ones are true,
/// and nothing new is heard of policies. Once it returns, the operator has asked for them twice more, and has tried to write
/// to none of the `kind`.
pub(crate) async fn from_an_old_list(
    proxy: &Proxy,
    kind: &str,
    start: impl AsyncFnOnce() -> Operator,
) -> Operator {
    let is_first = AtomicBool::new(true);
    proxy.on_event(|asked, _| if is_of_policies(asked) { Fate::Hold } else { Fate::Pass });
    proxy.on_request(move |asked| {
        let is_list = is_of_policies(asked) && asked.is_list();
        if is_list && is_first.swap(false, Ordering::SeqCst) { Fault::Old } else { Fault::Pass }
    });
    let lists = || proxy.asked().iter().filter(|asked| is_of_policies(asked) && asked.is_list()).count();
    let writes = || proxy.writes().iter().filter(|asked| asked.is_about(kind)).count();
    let (listed, written) = (lists(), writes());
    let operator = start().await;
    until("another two lists of policies", PATIENCE, async || {
        let (listed, written) = (lists() - listed, writes() - written);
        Ok(Look::when(listed >= 3 || written > 0, || format!("{listed} in all")))
    })
    .await
    .unwrap();
    assert_eq!(writes(), written, "a write by an old view");
    operator
}
