//! What must hold for arbitrary bytes from outside.
//!
//! Each function takes what a fuzzer made up, feeds it to what reads it in the operator, and panics where a property
//! does not hold. `fuzz/` has a fuzzer for each of [`TARGETS`]; a test goes over the inputs below `fuzz/seeds`.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a property that does not hold panics, and the module says so"
)]

mod import;
mod input;
mod overrides;
mod pod;
mod policy;
mod probe;
mod prometheus;
mod quantity;
mod query;

pub use import::import;
pub use overrides::overrides;
pub use pod::pod_annotations;
pub use policy::policy_spec;
pub use probe::probe_datagram;
pub use prometheus::prometheus_answer;
pub use quantity::quantity;
pub use query::promql_query;

/// What feeds bytes to what reads them.
pub type Target = fn(&[u8]);

/// Every target, by the name of its fuzzer and of its folder of seeds.
pub const TARGETS: [(&str, Target); 8] = [
    ("import", import),
    ("overrides", overrides),
    ("pod_annotations", pod_annotations),
    ("policy_spec", policy_spec),
    ("probe_datagram", probe_datagram),
    ("prometheus_answer", prometheus_answer),
    ("promql_query", promql_query),
    ("quantity", quantity),
];
