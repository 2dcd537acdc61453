//! Writes limits into the pod templates of workloads, whose controllers then replace the pods: for network plugins that
//! read a limit only as a pod is created.
//!
//! [`Rollouts`] is told what each policy asks of a workload. [`due`] says when which limit is worth a rollout, [`write`]
//! what has to be written, [`inherited`] keeps lower limits that we have not set ourselves, [`worker`] writes, and
//! [`standing`] tells how far the newest rollout has come.

mod asks;
mod desk;
mod due;
#[cfg(test)]
mod faults;
mod inherited;
mod metrics;
mod restore;
mod rollouts;
mod standing;
mod worker;
mod workload;
mod write;

pub use due::Ask;
pub use metrics::RolloutMetrics;
pub use restore::{RestoreError, Restored, restore_templates};
pub use rollouts::Rollouts;
pub use standing::{Stage, Standing};
pub use workload::{Kind, WorkloadId};
