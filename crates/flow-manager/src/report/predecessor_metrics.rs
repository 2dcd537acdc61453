//! The metrics by the names that dashboards and alerts of the Python prototype ask for: milliseconds and
//! Mbit/s, `service` for an objective's name, `target_host` for the host that it probes.
//!
//! They have no label for the policy, so two policies may speak of the same series: the worse value, and the
//! lower limit, is the one that counts.

use super::metrics::{Gauge, Label, Policy, Series, from_u64, label};
use flow_control::JitterMethod;
use flow_policy::spec::{Mode, ProtocolSpec, TargetKind};
use flow_policy::{Indicator, Source};
use std::collections::BTreeMap;

pub(super) const GAUGES: [Gauge; 7] = [
    Gauge {
        name: "flowmanager_udp_jitter_ms",
        help: "Jitter of a critical service over UDP, the interquartile range of its round-trip times, in milliseconds",
        series: |policies| probed(policies, ProtocolSpec::UDP, is_jitter),
    },
    Gauge {
        name: "flowmanager_tcp_jitter_ms",
        help: "Jitter of a critical service over TCP, the interquartile range of its connect times, in milliseconds",
        series: |policies| probed(policies, ProtocolSpec::TCP, is_jitter),
    },
    Gauge {
        name: "flowmanager_udp_latency_ms",
        help: "Round-trip time of a critical service over UDP, at the quantile of its objective, in milliseconds",
        series: |policies| probed(policies, ProtocolSpec::UDP, is_latency),
    },
    Gauge {
        name: "flowmanager_tcp_latency_ms",
        help: "Connect time of a critical service over TCP, at the quantile of its objective, in milliseconds",
        series: |policies| probed(policies, ProtocolSpec::TCP, is_latency),
    },
    Gauge {
        name: "flowmanager_bandwidth_limit_mbps",
        help: "Egress limit decided for each pod of a Deployment, or with the scope Target for all of them together, in Mbit/s; in mode Observe it is not written",
        series: limits,
    },
    Gauge {
        name: "kubernetes_deployment_bandwidth_limit_mbps",
        help: "The same, by the name that the predecessor's exporter gave it",
        series: limits,
    },
    Gauge {
        name: "flowmanager_best_effort_throughput_mbps",
        help: "What the limited pods of a Deployment send together, in Mbit/s",
        series: throughputs,
    },
];

const fn is_jitter(indicator: Indicator) -> bool {
    matches!(indicator, Indicator::Jitter { method: JitterMethod::InterquartileRange, .. })
}

const fn is_latency(indicator: Indicator) -> bool {
    matches!(indicator, Indicator::Latency { .. })
}

fn probed<'a>(
    policies: &[Policy<'a>],
    protocol: ProtocolSpec,
    wanted: fn(Indicator) -> bool,
) -> Vec<Series<'a>> {
    let mut worst = BTreeMap::new();
    for Policy { snapshot, .. } in policies {
        for (objective, view) in snapshot.policy.objectives.iter().zip(&snapshot.objectives) {
            let (Source::Probe(probe), Ok(seconds)) = (&objective.source, view.reading) else { continue };
            if probe.protocol == protocol && wanted(objective.indicator) {
                let labels = [label("service", &objective.name), label("target_host", &probe.host)];
                keep(&mut worst, labels, seconds.get() * 1e3, f64::max);
            }
        }
    }
    series(worst)
}

/// The limits that hold; those of mode Observe only where no policy enforces one.
fn limits<'a>(policies: &[Policy<'a>]) -> Vec<Series<'a>> {
    let mut limits = lowest(policies, Mode::Enforce);
    for (labels, limit) in lowest(policies, Mode::Observe) {
        limits.entry(labels).or_insert(limit);
    }
    series(limits)
}

fn throughputs<'a>(policies: &[Policy<'a>]) -> Vec<Series<'a>> {
    let mut most = BTreeMap::new();
    for Policy { snapshot, .. } in policies {
        for (target, view) in snapshot.policy.targets.iter().zip(&snapshot.targets) {
            if let (TargetKind::Deployment, Some(sent)) = (target.id.kind, view.sent) {
                keep(&mut most, [label("deployment", &target.id.name)], from_u64(sent.bps()) / 1e6, f64::max);
            }
        }
    }
    series(most)
}

fn lowest<'a>(policies: &[Policy<'a>], mode: Mode) -> BTreeMap<[Label<'a>; 2], f64> {
    let mut lowest = BTreeMap::new();
    let speaks = |policy: &&Policy<'_>| policy.snapshot.policy.mode == mode && !policy.snapshot.released;
    for Policy { id, snapshot, .. } in policies.iter().filter(speaks) {
        for (target, view) in snapshot.policy.targets.iter().zip(&snapshot.targets) {
            if target.id.kind == TargetKind::Deployment {
                let namespace = target.id.namespace.as_ref().unwrap_or(&id.namespace);
                let labels = [label("deployment", &target.id.name), label("namespace", namespace)];
                keep(&mut lowest, labels, from_u64(view.limit.bps()) / 1e6, f64::min);
            }
        }
    }
    lowest
}

fn keep<'a, const LABELS: usize>(
    values: &mut BTreeMap<[Label<'a>; LABELS], f64>,
    labels: [Label<'a>; LABELS],
    value: f64,
    of_two: fn(f64, f64) -> f64,
) {
    values.entry(labels).and_modify(|present| *present = of_two(*present, value)).or_insert(value);
}

fn series<const LABELS: usize>(values: BTreeMap<[Label<'_>; LABELS], f64>) -> Vec<Series<'_>> {
    values.into_iter().map(|(labels, value)| (labels.to_vec(), value)).collect()
}
