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
    /// What each pod had sent at the last count, in bits; `None` where it was not there.
    counted: Vec<Option<f64>>,
    on_the_way: VecDeque<(Moment, Told)>,
    told: Option<Told>,
}

/// What pods send, and which of them this is of.
#[derive(Clone, Debug)]
struct Told {
    traffic: Traffic,
    of: Vec<bool>,
}

impl Meter {
    /// `None` where nobody tells.
    pub(crate) fn new(spec: TrafficSpec, scope: Scope, pods: usize) -> Option<Self> {
        let (period, fresh_for) = match spec {
            TrafficSpec::Shaper | TrafficSpec::ShaperOnceLimited => (REPORTS, FRESH),
            TrafficSpec::Query(period) => (period.0, period.0.mul_f64(1.5) + FRESH),
            TrafficSpec::None => return None,
        };
        Some(Self {
            scope,
            every: Every::after(period, period),
            period,
            fresh_for,
            counted: vec![Some(0.0); pods],
            on_the_way: VecDeque::new(),
            told: None,
        })
    }

    /// Goes one step on; `sent` is what each pod has sent so far, in bits, where it is there.
    pub(crate) fn step(&mut self, sent: impl Fn(usize) -> Option<f64>, now: Moment) {
        if self.every.is_due(now) {
            let told = self.count(sent, now);
            self.on_the_way.push_back((now + ARRIVES, told));
        }
        while self.on_the_way.front().is_some_and(|(at, _)| now >= *at) {
            self.told = self.on_the_way.pop_front().map(|(_, told)| told);
        }
    }

    /// What it is told at last. As long as that is not of each pod there is, it is too old for anything.
    pub(crate) fn told(&self, is_there: impl Fn(usize) -> bool) -> Option<Traffic> {
        let Told { traffic, of } = self.told.as_ref()?;
        let all = of.iter().enumerate().all(|(pod, told)| *told || !is_there(pod));
        Some(if all { *traffic } else { Traffic { measured: Moment::default(), ..*traffic } })
    }

    /// Nothing is told of a pod that was not there at the last count.
    fn count(&mut self, sent: impl Fn(usize) -> Option<f64>, now: Moment) -> Told {
        let seconds = self.period.as_secs_f64();
        let (mut rates, mut of) = (Vec::with_capacity(self.counted.len()), Vec::new());
        for (pod, counted) in self.counted.iter_mut().enumerate() {
            let total = sent(pod);
            let rate = std::mem::replace(counted, total).zip(total).map(|(before, total)| total - before);
            rates.extend(rate.map(|bits| bits / seconds));
            of.push(rate.is_some());
        }
        let all: f64 = rates.iter().sum();
        let (busiest, fair) = match self.scope {
            Scope::Target => (all, all),
            Scope::Pod => per_pod(&rates),
        };
        let traffic = Traffic {
            sent: bandwidth(all),
            busiest: bandwidth(busiest),
            fair: bandwidth(fair),
            measured: now,
            fresh_for: self.fresh_for,
        };
        Told { traffic, of }
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
