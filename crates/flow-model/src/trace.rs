use flow_control::{Decision, Observation};
use std::time::Duration;

/// One look at a policy when it decides.
#[derive(Clone, Debug)]
pub struct Glimpse<'a> {
    /// The time since the run began.
    pub elapsed: Duration,
    /// The position of the policy in the scenario.
    pub policy: usize,
    /// What the first link carries, in bits per second.
    pub capacity: f64,
    /// How long a packet waits at the first link.
    pub wait: Duration,
    /// The limit of each target, in bits per second.
    pub limits: Vec<f64>,
    /// What all of the policy's pods may send together, in bits per second.
    pub together: f64,
    /// What the policy's pods send together as the operator knows it, in bits per second; `None` where nobody tells.
    pub sent: Option<f64>,
    /// What the policy's pods have delivered so far, in bits.
    pub delivered: f64,
    /// What the operator sees.
    pub observations: &'a [Observation],
    /// What was decided.
    pub decision: Decision,
}
