//! Tells people what happens: the status of policies, Events and metrics.
//!
//! A [`Reporter`] takes the newest [`Standing`] of each policy. From there, [`status()`] says what the status
//! becomes, [`events()`] which Events that change is worth, and every scrape sees the standings as they are.

mod alike;
mod announcer;
mod board;
mod condition_metrics;
mod conditions;
mod decision_metrics;
mod events;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod gitops;
mod given_back;
mod ineffective;
mod metrics;
mod news;
mod predecessor_metrics;
mod reporter;
#[cfg(test)]
mod rollout;
mod safe_limit;
mod sentences;
mod series;
mod snapshot;
mod status;
mod why;
#[cfg(test)]
mod write_rate;
mod write_status;
mod writer;

pub use decision_metrics::Tally;
pub use events::events;
pub use given_back::given_back;
pub use ineffective::Ineffective;
pub use metrics::StandingMetrics;
pub use news::News;
pub use reporter::Reporter;
pub use sentences::{action_word, holding, reason_word, too_old};
pub use snapshot::{Awaiting, Change, ObjectiveView, Snapshot, Standing, TargetView};
pub use status::status;
pub use why::why;
pub use write_status::write_status;
