//! Asks Prometheus, and never takes a doubtful answer for a number.
//!
//! [`Client`] asks once and says what is wrong with an answer that is not one finite number. [`Queries`] asks one
//! Prometheus again and again, as seldom as the policies allow that want the same. Which ones there are, the
//! operator's administrator alone says: [`sources`].

mod access;
mod answer;
mod asking;
mod cadence;
mod client;
mod confine;
mod credentials;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod health;
mod metrics;
mod queries;
mod range;
mod reach;
mod secrets;
mod selector;
mod sight;
pub mod sources;
#[cfg(test)]
mod tests;
mod vector;

pub use access::{Access, LabelName, NamespacePattern, Refused};
pub use cadence::Cadence;
pub use client::{Client, Source, SourceError};
pub use confine::Unconfined;
pub use credentials::{CredentialError, CredentialFiles};
pub use error::QueryError;
pub use metrics::QueryMetrics;
pub use queries::{Latest, Queries, Query};
pub use range::{Past, Range};
pub use sight::Sight;
pub use vector::PodSeries;
