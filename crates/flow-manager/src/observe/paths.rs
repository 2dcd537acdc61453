use super::first_sign::FirstSign;
use super::path_metrics::{Delays, by_target};
use super::record::{Record, Seen, TIMEOUT};
use crate::clock::Clock;
use flow_control::{LastQueued, Moment};
use flow_policy::spec::ProtocolSpec;
use flow_policy::{Indicator, Probe};
use flow_probe::metrics::Metrics;
use flow_probe::{ProbeHandle, ProbeSpec, Prober, Protocol};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Notify;

/// An indicator is stale once the newest answer is older than this many probe intervals, but never before
/// [`MIN_AGE`], since an answer that queued for long is old when it arrives.
const MAX_AGE_INTERVALS: u32 = 3;
const MIN_AGE: Duration = Duration::from_millis(500);

/// The paths that are probed now, each once, however many policies look at it.
pub struct Paths {
    prober: Prober,
    clock: Clock,
    metrics: Metrics,
    open: Mutex<HashMap<Probe, Weak<Path>>>,
}

/// A path that is probed for as long as somebody holds on to it.
pub struct Path {
    record: Arc<Record>,
    interval: Duration,
    _probing: ProbeHandle,
}

impl Paths {
    /// No path yet; probes will run on `prober` and count in `metrics`.
    #[must_use]
    pub fn new(prober: Prober, clock: Clock, metrics: Metrics) -> Self {
        Self { prober, clock, metrics, open: Mutex::default() }
    }

    /// The path that `probe` describes, probed from now on if it was not before.
    #[must_use]
    pub fn open(&self, probe: &Probe) -> Arc<Path> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = open.get(probe).and_then(Weak::upgrade) {
            return path;
        }
        // Only when there is no room: there may be many.
        if open.len() == open.capacity() {
            open.retain(|_, path| path.strong_count() > 0);
        }
        let path = Arc::new(self.start(probe));
        open.insert(probe.clone(), Arc::downgrade(&path));
        path
    }

    /// The delays of every path that has answered, by target.
    pub(super) fn delays(&self) -> BTreeMap<String, Delays> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let paths = open
            .iter()
            .filter_map(|(probe, path)| Some((spec(probe).endpoint(), path.upgrade()?.record.delays()?)));
        by_target(paths)
    }

    fn start(&self, probe: &Probe) -> Path {
        let spec = spec(probe);
        let max_age = (probe.interval * MAX_AGE_INTERVALS).max(MIN_AGE);
        let record = Arc::new(Record::new(self.clock, max_age));
        let sink = (Arc::clone(&record), self.metrics.target(&spec));
        Path { record, interval: probe.interval, _probing: self.prober.spawn(spec, Arc::new(sink)) }
    }
}

fn spec(probe: &Probe) -> ProbeSpec {
    ProbeSpec {
        protocol: match probe.protocol {
            ProtocolSpec::UDP => Protocol::Udp,
            ProtocolSpec::TCP => Protocol::Tcp,
            ProtocolSpec::ICMP => Protocol::Icmp,
        },
        host: probe.host.clone(),
        port: probe.port,
        interval: probe.interval,
        timeout: TIMEOUT,
    }
}

impl Path {
    /// What `indicator` says now, of which a queue may be the first `sign`, where the limits took effect at
    /// `settled_since`.
    pub(super) fn read(
        &self,
        indicator: Indicator,
        sign: Option<FirstSign>,
        now: Moment,
        settled_since: Moment,
        queued: &mut LastQueued,
    ) -> Seen {
        self.record.read(indicator, sign, now, settled_since, queued)
    }

    /// The time from one probe to the next.
    pub(super) const fn interval(&self) -> Duration {
        self.interval
    }

    /// Lets `bell` ring when the queue on this path gives the first `sign`, for as long as somebody holds on to it.
    pub(super) fn ring(&self, sign: FirstSign, bell: &Arc<Notify>) {
        self.record.ring(sign, bell);
    }
}
