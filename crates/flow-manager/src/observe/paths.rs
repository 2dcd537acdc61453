use super::path_metrics::{Delays, by_target};
use crate::clock::Clock;
use flow_control::{BaseRtt, Moment, Reading, Sample, Window};
use flow_policy::spec::ProtocolSpec;
use flow_policy::{Indicator, Probe};
use flow_probe::metrics::Metrics;
use flow_probe::{Event, ProbeHandle, ProbeSpec, Prober, Problem, Protocol, Sink};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// How many samples a path remembers: the most that an objective may ask for.
const WINDOW: usize = 1000;

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
    max_age: Duration,
    _probing: ProbeHandle,
}

/// What the probes of a path have told so far.
struct Record {
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    window: Window,
    base: BaseRtt,
    queueing: Duration,
    problem: Option<Problem>,
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
        open.retain(|_, path| path.strong_count() > 0);
        if let Some(path) = open.get(probe).and_then(Weak::upgrade) {
            return path;
        }
        let path = Arc::new(self.start(probe));
        open.insert(probe.clone(), Arc::downgrade(&path));
        path
    }

    /// The delays of every path that has answered, by target.
    pub(super) fn delays(&self) -> BTreeMap<String, Delays> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let paths =
            open.iter().filter_map(|(probe, path)| Some((spec(probe).endpoint(), path.upgrade()?.delays()?)));
        by_target(paths)
    }

    fn start(&self, probe: &Probe) -> Path {
        let spec = spec(probe);
        let record = Arc::new(Record { clock: self.clock, state: Mutex::new(State::new()) });
        let sink = (Arc::clone(&record), self.metrics.target(&spec));
        Path {
            record,
            max_age: (probe.interval * MAX_AGE_INTERVALS).max(MIN_AGE),
            _probing: self.prober.spawn(spec, Arc::new(sink)),
        }
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
        timeout: ProbeSpec::DEFAULT_TIMEOUT,
    }
}

impl Path {
    /// What `indicator` says now, and when the newest probe behind it was sent.
    pub fn read(&self, indicator: Indicator, now: Moment) -> (Reading, Option<Moment>) {
        let mut state = self.record.lock();
        let window = &mut state.window;
        let reading = match indicator {
            Indicator::Jitter { samples, method } => window.jitter(now, samples, method, self.max_age),
            Indicator::Latency { samples, permille } => window.latency(now, samples, permille, self.max_age),
            // A loss is known only once its timeout is over.
            Indicator::Loss { samples } => {
                window.loss(now, samples, self.max_age + ProbeSpec::DEFAULT_TIMEOUT)
            }
            Indicator::Throughput | Indicator::Value => Err(flow_control::Unknown::NoData),
        };
        (reading, window.newest())
    }

    /// Why the path cannot be probed, where that is known.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.record.lock().problem.as_ref().map(ToString::to_string)
    }

    fn delays(&self) -> Option<Delays> {
        let state = self.record.lock();
        Some(Delays { base: state.base.get()?, queueing: state.queueing })
    }
}

impl State {
    fn new() -> Self {
        Self {
            window: Window::new(WINDOW),
            base: BaseRtt::default(),
            queueing: Duration::ZERO,
            problem: None,
        }
    }
}

impl Record {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Record {
    fn record(&self, event: Event) {
        let mut state = self.lock();
        match event {
            Event::Answered { sent_at, rtt, .. } => {
                let sent = self.clock.moment(sent_at);
                state.window.push(Sample { sent, rtt: Some(rtt) });
                state.queueing = state.base.observe(rtt, sent);
                state.problem = None;
            }
            Event::Lost { sent_at } => {
                state.window.push(Sample { sent: self.clock.moment(sent_at), rtt: None });
            }
            Event::Failed { problem, .. } => state.problem = Some(problem),
            Event::Sent { .. }
            | Event::Late { .. }
            | Event::Duplicate { .. }
            | Event::Discarded { .. }
            | Event::Stray => {}
        }
    }
}
