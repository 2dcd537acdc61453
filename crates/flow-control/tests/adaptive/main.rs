//! The law Adaptive: what it does in each situation, one rule after the other.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod cuts;
mod futile;
mod growth;
mod memory;
mod parameters;
mod unknown;

use flow_control::{
    Action, Adaptive, Bandwidth, Bound, Decision, Effect, EffectCheck, Failed, Finite, Law, Manual, Moment,
    NoData, NoDataAction, Observation, Params, Queueing, Range, Reading, Reason, Role, State, Traffic,
    Unknown, step,
};
use std::time::Duration;

const TICK_MILLIS: u64 = 200;
/// The queueing delay that is allowed on the path.
const ALLOWED: Duration = Duration::from_millis(1);

/// A policy for one path, decided every 200 ms. What is seen stays until it is said to be otherwise.
struct Scene {
    params: Params,
    state: State,
    millis: u64,
    /// What an objective of at most 1 reads, over its whole window.
    reading: Reading,
    /// The same under the present limits; as `reading` where it is not said.
    settled: Option<Reading>,
    /// The queueing delay in hundredths of what is allowed, and whether that is of the present limits.
    queue: Option<(u32, bool)>,
    /// What the one pod of each target sends, in Mbit/s, and how many milliseconds ago; `None` where nobody tells.
    sent: Vec<Option<(u64, u64)>>,
    period: Duration,
    last: Decision,
}

impl Scene {
    /// One target of 10M to 1G that has so many Mbit/s, on a path without a queue.
    fn at(limit: u64) -> Self {
        Self::of(&[limit])
    }

    fn of(limits: &[u64]) -> Self {
        let params = Params {
            law: Law::Adaptive(Adaptive::BALANCED),
            no_data: NoData { after: Duration::from_secs(5), action: NoDataAction::Hold },
            ranges: limits.iter().map(|_| Range { min: mbps(10), max: mbps(1_000) }).collect(),
            effect_check: Some(EffectCheck {
                after: Duration::from_millis(1_500),
                retry_after: Duration::from_secs(30),
            }),
            manual: None,
            effect: Effect::Possible,
            traffic: Vec::new(),
        };
        Self {
            params,
            state: State::resume(limits.iter().copied().map(mbps).collect()),
            millis: 100_000,
            reading: Ok(number(0.1)),
            settled: None,
            queue: Some((0, true)),
            sent: limits.iter().map(|limit| Some((*limit, 0))).collect(),
            period: Duration::from_millis(20),
            last: Decision { action: Action::Hold, reason: Reason::WithinBounds, objective: None },
        }
    }

    fn law(mut self, law: Adaptive) -> Self {
        self.params.law = Law::Adaptive(law);
        self
    }

    /// From now on the queue is this, in hundredths of what is allowed.
    fn queue(&mut self, percent: u32) -> &mut Self {
        self.queue = Some((percent, true));
        self
    }

    /// From now on the one target sends this.
    fn sends(&mut self, mbps: u64) -> &mut Self {
        self.sent = vec![Some((mbps, 0))];
        self
    }

    /// From now on the one target sends all that it may.
    fn sends_all(&mut self) -> &mut Self {
        let limit = self.limit();
        self.sends(limit)
    }

    fn reads(&mut self, reading: Reading) -> &mut Self {
        self.reading = reading;
        self
    }

    fn tick(&mut self) -> &mut Self {
        self.millis += TICK_MILLIS;
        let now = at(self.millis);
        self.params.traffic = self.sent.iter().map(|sent| sent.map(|sent| self.traffic(sent))).collect();
        let state = self.state.clone();
        (self.state, self.last) = step(&self.params, state, &[self.observation()], now);
        self
    }

    /// So many milliseconds, in which targets that could send more do as they may.
    fn lasts(&mut self, millis: u64) -> &mut Self {
        for _ in 0..millis / TICK_MILLIS {
            self.tick();
        }
        self
    }

    fn observation(&self) -> Observation {
        let queueing = |(percent, settled)| Queueing {
            delay: ALLOWED * percent / 100,
            allowed: ALLOWED,
            growth_percent: 0,
            settled,
            answered: true,
        };
        let bound = Bound::AtMost(number(1.0));
        Observation {
            settled: self.settled.unwrap_or(self.reading),
            period: self.period,
            queueing: self.queue.map(queueing),
            ..Observation::new(Role::Control, 100, bound, self.reading, Some(at(self.millis)))
        }
    }

    fn traffic(&self, (sent, age): (u64, u64)) -> Traffic {
        let (sent, measured) = (mbps(sent), at(self.millis - age));
        Traffic { sent, busiest: sent, fair: sent, measured, fresh_for: Duration::from_secs(1) }
    }

    fn limit(&self) -> u64 {
        self.state.limits[0].bps() / 1_000_000
    }

    fn limits(&self) -> Vec<u64> {
        self.state.limits.iter().map(|limit| limit.bps() / 1_000_000).collect()
    }

    fn said(&self) -> (Action, Reason) {
        (self.last.action, self.last.reason)
    }

    /// Ticks until something is decided for this reason, and returns after how many milliseconds.
    #[track_caller]
    fn until(&mut self, reason: Reason) -> u64 {
        for tick in 1..=10_000 {
            if self.tick().last.reason == reason {
                return tick * TICK_MILLIS;
            }
        }
        unreachable!("never {reason:?}: {:?} at {:?}", self.last, self.limits())
    }
}

/// What a link bears: a scene in which what is sent, and the queue, follow from the limit.
fn on_link(scene: &mut Scene, capacity: u64, millis: u64) {
    for _ in 0..millis / TICK_MILLIS {
        let limit = scene.limit();
        scene.sends(limit.min(capacity)).queue(if limit > capacity { 150 } else { 0 }).tick();
    }
}

fn mbps(mbps: u64) -> Bandwidth {
    Bandwidth::from_mbps(mbps)
}

fn at(millis: u64) -> Moment {
    Moment::after_epoch(Duration::from_millis(millis))
}

fn number(value: f64) -> Finite {
    Finite::new(value).unwrap()
}
