//! One regulator for each policy: at every interval it observes, decides, and hands on the limits.

mod control;
mod effect;
mod effective;
#[cfg(test)]
pub(crate) mod fixture;
mod memory;
mod metrics;
mod plan;
mod registry;
mod rollout;
mod settled;
mod traffic;

pub use memory::remembered;
pub use metrics::DecisionMetrics;
pub use plan::{Plan, PlannedTarget};
pub use registry::{Regulators, Services};
