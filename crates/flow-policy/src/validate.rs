use crate::policy::{
    Histogram, Indicator, Objective, Policy, Probe, Question, Scope, Source, Strategy, Target, TargetId,
};
use crate::spec::{
    AimdSpec, EffectActionSpec, EffectCheckSpec, FlowPolicySpec, HistogramSpec, JitterMethodSpec,
    NoDataActionSpec, NoDataSpec, ObjectiveSpec, ProbeSpec, PrometheusSpec, ProtocolSpec, RoleSpec,
    ScopeSpec, StrategySpec, StrategyTypeSpec, TargetKind, TargetSpec, ValueSpec,
};
use crate::{BandwidthText, DurationText};
use flow_control::{
    Aimd, Bandwidth, Bound, EffectCheck, Finite, JitterMethod, Law, NoData, NoDataAction, Range, Role,
};
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
        let objectives = named(&spec.objectives, "spec.objectives", objective)?;
        let targets = named(&spec.targets, "spec.targets", target)?;
        if !objectives.iter().any(|objective| objective.role == Role::Control) {
            return Err(at("spec.objectives")("found none with role Control; at least one is needed"));
        }
        Ok(Self {
            mode: spec.mode,
            interval: interval(spec, &objectives)?,
            objectives,
            strategy: strategy(&spec.strategy, &targets)?,
            targets,
            law: Law::Aimd(aimd(&spec.control.aimd)?),
            effect_check: effect_check(&spec.control.effect_check)?,
            no_data: no_data(&spec.on_no_data)?,
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
    items.map(|(position, spec)| check(spec, &|field| format!("{list}[{position}].{field}"))).collect()
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
    range: &std::ops::RangeInclusive<Duration>,
    field: &str,
) -> Result<Duration, Invalid> {
    let duration = text.map_or(Ok(default), DurationText::parse).map_err(at(field))?;
    if range.contains(&duration) {
        return Ok(duration);
    }
    Err(at(field)(format!("found {duration:?}; allowed is {:?} to {:?}", range.start(), range.end())))
}

fn objective(spec: &ObjectiveSpec, path: &dyn Fn(&str) -> String) -> Result<Objective, Invalid> {
    let (indicator, bound) = indicator(spec, path)?;
    Ok(Objective {
        name: spec.name.clone(),
        priority: int(spec.priority, &path("priority"))?,
        role: match spec.role {
            RoleSpec::Control => Role::Control,
            RoleSpec::Watch => Role::Watch,
        },
        source: source(spec, indicator, path)?,
        indicator,
        bound,
    })
}

fn indicator(spec: &ObjectiveSpec, path: &dyn Fn(&str) -> String) -> Result<(Indicator, Bound), Invalid> {
    match (&spec.jitter, &spec.latency, &spec.loss, &spec.throughput, &spec.value) {
        (Some(jitter), None, None, None, None) => {
            let samples = int(jitter.samples, &path("jitter.samples"))?;
            let method = match jitter.method {
                JitterMethodSpec::IQR => JitterMethod::InterquartileRange,
                JitterMethodSpec::RFC3550 => JitterMethod::Rfc3550,
                JitterMethodSpec::PDV => JitterMethod::DelayVariation,
            };
            Ok((Indicator::Jitter { samples, method }, at_most(&jitter.max, &path("jitter.max"))?))
        }
        (None, Some(latency), None, None, None) => {
            let samples = int(latency.samples, &path("latency.samples"))?;
            let permille = int(latency.permille, &path("latency.permille"))?;
            Ok((Indicator::Latency { samples, permille }, at_most(&latency.max, &path("latency.max"))?))
        }
        (None, None, Some(loss), None, None) => {
            let samples = int(loss.samples, &path("loss.samples"))?;
            Ok((Indicator::Loss { samples }, Bound::AtMost(loss.max.parse().map_err(at(&path("loss.max")))?)))
        }
        (None, None, None, Some(throughput), None) => {
            let min = bandwidth(&throughput.min, &path("throughput.min"))?;
            Ok((Indicator::Throughput, Bound::AtLeast(bits_per_second(min))))
        }
        (None, None, None, None, Some(value)) => Ok((Indicator::Value, value_bound(value, path)?)),
        _ => Err(at(&path("name"))("exactly one of jitter, latency, loss, throughput or value must be set")),
    }
}

fn at_most(text: &DurationText, field: &str) -> Result<Bound, Invalid> {
    Ok(Bound::AtMost(Finite::seconds(text.parse().map_err(at(field))?)))
}

#[expect(
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "a rate needs no 53 bits of precision"
)]
fn bits_per_second(rate: Bandwidth) -> Finite {
    Finite::new(rate.bps() as f64).unwrap_or_default()
}

