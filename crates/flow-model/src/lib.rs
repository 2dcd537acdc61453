//! A model of a shared link, to see how a control law behaves on it.
//!
//! Best-effort pods and a critical flow share a first-in-first-out bottleneck. Time goes on in steps of a
//! millisecond; within a step traffic is a fluid. A policy's control loop, `flow_control::step` fed with what the
//! operator would see, holds the pods to limits, and what the critical flow's users get is measured.
//!
//! Read in this order: `link`, `sender`, `critical` (the world), `feed`, `traffic`, `in_force` (what the operator
//! sees of it), `regulator` (the loop), [`Scenario`], [`run`], [`Figures`]. A [`Candidate`] is a policy of somebody's own.

mod bits;
mod candidate;
mod check;
mod clock;
mod contender;
mod critical;
mod dice;
mod expect;
mod feed;
mod figures;
mod history;
mod in_force;
mod indicator;
mod link;
mod oracle;
mod picture;
mod plot;
mod reaction;
mod regulator;
mod run;
mod scenario;
mod scraped;
mod sender;
mod spec;
mod tcp;
mod trace;
mod traffic;
mod units;
mod world;

pub use candidate::{Asked, Candidate, CandidateObjective, CandidateTarget, MeasuredBy};
pub use contender::Contender;
pub use expect::{Expect, Expected};
pub use figures::Figures;
pub use history::{History, Point};
pub use picture::{Label, Line, Panel, Picture, PictureError, Stroke};
pub use plot::plot;
pub use run::{Judged, Outcome, run};
pub use scenario::{Error, Scenario};
pub use trace::Glimpse;
