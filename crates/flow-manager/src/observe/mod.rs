//! What is known of each objective: its own probes, and what Prometheus answers.

mod feed;
mod path_metrics;
mod paths;

pub use feed::{Feed, Sources};
pub use path_metrics::PathMetrics;
pub use paths::{Path, Paths};
