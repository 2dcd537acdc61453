//! Puts limits on running pods and takes them away again, so that nothing is lost.
//!
//! The [`Enforcer`] is told what each policy claims. [`book`] arbitrates between the claims, [`write`] says what has
//! to be written to a pod, [`worker`] writes it, and [`shapers`] tells whether it is in force on the node.

mod backend;
mod book;
mod enforcer;
#[cfg(test)]
mod faults;
mod in_force;
mod metrics;
mod restore_all;
mod shapers;
mod worker;
mod write;

pub use backend::Backend;
pub use enforcer::Enforcer;
pub use in_force::InForce;
pub use metrics::EnforceMetrics;
pub use restore_all::{RestoreError, restore_all};
pub(crate) use worker::WRITE_TIMEOUT;
