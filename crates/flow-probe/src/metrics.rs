//! Probe events as Prometheus metrics.
//!
//! The predecessor's names are kept, in milliseconds as it had them: `network_probe_udp_latency_ms{target}`,
//! `network_probe_udp_success{target}` and the histogram `network_probe_udp_latency_hist{target}`, likewise
//! for `tcp` and `icmp`. Latency and success are those of the newest probe whose outcome is known. If that was
//! not answered there is no latency, so that no old value passes for a current one.
//!
//! New ones are counters in base units, `flowmanager_probe_*{protocol,target}`.

mod families;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use prometheus_client::registry::Registry;

use self::families::{Families, Labels, Series};
use crate::event::{Event, Sink};
use crate::spec::{ProbeSpec, Protocol};

/// The metrics of all probes.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    families: Families,
    targets: Mutex<HashMap<Labels, Weak<TargetMetrics>>>,
}

impl Inner {
    fn targets(&self) -> MutexGuard<'_, HashMap<Labels, Weak<TargetMetrics>>> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Metrics {
    /// Registers the metrics.
    pub fn register(registry: &mut Registry) -> Self {
        let families = Families::register(registry);
        families.register_predecessors(registry);
        Self(Arc::new(Inner { families, targets: Mutex::default() }))
    }

    /// Registers the metrics by their new names alone.
    pub fn register_without_predecessors(registry: &mut Registry) -> Self {
        Self(Arc::new(Inner { families: Families::register(registry), targets: Mutex::default() }))
    }

    /// The metrics of one target, labelled `target="host:port"`; probes that differ in interval or timeout
    /// alone share them. They are gone when the last that holds them drops them.
    #[must_use]
    pub fn target(&self, spec: &ProbeSpec) -> Arc<TargetMetrics> {
        let labels = Labels { protocol: spec.protocol.as_str(), target: spec.endpoint() };
        let mut targets = self.0.targets();
        if let Some(target) = targets.get(&labels).and_then(Weak::upgrade) {
            return target;
        }
        let series = self.0.families.series(&labels);
        let all = self.0.clone();
        let target = Arc::new(TargetMetrics { protocol: spec.protocol, labels: labels.clone(), series, all });
        targets.insert(labels, Arc::downgrade(&target));
        target
    }
}

/// The metrics of one target.
#[derive(Debug)]
pub struct TargetMetrics {
    protocol: Protocol,
    labels: Labels,
    series: Series,
    all: Arc<Inner>,
}

impl Sink for TargetMetrics {
    fn record(&self, event: Event) {
        let (families, protocol, labels) = (&self.all.families, self.protocol, &self.labels);
        self.series.count(&event);
        match event {
            Event::Answered { rtt, .. } => families.answered(protocol, labels, rtt),
            Event::Lost { .. } => families.not_answered(protocol, labels),
            Event::Failed { problem, .. } => {
                families.not_answered(protocol, labels);
                families.failed(labels, &problem);
            }
            Event::Discarded { reason, .. } => {
                families.unknown(protocol, labels);
                families.discarded(labels, reason);
            }
            Event::Sent { .. } | Event::Late { .. } | Event::Duplicate { .. } | Event::Stray => {}
        }
    }
}

impl Drop for TargetMetrics {
    fn drop(&mut self) {
        let mut targets = self.all.targets();
        // The same target may have come back in between, on another thread.
        if targets.get(&self.labels).is_some_and(|target| target.strong_count() == 0) {
            targets.remove(&self.labels);
            self.all.families.remove(self.protocol, &self.labels);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::event::Discard;
    use crate::problem::Problem;

    fn udp(port: u16) -> ProbeSpec {
        let (interval, timeout) = (Duration::from_millis(20), Duration::from_secs(1));
        ProbeSpec { protocol: Protocol::Udp, host: "robot".into(), port, interval, timeout }
    }

    fn text(registry: &Registry) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, registry).unwrap();
        text
    }

    fn answered(micros: u64) -> Event {
        Event::Answered { sent_at: Instant::now(), rtt: Duration::from_micros(micros), reordered: false }
    }

    #[track_caller]
    fn assert_line(registry: &Registry, line: &str) {
        let text = text(registry);
        assert!(text.lines().any(|found| found == line), "no line {line} in\n{text}");
    }

    #[test]
    fn the_predecessors_names_can_be_left_out() {
        let mut registry = Registry::default();
        let target = Metrics::register_without_predecessors(&mut registry).target(&udp(5201));
        target.record(answered(750));
        let text = text(&registry);
        assert!(text.contains("flowmanager_probe_answered_total{"), "{text}");
        assert!(!text.contains("network_probe"), "{text}");
    }

