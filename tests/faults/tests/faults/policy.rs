//! The policies of these tests: quick, and with few steps.

use flow_e2e::policies::{by_query, with};
use flow_faults::world::OTHER;
use serde_json::{Value, json};
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
