use crate::bits::{bandwidth, count};
use crate::clock::Every;
use crate::spec::{Scope, TrafficSpec};
use flow_control::{Moment, Traffic};
use std::collections::VecDeque;
use std::time::Duration;

/// How often the shaper reports, how late that arrives, and how long it counts.
const REPORTS: Duration = Duration::from_millis(250);
const ARRIVES: Duration = Duration::from_millis(50);
const FRESH: Duration = Duration::from_secs(1);

/// What the operator is told of what a target's pods send.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    scope: Scope,
    every: Every,
    period: Duration,
    fresh_for: Duration,
    /// What each pod had sent at the last count, in bits.
    counted: Vec<f64>,
    on_the_way: VecDeque<(Moment, Traffic)>,
    told: Option<Traffic>,
}

impl Meter {
    /// `None` where nobody tells.
    pub(crate) fn new(spec: TrafficSpec, scope: Scope, pods: usize) -> Option<Self> {
        let (period, fresh_for) = match spec {
            TrafficSpec::Shaper => (REPORTS, FRESH),
            TrafficSpec::Query(period) => (period.0, period.0.mul_f64(1.5) + FRESH),
            TrafficSpec::None => return None,
        };
        Some(Self {
            scope,
            every: Every::after(period, period),
            period,
            fresh_for,
            counted: vec![0.0; pods],
            on_the_way: VecDeque::new(),
            told: None,
        })
    }

    /// Goes one step on; `sent` is what each pod has sent so far, in bits.
    pub(crate) fn step(&mut self, sent: impl Fn(usize) -> f64, now: Moment) {
        if self.every.is_due(now) {
            let traffic = self.count(sent, now);
            self.on_the_way.push_back((now + ARRIVES, traffic));
        }
        while self.on_the_way.front().is_some_and(|(at, _)| now >= *at) {
            self.told = self.on_the_way.pop_front().map(|(_, traffic)| traffic);
        }
    }

    pub(crate) const fn told(&self) -> Option<Traffic> {
        self.told
    }

    fn count(&mut self, sent: impl Fn(usize) -> f64, now: Moment) -> Traffic {
        let seconds = self.period.as_secs_f64();
        let mut rates = Vec::with_capacity(self.counted.len());
        for (pod, counted) in self.counted.iter_mut().enumerate() {
            let total = sent(pod);
            rates.push((total - *counted) / seconds);
            *counted = total;
        }
        let all: f64 = rates.iter().sum();
        let (busiest, fair) = match self.scope {
            Scope::Target => (all, all),
            Scope::Pod => per_pod(&rates),
        };
        Traffic {
            sent: bandwidth(all),
            busiest: bandwidth(busiest),
            fair: bandwidth(fair),
            measured: now,
            fresh_for: self.fresh_for,
        }
    }
}

/// The rate of the busiest pod, and the mean of those that send at least a quarter of it.
fn per_pod(rates: &[f64]) -> (f64, f64) {
    let busiest = rates.iter().copied().fold(0.0, f64::max);
    let busy: Vec<f64> = rates.iter().copied().filter(|rate| *rate >= busiest / 4.0).collect();
    (busiest, busy.iter().sum::<f64>() / count(busy.len()).max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_pods_do_not_count_for_the_fair_share() {
        let (busiest, fair) = per_pod(&[40.0, 20.0, 1.0, 0.0]);
        assert!((busiest - 40.0).abs() < 1e-9 && (fair - 30.0).abs() < 1e-9);
        assert_eq!(per_pod(&[]), (0.0, 0.0));
    }
}
