//! What is known of each objective: its own probes, and what Prometheus answers.

mod alarm;
mod feed;
mod first_sign;
mod path_metrics;
mod paths;
mod record;

pub use feed::{Feed, Sources};
pub use path_metrics::PathMetrics;
pub use paths::{Path, Paths};