fn value_bound(value: &ValueSpec, path: &dyn Fn(&str) -> String) -> Result<Bound, Invalid> {
    let min = value.min.as_ref().map(|min| min.parse().map_err(at(&path("value.min")))).transpose()?;
    let max = value.max.as_ref().map(|max| max.parse().map_err(at(&path("value.max")))).transpose()?;
    match (min, max) {
        (None, None) => Err(at(&path("value"))("needs min, max or both")),
        (Some(min), None) => Ok(Bound::AtLeast(min)),
        (None, Some(max)) => Ok(Bound::AtMost(max)),
        (Some(min), Some(max)) if min > max => Err(at(&path("value.min"))("must not be more than value.max")),
        (Some(min), Some(max)) => Ok(Bound::Within { min, max }),
    }
}

fn source(
    spec: &ObjectiveSpec,
    indicator: Indicator,
    path: &dyn Fn(&str) -> String,
) -> Result<Source, Invalid> {
    match (&spec.probe, &spec.prometheus) {
        (Some(probe), None) => match indicator {
            Indicator::Throughput | Indicator::Value => {
                Err(at(&path("probe"))("a probe measures jitter, latency or loss"))
            }
            _ => Ok(Source::Probe(self::probe(probe, path)?)),
        },
        (None, Some(prometheus)) => {
            let question = question(prometheus, indicator, path)?;
            Ok(Source::Prometheus { source: prometheus.source.clone(), question })
        }
        _ => Err(at(&path("name"))("exactly one of probe or prometheus must be set")),
    }
}

fn question(
    spec: &PrometheusSpec,
    indicator: Indicator,
    path: &dyn Fn(&str) -> String,
) -> Result<Question, Invalid> {
    let of_histogram = match indicator {
        Indicator::Jitter { method, .. } => method == JitterMethod::InterquartileRange,
        Indicator::Latency { .. } => true,
        _ => false,
    };
    match (&spec.query, &spec.histogram) {
        (Some(query), None) if matches!(indicator, Indicator::Throughput | Indicator::Value) => {
            Ok(Question::Query(query.clone()))
        }
        (None, Some(histogram)) if of_histogram => Ok(Question::Histogram(self::histogram(histogram, path)?)),
        _ => Err(at(&path("prometheus"))(
            "throughput and value need query and nothing else; latency, and jitter by the method IQR, histogram",
        )),
    }
}

fn histogram(spec: &HistogramSpec, path: &dyn Fn(&str) -> String) -> Result<Histogram, Invalid> {
    let range = Duration::from_secs(5)..=Duration::from_hours(1);
    let field = path("prometheus.histogram.window");
    Ok(Histogram {
        selector: spec.selector.clone(),
        type_: spec.type_,
        unit: spec.unit,
        window: duration_or(Some(&spec.window), Duration::ZERO, &range, &field)?,
        observations: int(spec.observations, &path("prometheus.histogram.observations"))?,
    })
}

fn probe(spec: &ProbeSpec, path: &dyn Fn(&str) -> String) -> Result<Probe, Invalid> {
    let default = match spec.protocol {
        ProtocolSpec::UDP => Duration::from_millis(20),
        ProtocolSpec::TCP | ProtocolSpec::ICMP => Duration::from_millis(200),
    };
    let least = if spec.protocol == ProtocolSpec::TCP { 100 } else { 10 };
    let range = Duration::from_millis(least)..=Duration::from_mins(1);
    let port = match (spec.protocol, spec.port) {
        (ProtocolSpec::ICMP, None) => 0,
        (ProtocolSpec::UDP | ProtocolSpec::TCP, Some(port)) => int(port, &path("probe.port"))?,
        _ => {
            return Err(at(&path("probe.port"))("must be set for UDP and TCP, and only for them"));
        }
    };
    let interval = duration_or(spec.interval.as_ref(), default, &range, &path("probe.interval"))?;
    Ok(Probe { protocol: spec.protocol, host: spec.host.clone(), port, interval })
}

