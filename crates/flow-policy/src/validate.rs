mod control;
mod objective;
mod target;

use crate::policy::{Objective, Policy, Source};
use crate::spec::FlowPolicySpec;
use crate::{BandwidthText, DurationText};
use flow_control::{Bandwidth, Role};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// A field of a spec that cannot be used. The schema refuses nearly all of them at admission; this check is
/// for the objects that were stored before the schema was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Invalid {
    /// The path of the field.
    pub field: String,
    /// What was found and what is allowed.
    pub problem: String,
}

/// Makes an [`Invalid`] of any problem with `field`.
fn at<E: ToString>(field: &str) -> impl Fn(E) -> Invalid {
    move |problem| Invalid { field: field.to_owned(), problem: problem.to_string() }
}

impl TryFrom<&FlowPolicySpec> for Policy {
    type Error = Invalid;

    fn try_from(spec: &FlowPolicySpec) -> Result<Self, Invalid> {
        let objectives = named(&spec.objectives, "spec.objectives", objective::objective)?;
        let targets = named(&spec.targets, "spec.targets", target::target)?;
        if !objectives.iter().any(|objective| objective.role == Role::Control) {
            return Err(at("spec.objectives")("found none with role Control; at least one is needed"));
        }
        Ok(Self {
            mode: spec.mode,
            interval: interval(spec, &objectives)?,
            objectives,
            strategy: target::strategy(&spec.strategy, &targets)?,
            targets: targets.into_iter().map(Arc::new).collect(),
            law: control::law(&spec.control)?,
            effect_check: control::effect_check(&spec.control)?,
            no_data: control::no_data(&spec.on_no_data)?,
        })
    }
}

/// Checks each item of a list, and names the item in the error.
fn named<S, T>(
    specs: &[S],
    list: &str,
    check: impl Fn(&S, &dyn Fn(&str) -> String) -> Result<T, Invalid>,
) -> Result<Vec<T>, Invalid> {
    if specs.is_empty() {
        return Err(at(list)("found nothing; at least one is needed"));
    }
    let items = specs.iter().enumerate();
    let checked = items.map(|(position, spec)| check(spec, &|field| format!("{list}[{position}].{field}")));
    // They stay, and room for more would stay with them.
    checked.collect::<Result<Vec<_>, _>>().map(|mut all| {
        all.shrink_to_fit();
        all
    })
}

fn interval(spec: &FlowPolicySpec, objectives: &[Objective]) -> Result<Duration, Invalid> {
    let probed = objectives.iter().any(|objective| matches!(objective.source, Source::Probe(_)));
    let default = if probed { Duration::from_millis(200) } else { Duration::from_secs(1) };
    let range = Duration::from_millis(100)..=Duration::from_hours(1);
    duration_or(spec.interval.as_ref(), default, &range, "spec.interval")
}

fn duration_or(
    text: Option<&DurationText>,
    default: Duration,
    range: &RangeInclusive<Duration>,
    field: &str,
) -> Result<Duration, Invalid> {
    let duration = text.map_or(Ok(default), DurationText::parse).map_err(at(field))?;
    if range.contains(&duration) {
        return Ok(duration);
    }
    Err(at(field)(format!("found {duration:?}; allowed is {:?} to {:?}", range.start(), range.end())))
}

pub(crate) fn bandwidth(text: &BandwidthText, field: &str) -> Result<Bandwidth, Invalid> {
    let rate = text.parse().map_err(at(field))?;
    let (least, most) = (Bandwidth::from_bps(8_000), Bandwidth::from_mbps(1_000_000));
    if (least..=most).contains(&rate) {
        Ok(rate)
    } else {
        Err(at(field)(format!("found {text}; allowed is 8k to 1T")))
    }
}

