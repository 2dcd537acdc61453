//! The control core of flow-manager.
//!
//! Everything here is a pure function of its arguments: there is no clock, no I/O and no Kubernetes. Time
//! is a [`Moment`] that the caller passes in, and what could not be measured is an [`Unknown`], never zero.
//!
//! Read in this order: [`Window`] (samples of a path and what they say), [`Bound`] (what is asked of an
//! indicator), [`step`] (the decision), [`arbitrate`] (one limit per pod out of several decisions).

mod adaptive;
mod aimd;
mod arbitrate;
mod bandwidth;
mod base_rtt;
mod bound;
mod decision;
mod effect;
mod finite;
mod hindrance;
mod jitter;
mod law;
mod levels;
mod moment;
mod observation;
mod quantile;
mod quantity;
mod queueing;
mod reading;
mod rules;
mod share;
mod situation;
mod spread;
mod step;
mod window;

pub use adaptive::Adaptive;
pub use aimd::Aimd;
pub use arbitrate::{Claim, arbitrate};
pub use bandwidth::Bandwidth;
pub use base_rtt::BaseRtt;
pub use bound::{Bound, Judgement};
pub use decision::{Action, Decision, Reason};
pub use effect::{EffectCheck, NoEffect};
pub use finite::{Finite, NotFinite};
pub use hindrance::{Effect, Hindrance};
pub use jitter::JitterMethod;
pub use law::Law;
pub use moment::Moment;
pub use observation::{Observation, Queueing, Role, Traffic};
pub use quantity::QuantityError;
pub use queueing::{LastQueued, NewestProbes};
pub use reading::{Reading, Unknown};
pub use step::{Failed, Manual, NoData, NoDataAction, Params, Range, State, step};
pub use window::{Sample, Selection, Window};
