//! The metric families, and the time series of one target in them.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use crate::event::{Discard, Event};
use crate::problem::Problem;
use crate::spec::Protocol;

/// Upper bounds in milliseconds, those of the predecessor.
const UDP_AND_TCP_BUCKETS: [f64; 8] = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];
const ICMP_BUCKETS: [f64; 8] = [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0];

const MILLISECONDS_PER_SECOND: f64 = 1000.0;

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct Labels {
    pub(super) protocol: &'static str,
    pub(super) target: String,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct TargetLabel {
    target: String,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct ReasonLabels {
    protocol: &'static str,
    target: String,
    reason: &'static str,
}

impl Labels {
    fn target(&self) -> TargetLabel {
        TargetLabel { target: self.target.clone() }
    }

    fn with_reason(&self, reason: &'static str) -> ReasonLabels {
        ReasonLabels { protocol: self.protocol, target: self.target.clone(), reason }
    }
}

type Seconds = Counter<f64, AtomicU64>;

/// All families.
#[derive(Debug)]
pub(super) struct Families {
    udp: Latency,
    tcp: Latency,
    icmp: Latency,
    sent: Family<Labels, Counter>,
    answered: Family<Labels, Counter>,
    lost: Family<Labels, Counter>,
    late: Family<Labels, Counter>,
    duplicate: Family<Labels, Counter>,
    reordered: Family<Labels, Counter>,
    stray: Family<Labels, Counter>,
    timer_error: Family<Labels, Seconds>,
    discarded: Family<ReasonLabels, Counter>,
    failed: Family<ReasonLabels, Counter>,
}

/// The predecessor's families of one protocol.
#[derive(Debug)]
struct Latency {
    newest: Family<TargetLabel, Gauge<f64, AtomicU64>>,
    success: Family<TargetLabel, Gauge>,
    histogram: Family<TargetLabel, Histogram, fn() -> Histogram>,
}

/// The counters of one target that each event may touch.
#[derive(Debug)]
pub(super) struct Series {
    sent: Counter,
    answered: Counter,
    lost: Counter,
    late: Counter,
    duplicate: Counter,
    reordered: Counter,
    stray: Counter,
    timer_error: Seconds,
}

fn register<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

impl Latency {
    fn new(histogram: fn() -> Histogram) -> Self {
        Self {
            newest: Family::default(),
            success: Family::default(),
            histogram: Family::new_with_constructor(histogram),
        }
    }

    fn register(&self, registry: &mut Registry, protocol: Protocol) {
        let name = |what: &str| format!("network_probe_{protocol}_{what}");
        let help = |what: &str| format!("{what} of {protocol} probes, milliseconds");
        registry.register(name("latency_ms"), help("Newest round-trip time"), self.newest.clone());
        let answered = format!("Whether the newest {protocol} probe was answered");
        registry.register(name("success"), answered, self.success.clone());
        registry.register(name("latency_hist"), help("Round-trip times"), self.histogram.clone());
    }
}

impl Families {
    pub(super) fn register(registry: &mut Registry) -> Self {
        fn counters<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
            register(registry, &format!("flowmanager_probe_{name}"), help, M::default())
        }
        Self {
            udp: Latency::new(|| Histogram::new(UDP_AND_TCP_BUCKETS)),
            tcp: Latency::new(|| Histogram::new(UDP_AND_TCP_BUCKETS)),
            icmp: Latency::new(|| Histogram::new(ICMP_BUCKETS)),
            sent: counters(registry, "sent", "Probes sent"),
            answered: counters(registry, "answered", "Probes answered in time"),
            lost: counters(registry, "lost", "Probes not answered in time"),
            late: counters(registry, "late", "Answers to probes already given up as lost"),
            duplicate: counters(registry, "duplicate", "Further answers to probes already answered"),
            reordered: counters(registry, "reordered", "Probes answered after one that was sent later"),
            stray: counters(registry, "stray", "Datagrams received that answer no probe remembered"),
            timer_error: counters(registry, "timer_error_seconds", "Sum of how late probes were sent"),
            discarded: counters(registry, "discarded", "Probes whose outcome says nothing about the path"),
            failed: counters(registry, "failed", "Faults that keep probes from being sent or answered"),
        }
    }

    /// Registers those of the predecessor as well.
    pub(super) fn register_predecessors(&self, registry: &mut Registry) {
        for protocol in [Protocol::Udp, Protocol::Tcp, Protocol::Icmp] {
            self.latency(protocol).register(registry, protocol);
        }
    }

    /// The counters of a target, which are there from now on.
    pub(super) fn series(&self, labels: &Labels) -> Series {
        Series {
            sent: self.sent.get_or_create_owned(labels),
            answered: self.answered.get_or_create_owned(labels),
            lost: self.lost.get_or_create_owned(labels),
            late: self.late.get_or_create_owned(labels),
            duplicate: self.duplicate.get_or_create_owned(labels),
            reordered: self.reordered.get_or_create_owned(labels),
            stray: self.stray.get_or_create_owned(labels),
            timer_error: self.timer_error.get_or_create_owned(labels),
        }
    }

    fn latency(&self, protocol: Protocol) -> &Latency {
        match protocol {
            Protocol::Udp => &self.udp,
            Protocol::Tcp => &self.tcp,
            Protocol::Icmp => &self.icmp,
        }
    }

    pub(super) fn answered(&self, protocol: Protocol, labels: &Labels, rtt: Duration) {
        let Latency { newest, success, histogram } = self.latency(protocol);
        let (target, milliseconds) = (labels.target(), rtt.as_secs_f64() * MILLISECONDS_PER_SECOND);
        newest.get_or_create(&target).set(milliseconds);
        success.get_or_create(&target).set(1);
        histogram.get_or_create(&target).observe(milliseconds);
    }

    pub(super) fn not_answered(&self, protocol: Protocol, labels: &Labels) {
        self.unknown(protocol, labels);
        self.latency(protocol).success.get_or_create(&labels.target()).set(0);
    }

    pub(super) fn unknown(&self, protocol: Protocol, labels: &Labels) {
        self.latency(protocol).newest.remove(&labels.target());
    }

    pub(super) fn discarded(&self, labels: &Labels, reason: Discard) {
        self.discarded.get_or_create(&labels.with_reason(reason.as_str())).inc();
    }

    pub(super) fn failed(&self, labels: &Labels, problem: &Problem) {
        self.failed.get_or_create(&labels.with_reason(problem.reason())).inc();
    }

    /// Removes all of a target.
    pub(super) fn remove(&self, protocol: Protocol, labels: &Labels) {
        let Latency { newest, success, histogram } = self.latency(protocol);
        let target = labels.target();
        newest.remove(&target);
        success.remove(&target);
        histogram.remove(&target);
        for counters in [&self.sent, &self.answered, &self.lost, &self.late, &self.duplicate] {
            counters.remove(labels);
        }
        self.reordered.remove(labels);
        self.stray.remove(labels);
        self.timer_error.remove(labels);
        for reason in Discard::ALL {
            self.discarded.remove(&labels.with_reason(reason.as_str()));
        }
        for reason in Problem::REASONS {
            self.failed.remove(&labels.with_reason(reason));
        }
    }
}

impl Series {
    pub(super) fn count(&self, event: &Event) {
        match event {
            Event::Sent { timer_error, .. } => {
                self.sent.inc();
                self.timer_error.inc_by(timer_error.as_secs_f64());
            }
            Event::Answered { reordered, .. } => {
                self.answered.inc();
                self.reordered.inc_by((*reordered).into());
            }
            Event::Lost { .. } => drop(self.lost.inc()),
            Event::Late { .. } => drop(self.late.inc()),
            Event::Duplicate { .. } => drop(self.duplicate.inc()),
            Event::Stray => drop(self.stray.inc()),
            Event::Discarded { .. } | Event::Failed { .. } => {}
        }
    }
}
