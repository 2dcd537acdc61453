use super::{Invalid, at, bandwidth, duration_or, int};
use crate::DurationText;
use crate::policy::{Histogram, Indicator, Objective, Probe, Question, Source};
use crate::spec::{
    HistogramSpec, JitterMethodSpec, ObjectiveSpec, ProbeSpec, PrometheusSpec, ProtocolSpec, RoleSpec,
    ValueSpec,
};
use flow_control::{Bandwidth, Bound, Finite, JitterMethod, Role};
use std::time::Duration;

pub(super) fn objective(spec: &ObjectiveSpec, path: &dyn Fn(&str) -> String) -> Result<Objective, Invalid> {
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

fn bits_per_second(rate: Bandwidth) -> Finite {
    Finite::new(rate.bps_f64()).unwrap_or_default()
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
