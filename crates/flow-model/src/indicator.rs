use crate::spec::Asks;
use flow_control::{Bound, Finite, JitterMethod, Reading, Selection, Window};
use std::time::Duration;

/// What is measured of a flow, and what is asked of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Indicator {
    kind: Kind,
    pub(crate) bound: Bound,
    max: f64,
    /// How many probes it looks back on.
    pub(crate) samples: usize,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Jitter(JitterMethod),
    Latency(u16),
    Loss,
}

impl Indicator {
    pub(crate) fn new(asks: Asks) -> Self {
        let (kind, max, samples) = match asks {
            Asks::Jitter { max, method, samples } => {
                (Kind::Jitter(method.into()), max.0.as_secs_f64(), samples)
            }
            Asks::Latency { max, permille, samples } => {
                (Kind::Latency(permille), max.0.as_secs_f64(), samples)
            }
            Asks::Loss { max, samples } => (Kind::Loss, max, samples),
        };
        let bound = Bound::AtMost(Finite::new(max).unwrap_or_default());
        Self { kind, bound, max, samples }
    }

    /// What it says of a selection.
    pub(crate) fn read(&self, window: &mut Window, of: Selection) -> Reading {
        match self.kind {
            Kind::Jitter(method) => window.jitter(of, method),
            Kind::Latency(permille) => window.latency(of, permille),
            Kind::Loss => window.loss(of),
        }
    }

    /// Whether it is about lost packets, which are known late.
    pub(crate) const fn is_loss(&self) -> bool {
        matches!(self.kind, Kind::Loss)
    }

    /// The queueing delay that is the first sign of a violation, where the base round-trip time is `base`.
    pub(crate) fn first_sign(&self, base: Duration) -> Option<Duration> {
        let seconds = match self.kind {
            Kind::Jitter(JitterMethod::DelayVariation) => self.max / 2.0,
            Kind::Jitter(_) => self.max * 2.5,
            Kind::Latency(_) => ((self.max - base.as_secs_f64()) / 4.0).max(self.max / 20.0),
            Kind::Loss => return None,
        };
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// Whether a packet of this round-trip time is one that breaks the bound if there are more like it.
    pub(crate) fn breaks(&self, rtt: Option<Duration>, base: Duration) -> bool {
        match (self.kind, rtt) {
            (_, None) => true,
            (Kind::Jitter(_), Some(rtt)) => rtt.saturating_sub(base).as_secs_f64() > self.max,
            (Kind::Latency(_), Some(rtt)) => rtt.as_secs_f64() > self.max,
            (Kind::Loss, Some(_)) => false,
        }
    }
}
