//! Asks Prometheus, and never takes a doubtful answer for a number.
//!
//! [`Client`] asks once and says what is wrong with an answer that is not one finite number. [`Queries`] asks
//! again and again, once per interval for all policies that want the same.

mod answer;
mod client;
mod credentials;
mod error;
mod health;
mod metrics;
mod queries;
#[cfg(test)]
mod tests;

pub use client::{Client, Source, SourceError};
pub use credentials::{CredentialError, CredentialFiles};
pub use error::QueryError;
pub use metrics::QueryMetrics;
pub use queries::{Latest, Queries, Query};
