//! What the operator knows of the cluster: shared caches of pods and workloads, and who belongs to whom.

mod caches;
mod consent;
mod identity;
mod interned;
mod inventory;
mod metrics;
mod objects;
mod pod;
mod policy;
mod problem;
mod revision;
mod targets;
mod uid;

pub use caches::{Caches, Refilled, Watches, watch, watches_no_more};
pub use identity::{PodId, PodName, PolicyId, PolicyName};
pub use inventory::Inventory;
pub use metrics::WatchMetrics;
pub use objects::{Changed, Object, Objects, ObjectsWriter};
pub use pod::CachedPod;
pub(crate) use pod::WatchedPod;
pub use policy::CachedPolicy;
pub use revision::Revision;
pub use targets::{Found, TargetPod, find};
pub use uid::Uid;