/// An integer of the API (which has only signed ones) as the type that later code needs.
fn int<T: TryFrom<i32>>(number: i32, field: &str) -> Result<T, Invalid> {
    T::try_from(number).map_err(|_| at(field)(format!("found {number}, which is out of range")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Indicator, Question, Strategy, TrafficQuery};
    use flow_control::{Adaptive, Bound, Finite, JitterMethod, Law};
    use serde_json::{Value, json};

    fn spec() -> Value {
        json!({
            "objectives": [{
                "name": "jitter",
                "probe": {"host": "robot", "port": 5201},
                "jitter": {"max": "300us"},
            }],
            "targets": [{"kind": "Deployment", "name": "upload", "limit": {"min": "10M", "max": "1G", "initial": "100M"}}],
        })
    }

    fn check(spec: Value) -> Result<Policy, Invalid> {
        Policy::try_from(&serde_json::from_value::<FlowPolicySpec>(spec).unwrap())
    }

    /// The spec above with the value at `pointer` replaced, or removed where it is null.
    fn check_with(pointer: &str, value: Value) -> Result<Policy, Invalid> {
        let mut spec = spec();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        spec.pointer_mut(parent).unwrap()[key] = value;
        check(spec)
    }

    #[test]
    fn a_small_spec_gets_the_documented_defaults() {
        let policy = check(spec()).unwrap();
        assert_eq!(policy.interval, Duration::from_millis(200));
        assert_eq!(policy.law, Law::Adaptive(Adaptive::BALANCED));
        assert_eq!(
            policy.objectives[0].indicator,
            Indicator::Jitter { samples: 20, method: JitterMethod::default() }
        );
        assert_eq!(policy.targets[0].initial, Bandwidth::from_mbps(100));
        let Source::Probe(probe) = &policy.objectives[0].source else { panic!("no probe") };
        assert_eq!(probe.interval, Duration::from_millis(20));
    }

    #[test]
    fn without_an_initial_limit_a_target_starts_at_its_maximum() {
        let policy = check_with("/targets/0/limit", json!({})).unwrap();
        assert_eq!(policy.targets[0].initial, Bandwidth::from_mbps(1000));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let cases = [
            ("/objectives", json!([]), "spec.objectives"),
            ("/targets", json!([]), "spec.targets"),
            ("/interval", json!("50ms"), "spec.interval"),
            ("/objectives/0/role", json!("Watch"), "spec.objectives"),
            ("/objectives/0/priority", json!(-1), "spec.objectives[0].priority"),
            ("/objectives/0/jitter/max", json!("fast"), "spec.objectives[0].jitter.max"),
            ("/objectives/0/loss", json!({"max": "0.1"}), "spec.objectives[0].name"),
            ("/objectives/0/prometheus", json!({"query": "up"}), "spec.objectives[0].name"),
            ("/strategy", json!({"type": "Rollout", "minInterval": "1s"}), "spec.strategy.minInterval"),
            ("/control", json!({"effectCheck": {"after": "2h"}}), "spec.control.effectCheck.after"),
            ("/objectives/0/probe/port", json!(70_000), "spec.objectives[0].probe.port"),
            ("/objectives/0/probe/port", json!(null), "spec.objectives[0].probe.port"),
            ("/objectives/0/probe/interval", json!("0s"), "spec.objectives[0].probe.interval"),
            ("/targets/0/limit/min", json!("2G"), "spec.targets[0].limit.min"),
            ("/targets/0/limit/max", json!("1000"), "spec.targets[0].limit.max"),
            ("/targets/0/limit/initial", json!("5M"), "spec.targets[0].limit.initial"),
            ("/targets/0/kind", json!("Pods"), "spec.targets[0].selector"),
        ];
        for (pointer, value, field) in cases {
            let error = check_with(pointer, value).unwrap_err();
            assert_eq!(error.field, field, "{pointer}: {error}");
        }
    }

    #[test]
    fn a_histogram_gives_a_latency_and_a_jitter_by_quartiles_only() {
        let objective = |indicator: &str, bound: Value| {
            let mut objective =
                json!({"name": "times", "prometheus": {"histogram": {"selector": "rtt_seconds"}}});
            objective[indicator] = bound;
            check_with("/objectives", json!([objective]))
        };
        let policy = objective("latency", json!({"max": "5ms"})).unwrap();
        let Source::Prometheus { source, question: Question::Histogram(histogram) } =
            &policy.objectives[0].source
        else {
            panic!("no histogram")
        };
        assert_eq!((source.as_str(), histogram.window), ("default", Duration::from_mins(1)));
        assert!(objective("jitter", json!({"max": "1ms"})).is_ok());
        for (indicator, bound) in [
            ("jitter", json!({"max": "1ms", "method": "PDV"})),
            ("loss", json!({"max": "0.1"})),
            ("value", json!({"max": "1"})),
        ] {
            assert_eq!(objective(indicator, bound).unwrap_err().field, "spec.objectives[0].prometheus");
        }
    }

    #[test]
    fn a_rollout_needs_workloads_whose_pods_have_each_a_limit() {
        let rollout = json!({"type": "Rollout"});
        assert!(matches!(
            check_with("/strategy", rollout.clone()).unwrap().strategy,
            Strategy::Rollout { .. }
        ));
        let mut shared = spec();
        shared["strategy"] = rollout;
        shared["targets"][0]["limit"]["scope"] = json!("Target");
        assert_eq!(check(shared).unwrap_err().field, "spec.strategy.type");
    }

    #[test]
    fn a_query_gives_its_value_or_a_throughput() {
        let mut spec = spec();
        spec["objectives"] = json!([
            {"name": "rate", "prometheus": {"query": "rate"}, "throughput": {"min": "50M"}},
            {"name": "depth", "prometheus": {"query": "depth"}, "value": {"min": "1", "max": "5"}},
        ]);
        let policy = check(spec).unwrap();
        assert_eq!(policy.interval, Duration::from_secs(1));
        assert_eq!(policy.objectives[0].bound, Bound::AtLeast(Finite::new(5e7).unwrap()));
        assert!(matches!(policy.objectives[1].bound, Bound::Within { .. }));
    }
    #[test]
    fn what_a_target_sends_may_be_asked_of_a_prometheus() {
        let traffic = |prometheus: Value| {
            let mut spec = spec();
            spec["targets"][0]["traffic"] = json!({"prometheus": prometheus});
            check(spec).map(|policy| policy.targets[0].traffic.clone())
        };
        let query = |source: &str| TrafficQuery { source: source.to_owned(), query: "rate".to_owned() };
        assert_eq!(traffic(json!({"query": "rate"})), Ok(Some(query("default"))));
        assert_eq!(traffic(json!({"query": "rate", "source": "lab"})), Ok(Some(query("lab"))));
        assert_eq!(check(spec()).unwrap().targets[0].traffic, None);
        assert!(traffic(json!({"query": "x".repeat(4096)})).is_ok());
        for query in [String::new(), "x".repeat(4097)] {
            let error = traffic(json!({"query": query})).unwrap_err();
            assert_eq!(error.field, "spec.targets[0].traffic.prometheus.query");
        }
    }
}
