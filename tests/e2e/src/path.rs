use crate::Result;
use crate::statistics::interquartile_range;
use flow_lab::address::FACTORY;

use flow_probe::{Event, ProbeHandle, ProbeSpec, Prober, Protocol, Sink};
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The port of the critical service.
pub const SERVICE_PORT: u16 = 5201;
/// How many answered probes jitter is computed over: as many as in the policy of the demo.
const SAMPLES: usize = 20;
/// An older sample says nothing about now.
const MAX_AGE_S: f64 = 1.0;

/// One answered probe.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RoundTrip {
    /// When it was sent, in seconds since the start of the measurement.
    pub sent_s: f64,
    /// How long the answer took, in microseconds.
    pub rtt_us: f64,
}

impl RoundTrip {
    fn arrived_s(self) -> f64 {
        self.sent_s + self.rtt_us / 1e6
    }
}

/// The harness's own measurement of the path to the critical service, from the node through the same uplink
/// as the pods' traffic. The operator knows nothing of it.
pub struct Path {
    record: Arc<Record>,
    _probing: ProbeHandle,
    _prober: Prober,
}

struct Record {
    start: Instant,
    answered: Mutex<Vec<RoundTrip>>,
}

impl Path {
    /// Starts to measure; times count from `start`.
    pub fn measure(start: Instant) -> Result<Self> {
        let record = Arc::new(Record { start, answered: Mutex::default() });
        let spec = ProbeSpec {
            protocol: Protocol::Udp,
            host: FACTORY.to_owned(),
            port: SERVICE_PORT,
            interval: Duration::from_millis(20),
            timeout: ProbeSpec::DEFAULT_TIMEOUT,
        };
        let prober = Prober::start()?;
        let probing = prober.spawn(spec, Arc::<Record>::clone(&record));
        Ok(Self { record, _probing: probing, _prober: prober })
    }

    /// All answered probes so far, in the order of their answers.
    #[must_use]
    pub fn round_trips(&self) -> Vec<RoundTrip> {
        self.record.answered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The jitter now, in microseconds.
    #[must_use]
    pub fn jitter_us(&self) -> Option<f64> {
        let answered = self.record.answered.lock().unwrap_or_else(PoisonError::into_inner);
        jitter_us(&answered, self.record.start.elapsed().as_secs_f64())
    }
}

impl Sink for Record {
    fn record(&self, event: Event) {
        if let Event::Answered { sent_at, rtt, .. } = event {
            let sent_s = sent_at.saturating_duration_since(self.start).as_secs_f64();
            let trip = RoundTrip { sent_s, rtt_us: rtt.as_secs_f64() * 1e6 };
            self.answered.lock().unwrap_or_else(PoisonError::into_inner).push(trip);
        }
    }
}

/// The jitter at a time: the interquartile range of the newest round trips that had ended by then. `None`
/// where there are too few of them, or the newest is old.
#[must_use]
pub fn jitter_us(trips: &[RoundTrip], at_s: f64) -> Option<f64> {
    let ended = || trips.iter().rev().filter(|trip| trip.arrived_s() <= at_s);
    ended().next().filter(|newest| at_s - newest.sent_s <= MAX_AGE_S)?;
    let newest: Vec<f64> = ended().take(SAMPLES).map(|trip| trip.rtt_us).collect();
    interquartile_range(&newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trips(rtts_us: &[f64]) -> Vec<RoundTrip> {
        let trip = |(position, rtt_us): (u32, &f64)| RoundTrip {
            sent_s: f64::from(position) / 50.0,
            rtt_us: *rtt_us,
        };
        (0..).zip(rtts_us).map(trip).collect()
    }

    #[test]
    fn jitter_looks_at_the_newest_answers_only() {
        let mut rtts = vec![9_000.0, 100.0, 5_000.0];
        rtts.extend([200.0; 20]);
        assert_eq!(jitter_us(&trips(&rtts), 0.5), Some(0.0));
    }

    #[test]
    fn an_answer_that_is_yet_to_come_does_not_count() {
        assert_eq!(jitter_us(&trips(&[200.0; 5]), 0.08), None);
        assert_eq!(jitter_us(&trips(&[200.0; 5]), 0.081), Some(0.0));
    }

    #[test]
    fn a_silent_path_has_no_jitter() {
        assert_eq!(jitter_us(&trips(&[200.0; 20]), 2.0), None);
    }
}
