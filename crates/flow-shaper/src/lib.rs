//! Makes the egress bandwidth annotation of running pods take effect on their node.
//!
//! On each node one [`Shaper`] watches the pods of its node and holds each one that has the annotation
//! [`EGRESS_BANDWIDTH`] to that limit, through a token bucket filter ([`Tbf`]) at the root of `eth0` in the pod's
//! network namespace. It follows changes at once, puts back what has gone missing, takes away what it set when the
//! annotation goes, and leaves everything in place when it stops. Pods without the annotation are only looked at, once,
//! for what an agent before may have left; pods that use the node's network, and queueing disciplines that somebody
//! else has set, are left alone.
//!
//! What each limited pod asks for, is held to and really sends comes out as a [`NodeReport`] and as metrics.

mod agent;
mod annotation;
mod decide;
mod finder;
mod interface;
mod meter;
mod metrics;
mod pods;
mod processes;
mod report;
mod reports;
mod shaper;
mod tbf;
mod tracked;
mod watching;
mod wire;

pub use annotation::{AnnotationError, EGRESS_BANDWIDTH};
pub use interface::{Counters, HANDLE, Interface, InterfaceError, NamespaceId, Root, Seen};
pub use metrics::ShaperMetrics;
pub use report::{Measured, NodeReport, PodReport};
pub use reports::Reports;
pub use shaper::{Config, Error, Shaper};
pub use tbf::Tbf;
pub use watching::watch;
pub use wire::Shown;
