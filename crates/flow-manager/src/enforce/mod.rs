//! Puts limits on running pods and takes them away again, so that nothing is lost.
//!
//! The [`Enforcer`] is told what each policy claims. [`book`] arbitrates between the claims, [`write`] says what has
//! to be written to a pod, in the form that [`encode`] gives it and with what [`record`] needs to undo it; [`inherited`]
//! keeps lower limits that it has not set itself, [`worker`] writes, and [`shapers`] tells whether it is in force on the
//! node, and what is sent.

mod ask;
mod backend;
mod book;
mod confirmed;
mod created;
mod desk;
mod detect;
mod encode;
mod enforcer;
#[cfg(test)]
mod faults;
#[doc(hidden)]
pub mod fuzzing;
mod held;
mod in_force;
mod inherited;
mod ledger;
mod metrics;
mod on_pod;
mod pace;
mod record;
mod request;
mod restore_pods;
mod rounds;
mod sent;
mod shapers;
mod worker;
mod write;

pub use backend::Backend;
pub use confirmed::Confirmed;
pub use detect::{Choice, of_cluster};
pub use enforcer::Enforcer;
pub use held::{Held, sentence as held_sentence};
pub use in_force::InForce;
pub(crate) use inherited::{Inheritance, OwnLimits};
pub use ledger::Sent;
pub use metrics::EnforceMetrics;
pub use on_pod::OnPod;
pub use record::wanted_limit;
pub(crate) use request::Write;
pub use restore_pods::{RestoreError, restore_pods};
pub use shapers::Attention;
pub(crate) use worker::WRITE_TIMEOUT;
