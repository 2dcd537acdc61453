//! The closed loop on a real cluster: what the demo and the end-to-end tests share.
//!
//! All of it runs inside a lab, as in `lab exec -- …`.

pub mod cluster;
pub mod document;
mod error;
pub mod factory;
mod first_moments;
pub mod forward;
mod images;
pub mod kubectl;
mod limit_watch;
mod machine;
pub mod metrics;
pub mod operator;
pub mod page;
mod path;
pub mod plot;
mod pod_network;
pub mod policies;
mod processes;
pub mod program;
pub mod prometheus;
mod recording;
pub mod release;
pub mod replicas;
pub mod report;
pub mod scenario;
pub mod stage;
pub mod statistics;
pub mod wait;
pub mod workload;

pub use cluster::Cluster;
pub use error::{Error, Result};
pub use first_moments::FirstMoments;
pub use limit_watch::{LimitWatch, mbps};
pub use machine::Machine;
pub use path::{Path, RoundTrip, SERVICE_PORT, jitter_us};
pub use pod_network::{PodNetwork, Qdisc};
pub use recording::{LimitPoint, Point, Recording, Span, TotalLimit};
pub use stage::Stage;
