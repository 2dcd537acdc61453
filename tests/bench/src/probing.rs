//! A measurement of the path to the critical service that the operator knows nothing of.

use crate::recording::Probe;
use flow_e2e::{Result, SERVICE_PORT, factory};
use flow_probe::{Event, ProbeHandle, ProbeSpec, Prober, Protocol, Sink};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Probes from the node, through the same link as the pods' traffic, until it is dropped.
pub(crate) struct Probing {
    record: Arc<Record>,
    _handle: ProbeHandle,
    _prober: Prober,
}

struct Record {
    start: Instant,
    ended: Mutex<Vec<Probe>>,
}

impl Probing {
    /// Starts to probe; times count from `start`.
    pub(crate) fn start(start: Instant, interval: Duration) -> Result<Self> {
        let record = Arc::new(Record { start, ended: Mutex::default() });
        let spec = ProbeSpec {
            protocol: Protocol::Udp,
            host: factory::HOST.to_owned(),
            port: SERVICE_PORT,
            interval,
            timeout: ProbeSpec::DEFAULT_TIMEOUT,
        };
        let prober = Prober::start()?;
        let handle = prober.spawn(spec, Arc::<Record>::clone(&record));
        Ok(Self { record, _handle: handle, _prober: prober })
    }

    /// The probes sent from `from_s` on and before `to_s`, in the order of sending.
    pub(crate) fn sent(&self, from_s: f64, to_s: f64) -> Vec<Probe> {
        let ended = self.record.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let within = |probe: &&Probe| (from_s..to_s).contains(&probe.sent_s);
        let mut probes: Vec<Probe> = ended.iter().filter(within).copied().collect();
        probes.sort_by(|one, other| one.sent_s.total_cmp(&other.sent_s));
        probes
    }

    /// The round trips of the newest `count` answers, in microseconds.
    pub(crate) fn newest_us(&self, count: usize) -> Vec<f64> {
        let ended = self.record.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.iter().rev().filter_map(|probe| probe.rtt_us).take(count).collect()
    }
}

impl Sink for Record {
    fn record(&self, event: Event) {
        let (sent_at, rtt) = match event {
            Event::Answered { sent_at, rtt, .. } => (sent_at, Some(rtt)),
            Event::Lost { sent_at } => (sent_at, None),
            _ => return,
        };
        let sent_s = sent_at.saturating_duration_since(self.start).as_secs_f64();
        let probe = Probe { sent_s, rtt_us: rtt.map(|rtt| rtt.as_secs_f64() * 1e6) };
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).push(probe);
    }
}
