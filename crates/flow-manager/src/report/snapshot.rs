use super::decision_metrics::Tally;
use super::ineffective::Ineffective;
use super::sentences;
use crate::cluster::PodId;
use crate::enforce::Backend;
use flow_control::{Bandwidth, Decision, Failed, Judgement, Moment, Queueing, Reading, Unknown};
use flow_policy::{Invalid, Overrides, Policy};
use jiff::Timestamp;
use std::sync::Arc;

/// What there is to say about a policy now.
#[derive(Clone, Debug)]
pub enum Standing {
    /// Its spec cannot be used.
    Invalid {
        /// The generation of that spec.
        generation: Option<i64>,
        /// What is wrong with it.
        problem: Invalid,
    },
    /// It is at work.
    Running(Snapshot),
}

/// A policy at work, as of its latest decision.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The generation of the spec in use.
    pub generation: Option<i64>,
    /// The policy's namespace.
    pub namespace: String,
    /// The spec in use.
    pub policy: Arc<Policy>,
    /// What a person asks for besides.
    pub overrides: Arc<Overrides>,
    /// Since when its objectives are measured: an objective without data is first given time to get some.
    pub measured_since: Timestamp,
    /// Each of the policy's objectives, in its order.
    pub objectives: Vec<ObjectiveView>,
    /// Each of the policy's targets, in its order.
    pub targets: Vec<TargetView>,
    /// Who makes limits take effect.
    pub backend: Backend,
    /// The latest change of a limit, or in mode Observe the latest that would have been made.
    pub last_change: Option<Arc<Change>>,
    /// Since when what is learnt of the link is remembered: from before, only what is known to be good is.
    pub taken_up: Moment,
    /// When limits were last too high, where they were.
    pub failed: Option<Failed>,
    /// How often each decision was taken.
    pub decisions: Tally,
    /// Whether the limits are taken away for want of data.
    pub released: bool,
    /// That lower limits do not help, while it holds.
    pub ineffective: Option<Arc<Ineffective>>,
    /// Whether the administrator has allowed the policy's strategy.
    pub strategy_allowed: bool,
    /// The queries for traffic that are not asked, each with why, also as a sentence.
    pub traffic_refused: Vec<(Unknown, String)>,
}

/// A change of limits, told when it happened: later, neither the measured value nor the spec is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The decision behind it.
    pub decision: Decision,
    /// Why it was made and what it did, as a sentence.
    pub message: String,
    /// When.
    pub at: Timestamp,
}

/// How an objective stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectiveView {
    /// What was measured.
    pub reading: Reading,
    /// How that stands against the bound.
    pub judgement: Judgement,
    /// When it was measured, even if that is too long ago to count.
    pub measured: Option<Moment>,
    /// The queue on its path lately, where there is one.
    pub queueing: Option<Queueing>,
    /// What there is to add where it is unknown, such as the error of a query. It goes into the status, so it
    /// must stay the same while the cause does: no port numbers, no times.
    pub detail: Option<String>,
}

/// How a target stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetView {
    /// Whether its namespace lets the policy limit it.
    pub consents: bool,
    /// Whether it exists, as far as the policy may know.
    pub found: bool,
    /// The limit asked for: for each of its pods, or with the scope Target for all together.
    pub limit: Bandwidth,
    /// The highest limit that is known to be good, where one is.
    pub safe: Option<Bandwidth>,
    /// What got through when its limit was last too high, where it was: of what the limit is of.
    pub too_much: Option<Bandwidth>,
    /// The limit that it returns to once it is calm, where it is below that.
    pub goal: Option<Bandwidth>,
    /// Its running pods.
    pub pods: usize,
    /// Those on which the limit is known to be in force.
    pub enforced: usize,
    /// Those on which it is written, and nobody tells whether it is in force.
    pub unverified: usize,
    /// What its limit waits for, where it is no running pod that is changed but the pod template.
    pub awaiting: Option<Awaiting>,
    /// Why a pod has no limit in force, for the first such pod. A limit that was just asked for and may well
    /// be on its way is no problem: without one, the missing pods count as soon to follow.
    pub problem: Option<String>,
    /// That pod.
    pub faulty: Option<PodId>,
    /// What else holds some of its pods, as a sentence.
    pub message: Option<String>,
    /// What its pods really send together, where that is known.
    pub sent: Option<Bandwidth>,
}

/// What a limit in a pod template waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaiting {
    /// The policy to decide that limits are needed.
    Need,
    /// The least time between two rollouts to be over.
    Interval(Timestamp),
    /// The template to be written.
    Write,
    /// Every pod to be replaced.
    Pods,
}

impl Snapshot {
    /// The limit of one of the targets, if any is asked for: not of one that is missing, or must be left alone. In mode
    /// Observe, it is not written.
    #[must_use]
    pub fn limit_asked_of(&self, view: &TargetView) -> Option<Bandwidth> {
        (view.found && view.consents && !self.released).then_some(view.limit)
    }
}

impl Change {
    /// The change that `decision` made, or would have made, under `policy`: from these `objectives`, it led to
    /// these `limits`, each of a target with so many running pods.
    #[must_use]
    pub fn new(
        policy: &Policy,
        decision: Decision,
        objectives: &[ObjectiveView],
        limits: &[(Bandwidth, usize)],
        at: Timestamp,
    ) -> Self {
        let message = sentences::change(policy, decision, objectives, limits);
        Self { decision, message, at }
    }
}
