//! Asks Prometheus, and never takes a doubtful answer for a number.

mod answer;
mod client;
mod error;
mod metrics;
mod queries;

pub use client::{Client, Source, SourceError};
pub use error::QueryError;
pub use metrics::QueryMetrics;
pub use queries::{Latest, Queries, Query};
