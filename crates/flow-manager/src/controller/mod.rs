//! The controller: keeps one regulator for each policy, by the spec and by the pods that there are.

mod concerned;
mod error;
mod known;
mod metrics;
mod reconcile;
mod retry;
mod run;
mod startup;

pub use error::Error;
pub use metrics::ReconcileMetrics;
pub use reconcile::{Context, reconcile};
pub use run::run;