fn target(spec: &TargetSpec, path: &dyn Fn(&str) -> String) -> Result<Target, Invalid> {
    if spec.selector.is_some() != (spec.kind == TargetKind::Pods) {
        return Err(at(&path("selector"))("must be set for the kind Pods, and only for it"));
    }
    let min = bandwidth(&spec.limit.min, &path("limit.min"))?;
    let max = bandwidth(&spec.limit.max, &path("limit.max"))?;
    let initial =
        spec.limit.initial.as_ref().map_or(Ok(max), |text| bandwidth(text, &path("limit.initial")))?;
    if min > max {
        return Err(at(&path("limit.min"))(format!("found {min}, which is more than limit.max, {max}")));
    }
    if !(min..=max).contains(&initial) {
        return Err(at(&path("limit.initial"))(format!("found {initial}; allowed is {min} to {max}")));
    }
    let namespace = Some(spec.namespace.clone()).filter(|namespace| !namespace.is_empty());
    let id = TargetId { kind: spec.kind, namespace, name: spec.name.clone() };
    let scope = match spec.limit.scope {
        ScopeSpec::Pod => Scope::Pod,
        ScopeSpec::Target => Scope::Target,
    };
    let (selector, range) = (spec.selector.clone(), Range { min, max });
    Ok(Target { id, selector, range, initial, scope, traffic: None })
}

fn strategy(spec: &StrategySpec, targets: &[Target]) -> Result<Strategy, Invalid> {
    if spec.type_ == StrategyTypeSpec::Live {
        return Ok(Strategy::Live);
    }
    let has_no_template =
        |target: &Target| target.id.kind == TargetKind::Pods || target.scope == Scope::Target;
    if targets.iter().any(has_no_template) {
        let problem = "found Rollout, which needs targets of a kind other than Pods and with limit.scope Pod";
        return Err(at("spec.strategy.type")(problem));
    }
    let range = Duration::from_mins(1)..=Duration::from_hours(24);
    let field = "spec.strategy.minInterval";
    let min_interval = duration_or(Some(&spec.min_interval), Duration::ZERO, &range, field)?;
    Ok(Strategy::Rollout { min_interval })
}

fn effect_check(spec: &EffectCheckSpec) -> Result<Option<EffectCheck>, Invalid> {
    let (second, hour, day) = (Duration::from_secs(1), Duration::from_hours(1), Duration::from_hours(24));
    let within = |text, range, field: &str| duration_or(Some(text), Duration::ZERO, &range, field);
    let after = within(&spec.after, second..=hour, "spec.control.effectCheck.after")?;
    let retry_after = within(&spec.retry_after, second * 10..=day, "spec.control.effectCheck.retryAfter")?;
    Ok((spec.action == EffectActionSpec::Return).then_some(EffectCheck { after, retry_after }))
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

fn aimd(spec: &AimdSpec) -> Result<Aimd, Invalid> {
    Ok(Aimd {
        decrease_percent: int(spec.decrease_percent.clamp(1, 90), "spec.control.aimd.decreasePercent")?,
        severity_max: int(spec.severity_max.clamp(1, 10), "spec.control.aimd.severityMax")?,
        increase: bandwidth(&spec.increase, "spec.control.aimd.increase")?,
        headroom_percent: int(spec.headroom_percent.clamp(1, 100), "spec.control.aimd.headroomPercent")?,
    })
}

fn no_data(spec: &NoDataSpec) -> Result<NoData, Invalid> {
    let action = match spec.action {
        NoDataActionSpec::Hold => NoDataAction::Hold,
        NoDataActionSpec::Minimum => NoDataAction::Minimum,
        NoDataActionSpec::Release => NoDataAction::Release,
    };
    Ok(NoData { after: spec.after.parse().map_err(at("spec.onNoData.after"))?, action })
}

/// An integer of the API (which has only signed ones) as the type that later code needs.
fn int<T: TryFrom<i32>>(number: i32, field: &str) -> Result<T, Invalid> {
    T::try_from(number).map_err(|_| at(field)(format!("found {number}, which is out of range")))
}

#[cfg(test)]
mod tests {
    use super::*;
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
        assert_eq!(policy.law, Law::Aimd(Aimd::default()));
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
}
