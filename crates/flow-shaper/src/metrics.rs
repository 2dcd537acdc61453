//! The newest report as Prometheus metrics: series for limited pods only, which vanish with them.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;

use crate::report::{NodeReport, PodReport};
use crate::reports::Reports;

/// Collects the metrics of an agent at each scrape.
#[derive(Debug)]
pub struct ShaperMetrics(Reports);

impl ShaperMetrics {
    /// Metrics of the agent that makes these reports.
    #[must_use]
    pub fn new(reports: Reports) -> Self {
        Self(reports)
    }
}

impl Collector for ShaperMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        encode(&self.0.latest(), &mut encoder)
    }
}

/// A metric with one series per limited pod; a pod whose value is not known has none.
struct PerPod {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    value: fn(&PodReport) -> Option<u64>,
}

const PER_POD: [PerPod; 6] = [
    PerPod {
        name: "flowmanager_shaper_wanted_bps",
        help: "Egress limit that the pod's annotation asks for, in bits per second",
        kind: MetricType::Gauge,
        value: |pod| pod.wanted_bps,
    },
    PerPod {
        name: "flowmanager_shaper_limit_bps",
        help: "Egress limit that the kernel holds the pod to, in bits per second",
        kind: MetricType::Gauge,
        value: |pod| pod.in_force_bps,
    },
    PerPod {
        name: "flowmanager_shaper_backlog_bytes",
        help: "Bytes that wait in the pod's queue",
        kind: MetricType::Gauge,
        value: |pod| pod.measured.map(|measured| measured.backlog_bytes),
    },
    PerPod {
        name: "flowmanager_shaper_sent_bytes",
        help: "Bytes that the pod has sent under its limit, with link headers",
        kind: MetricType::Counter,
        value: |pod| pod.measured.map(|measured| measured.sent_bytes),
    },
    PerPod {
        name: "flowmanager_shaper_dropped_packets",
        help: "Packets that the pod's queue has dropped",
        kind: MetricType::Counter,
        value: |pod| pod.measured.map(|measured| measured.dropped_packets),
    },
    PerPod {
        name: "flowmanager_shaper_throttled",
        help: "How often a packet of the pod had to wait for its limit",
        kind: MetricType::Counter,
        value: |pod| pod.measured.map(|measured| measured.throttled),
    },
];

fn encode(report: &NodeReport, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let problems = report.pods.iter().filter(|pod| pod.problem.is_some()).count();
    let problems = i64::try_from(problems).unwrap_or(i64::MAX);
    let watching = i64::from(report.watching);
    whole(
        encoder,
        "flowmanager_shaper_watching",
        "1 while the pods of the node are known, else 0",
        watching,
    )?;
    whole(
        encoder,
        "flowmanager_shaper_problems",
        "Limited pods whose limit is not in force as asked",
        problems,
    )?;
    PER_POD.iter().try_for_each(|metric| metric.encode(&report.pods, encoder))
}

fn whole(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> fmt::Result {
    encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
}

impl PerPod {
    fn encode(&self, pods: &[PodReport], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(self.name, self.help, None, self.kind)?;
        for pod in pods {
            let Some(value) = (self.value)(pod) else { continue };
            let labels = [("namespace", pod.namespace.as_str()), ("pod", pod.name.as_str())];
            let mut series = family.encode_family(&labels)?;
            match self.kind {
                MetricType::Counter => series.encode_counter(&value, NO_EXEMPLAR)?,
                _ => series.encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX))?,
            }
        }
        Ok(())
    }
}

const NO_EXEMPLAR: Option<&Exemplar<NoLabelSet, u64>> = None;

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Registry;

    use super::*;
    use crate::report::Measured;

    fn exposition(pods: Vec<PodReport>) -> String {
        let (_sender, reports) = Reports::new(NodeReport { watching: true, pods, ..NodeReport::default() });
        let mut registry = Registry::default();
        registry.register_collector(Box::new(ShaperMetrics::new(reports)));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    }

    fn pod(name: &str) -> PodReport {
        PodReport { namespace: "factory".into(), name: name.into(), ..PodReport::default() }
    }

    #[test]
    fn a_measured_pod_has_all_series() {
        let measured = Measured {
            at_unix_ms: 1,
            sent_bytes: 10,
            sent_packets: 20,
            dropped_packets: 30,
            throttled: 40,
            backlog_bytes: 50,
            sent_bps: Some(60),
            rated_at_unix_ms: Some(1),
        };
        let upload = PodReport {
            wanted_bps: Some(64_000_000),
            in_force_bps: Some(32_000_000),
            measured: Some(measured),
            ..pod("upload")
        };
        let text = exposition(vec![upload]);
        for line in [
            "flowmanager_shaper_watching 1\n",
            "flowmanager_shaper_problems 0\n",
            "flowmanager_shaper_wanted_bps{namespace=\"factory\",pod=\"upload\"} 64000000\n",
            "flowmanager_shaper_limit_bps{namespace=\"factory\",pod=\"upload\"} 32000000\n",
            "flowmanager_shaper_sent_bytes_total{namespace=\"factory\",pod=\"upload\"} 10\n",
            "flowmanager_shaper_dropped_packets_total{namespace=\"factory\",pod=\"upload\"} 30\n",
            "flowmanager_shaper_throttled_total{namespace=\"factory\",pod=\"upload\"} 40\n",
            "flowmanager_shaper_backlog_bytes{namespace=\"factory\",pod=\"upload\"} 50\n",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn what_is_not_known_has_no_series_and_is_not_zero() {
        let lost = PodReport { problem: Some("lost".into()), ..pod("lost") };
        let text = exposition(vec![lost]);
        assert!(text.contains("flowmanager_shaper_problems 1\n"));
        assert!(!text.contains("pod=\"lost\""), "{text}");
    }
}
