//! What the operator knows of the cluster: shared caches of pods and workloads, and who belongs to whom.

mod caches;
mod consent;
mod identity;
mod inventory;
mod metrics;
mod problem;
mod targets;

pub use caches::{Caches, Watches, watch, watches_no_more};
pub use identity::{PodId, PolicyId};
pub use inventory::Inventory;
pub use metrics::WatchMetrics;
pub use targets::{Found, TargetPod, find};
