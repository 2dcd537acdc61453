use crate::show;
use crate::spec::{HistogramTypeSpec, Mode, ProtocolSpec, TargetKind, TimeUnitSpec};
use flow_control::{Bandwidth, Bound, EffectCheck, Finite, JitterMethod, Law, NoData, Range, Role};
use kube::core::Selector;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A spec that was checked: every number is in its base unit and its range.
///
/// It is made by `Policy::try_from(&FlowPolicySpec)`, and later code never reads the raw spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Whether limits are written.
    pub mode: Mode,
    /// The time between decisions.
    pub interval: Duration,
    /// At least one, with different names, at least one of them decisive.
    pub objectives: Vec<Objective>,
    /// At least one, with different kinds and names. Who goes by the policy shares them.
    pub targets: Vec<Arc<Target>>,
    /// How limits reach the pods.
    pub strategy: Strategy,
    /// The control law.
    pub law: Law,
    /// What to do where lower limits do not help; `None` to keep them.
    pub effect_check: Option<EffectCheck>,
    /// What to do where nothing is known.
    pub no_data: NoData,
}

/// How limits reach the pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Running pods are changed.
    Live,
    /// The workload's pod template is changed, and it replaces its pods.
    Rollout {
        /// The least time between two changes of one workload.
        min_interval: Duration,
    },
}

/// A bound on one indicator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objective {
    /// Its name.
    pub name: String,
    /// Its rank.
    pub priority: u16,
    /// Whether it decides.
    pub role: Role,
    /// Where its indicator comes from.
    pub source: Source,
    /// What is measured.
    pub indicator: Indicator,
    /// What is asked, in the indicator's base unit.
    pub bound: Bound,
}

/// Where an indicator comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A probe of a path.
    Probe(Probe),
    /// A question to Prometheus.
    Prometheus {
        /// The name of the Prometheus.
        source: String,
        /// What it is asked.
        question: Question,
    },
}

/// What Prometheus is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// A query in `PromQL`, whose answer is the indicator.
    Query(String),
    /// A histogram that the indicator is read off.
    Histogram(Histogram),
}

/// A histogram of times in Prometheus.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Histogram {
    /// Its name and labels.
    pub selector: String,
    /// How it is stored.
    pub type_: HistogramTypeSpec,
    /// The unit of its observations.
    pub unit: TimeUnitSpec,
    /// How far back observations count.
    pub window: Duration,
    /// The fewest observations that say anything.
    pub observations: u32,
}

/// A probe of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Probe {
    /// How.
    pub protocol: ProtocolSpec,
    /// The service's name or address.
    pub host: String,
    /// Its port; 0 for ICMP.
    pub port: u16,
    /// The time between probes.
    pub interval: Duration,
}

/// What is measured. Each indicator has one base unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Indicator {
    /// The variation of the newest round-trip times, in seconds.
    Jitter {
        /// Over how many.
        samples: usize,
        /// How it is told as one number.
        method: JitterMethod,
    },
    /// A quantile of the newest round-trip times, in seconds.
    Latency {
        /// Over how many.
        samples: usize,
        /// The quantile in thousandths.
        permille: u16,
    },
    /// The share of lost probes, 0 to 1.
    Loss {
        /// Over how many.
        samples: usize,
    },
    /// A rate in bits per second.
    Throughput,
    /// A plain number.
    Value,
}

/// A best-effort workload whose egress may be limited.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// What it is.
    pub id: TargetId,
    /// Which pods are meant, for the kind Pods; none are where the selector cannot be used.
    pub selector: Option<Selector>,
    /// The range of its limit.
    pub range: Range,
    /// The limit to start from.
    pub initial: Bandwidth,
    /// Whose limit it is.
    pub scope: Scope,
    /// Who is asked what its pods send, where that is somebody else than the shaper.
    pub traffic: Option<TrafficQuery>,
}

/// A query for what the pods of a target send.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TrafficQuery {
    /// The name of the Prometheus.
    pub source: String,
    /// The query in `PromQL`, whose answer is in bits per second: of all pods together, or of each by its label `pod`.
    pub query: String,
}

/// Whose limit a target's limit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// That of each pod.
    Pod,
    /// That of all running pods together.
    Target,
}

/// A target's kind, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId {
    /// The kind.
    pub kind: TargetKind,
    /// The namespace, where it is named.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.as_str(), self.name)?;
        self.namespace.as_ref().map_or(Ok(()), |namespace| write!(f, " in {namespace}"))
    }
}

impl TargetKind {
    /// The kind as users write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Pods => "Pods",
        }
    }
}

impl Indicator {
    /// The indicator's name, for messages and metric labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jitter { .. } => "jitter",
            Self::Latency { .. } => "latency",
            Self::Loss { .. } => "loss",
            Self::Throughput => "throughput",
            Self::Value => "value",
        }
    }

    /// A value of this indicator as a person would write it, such as `412us` or `52.3M`.
    #[must_use]
    pub fn show(self, value: Finite) -> String {
        match self {
            Self::Jitter { .. } | Self::Latency { .. } => show::seconds(value.get()),
            Self::Loss { .. } => show::number(value.get()),
            Self::Throughput | Self::Value => show::scaled(value.get()),
        }
    }

    /// A bound on this indicator as a person would write it, such as `<= 300us`.
    #[must_use]
    pub fn show_bound(self, bound: Bound) -> String {
        match bound {
            Bound::AtMost(max) => format!("<= {}", self.show(max)),
            Bound::AtLeast(min) => format!(">= {}", self.show(min)),
            Bound::Within { min, max } => format!("{} .. {}", self.show(min), self.show(max)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(indicator: Indicator, value: f64) -> String {
        indicator.show(Finite::new(value).unwrap())
    }

    #[test]
    fn values_are_shown_in_the_unit_a_person_would_choose() {
        let jitter = Indicator::Jitter { samples: 20, method: JitterMethod::default() };
        for (seconds, shown) in
            [(412e-6, "412us"), (4.5e-3, "4.5ms"), (1.25, "1.25s"), (0.0, "0us"), (82.46e-6, "82.46us")]
        {
            assert_eq!(show(jitter, seconds), shown);
        }
        assert_eq!(show(Indicator::Throughput, 52_340_000.0), "52.34M");
        assert_eq!(show(Indicator::Value, 1_250.0), "1.25k");
        assert_eq!(show(Indicator::Value, -17.5), "-17.5");
        assert_eq!(show(Indicator::Loss { samples: 500 }, 0.002), "0.002");
    }
}