    #[test]
    fn answer_shows_under_the_predecessors_names() {
        let mut registry = Registry::default();
        let target = Metrics::register(&mut registry).target(&udp(5201));
        target.record(answered(750));
        for line in [
            r#"network_probe_udp_latency_ms{target="robot:5201"} 0.75"#,
            r#"network_probe_udp_success{target="robot:5201"} 1"#,
            r#"network_probe_udp_latency_hist_bucket{le="0.5",target="robot:5201"} 0"#,
            r#"network_probe_udp_latency_hist_bucket{le="1.0",target="robot:5201"} 1"#,
            r#"network_probe_udp_latency_hist_bucket{le="100.0",target="robot:5201"} 1"#,
            r#"flowmanager_probe_answered_total{protocol="udp",target="robot:5201"} 1"#,
            r#"flowmanager_probe_lost_total{protocol="udp",target="robot:5201"} 0"#,
        ] {
            assert_line(&registry, line);
        }
    }

    #[test]
    fn icmp_has_its_own_names_and_buckets() {
        let mut registry = Registry::default();
        let spec = ProbeSpec { protocol: Protocol::Icmp, ..udp(0) };
        let target = Metrics::register(&mut registry).target(&spec);
        target.record(answered(200));
        assert_line(&registry, r#"network_probe_icmp_latency_hist_bucket{le="0.1",target="robot"} 0"#);
        assert_line(&registry, r#"network_probe_icmp_latency_hist_bucket{le="0.5",target="robot"} 1"#);
    }

    #[test]
    fn no_old_latency_is_shown_after_a_probe_that_was_not_answered() {
        let (sent_at, problem) = (Instant::now(), Problem::Refused { endpoint: "robot:5201".into() });
        let unanswered = [
            (Event::Lost { sent_at }, "0"),
            (Event::Failed { at: sent_at, problem }, "0"),
            (Event::Discarded { sent_at, reason: Discard::ClockStep }, "1"),
        ];
        for (event, success) in unanswered {
            let mut registry = Registry::default();
            let target = Metrics::register(&mut registry).target(&udp(5201));
            target.record(answered(750));
            target.record(event.clone());
            assert!(!text(&registry).contains("latency_ms{"), "{event:?}");
            assert_line(&registry, &format!(r#"network_probe_udp_success{{target="robot:5201"}} {success}"#));
            target.record(answered(500));
            assert_line(&registry, r#"network_probe_udp_latency_ms{target="robot:5201"} 0.5"#);
        }
    }

    #[test]
    fn each_kind_of_event_is_counted() {
        let mut registry = Registry::default();
        let target = Metrics::register(&mut registry).target(&udp(5201));
        let (sent_at, second) = (Instant::now(), Duration::from_secs(1));
        let problem = Problem::Refused { endpoint: "robot:5201".into() };
        for event in [
            Event::Sent { sent_at, timer_error: second / 2 },
            Event::Answered { sent_at, rtt: second, reordered: true },
            Event::Lost { sent_at },
            Event::Late { sent_at, rtt: second },
            Event::Duplicate { sent_at },
            Event::Stray,
            Event::Discarded { sent_at, reason: Discard::SlowSend },
            Event::Failed { at: sent_at, problem },
        ] {
            target.record(event);
        }
        for kind in ["sent", "answered", "reordered", "lost", "late", "duplicate", "stray"] {
            let line = format!(r#"flowmanager_probe_{kind}_total{{protocol="udp",target="robot:5201"}} 1"#);
            assert_line(&registry, &line);
        }
        for (kind, reason) in [("discarded", "slow_send"), ("failed", "refused")] {
            let labels = format!(r#"protocol="udp",target="robot:5201",reason="{reason}""#);
            assert_line(&registry, &format!("flowmanager_probe_{kind}_total{{{labels}}} 1"));
        }
        let line = r#"flowmanager_probe_timer_error_seconds_total{protocol="udp",target="robot:5201"} 0.5"#;
        assert_line(&registry, line);
    }

    #[test]
    fn target_dropped_leaves_nothing_and_touches_no_other() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let (first, second) = (metrics.target(&udp(5201)), metrics.target(&udp(5202)));
        for target in [&first, &second] {
            target.record(answered(750));
            target.record(Event::Discarded { sent_at: Instant::now(), reason: Discard::NotSent });
            let problem = Problem::NoRoute { endpoint: "robot".into() };
            target.record(Event::Failed { at: Instant::now(), problem });
        }
        drop(first);
        let text = text(&registry);
        assert!(!text.contains(":5201") && text.contains(":5202"), "{text}");
    }

    #[test]
    fn probes_that_differ_in_interval_share_the_metrics_of_their_target() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let slower = ProbeSpec { interval: Duration::from_secs(1), ..udp(5201) };
        let (first, second) = (metrics.target(&udp(5201)), metrics.target(&slower));
        first.record(answered(750));
        drop(first);
        second.record(answered(750));
        assert_line(&registry, r#"flowmanager_probe_answered_total{protocol="udp",target="robot:5201"} 2"#);
    }
}
