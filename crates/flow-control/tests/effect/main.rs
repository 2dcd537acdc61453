//! Where lower limits do not help, they are given back; where they do, they stay.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod interrupted;
mod judged;
mod noisy;
mod relapse;

use flow_control::{
    Action, Aimd, Bandwidth, Bound, Decision, Effect, EffectCheck, Finite, Hindrance, Law, Manual, Moment,
    NoData, NoDataAction, Observation, Params, Range, Reading, Reason, Role, State, Unknown, step,
};
use std::time::Duration;

const AFTER: u64 = 30;
const RETRY: u64 = 300;
/// From 100M, cuts of a fifth reach 10M with the twelfth.
const CUTS: u64 = 12;
/// From 10M, raises of 10M reach 100M with the ninth.
const RAISES: u64 = 9;

/// A control loop that is stepped once a second, with a new measurement of each objective each time.
struct Loop {
    params: Params,
    state: State,
    second: u64,
    last: Decision,
}

impl Loop {
    fn from(mbps: u64) -> Self {
        let check =
            EffectCheck { after: Duration::from_secs(AFTER), retry_after: Duration::from_secs(RETRY) };
        let params = Params {
            law: Law::Aimd(Aimd::default()),
            no_data: NoData { after: Duration::from_secs(5), action: NoDataAction::Hold },
            ranges: vec![Range { min: Bandwidth::from_mbps(10), max: Bandwidth::from_mbps(100) }],
            effect_check: Some(check),
            manual: None,
            effect: Effect::Possible,
            traffic: Vec::new(),
        };
        let last = Decision { action: Action::Hold, reason: Reason::WithinBounds, objective: None };
        Self { params, state: State::resume(vec![Bandwidth::from_mbps(mbps)]), second: 1_000, last }
    }

    fn limit(&self) -> u64 {
        self.state.limits[0].bps() / 1_000_000
    }

    fn now(&self) -> Moment {
        Moment::after_epoch(Duration::from_secs(self.second))
    }

    fn observe(&mut self, observations: &[Observation]) -> &mut Self {
        self.second += 1;
        let now = self.now();
        let observations: Vec<_> =
            observations.iter().map(|seen| Observation { measured: Some(now), ..*seen }).collect();
        (self.state, self.last) = step(&self.params, self.state.clone(), &observations, now);
        self
    }

    /// One second in which objectives of at most 1 read so.
    fn read(&mut self, readings: &[Reading]) -> &mut Self {
        self.observe(&readings.iter().map(|reading| at_most_one(*reading)).collect::<Vec<_>>())
    }

    /// So many seconds in which an objective of at most 1 is at `value`.
    fn stay(&mut self, value: f64, seconds: u64) -> &mut Self {
        for _ in 0..seconds {
            self.read(&[Ok(number(value))]);
        }
        self
    }

    /// So many seconds of a path on which the objective depends on the limit. Returns the limit of each.
    fn run(&mut self, seconds: u64, mut path: impl FnMut(u64) -> f64) -> Vec<u64> {
        let mut limits = Vec::new();
        for _ in 0..seconds {
            let value = path(self.limit());
            limits.push(self.stay(value, 1).limit());
        }
        limits
    }

    fn is_ineffective(&self) -> bool {
        self.state.no_effect().is_some()
    }

    /// A loop that has just found lower limits to be of no effect on an objective that is always 2.
    fn ineffective() -> Self {
        let mut looped = Self::from(100);
        looped.stay(2.0, CUTS + AFTER);
        assert!(!looped.is_ineffective());
        looped.stay(2.0, 1);
        assert!(looped.is_ineffective());
        looped
    }
}

fn number(value: f64) -> Finite {
    Finite::new(value).unwrap()
}

fn at_most_one(reading: Reading) -> Observation {
    let bound = Bound::AtMost(number(1.0));
    Observation::new(Role::Control, 100, bound, reading, None)
}

fn said(looped: &Loop) -> (Action, Reason) {
    (looped.last.action, looped.last.reason)
}
