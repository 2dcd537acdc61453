use super::{Invalid, at, bandwidth, duration_or};
use crate::policy::{Scope, Strategy, Target, TargetId, TrafficQuery};
use crate::spec::{ScopeSpec, StrategySpec, StrategyTypeSpec, TargetKind, TargetSpec, TrafficQuerySpec};
use flow_control::Range;
use std::time::Duration;

/// The longest query, in characters.
const QUERY_LENGTH: usize = 4096;

pub(super) fn target(spec: &TargetSpec, path: &dyn Fn(&str) -> String) -> Result<Target, Invalid> {
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
    let traffic = spec.traffic.as_ref().map(|spec| traffic(&spec.prometheus, path)).transpose()?;
    let selector = spec.selector.clone().and_then(|selector| selector.try_into().ok());
    Ok(Target { id, selector, range: Range { min, max }, initial, scope, traffic })
}

fn traffic(spec: &TrafficQuerySpec, path: &dyn Fn(&str) -> String) -> Result<TrafficQuery, Invalid> {
    let TrafficQuerySpec { source, query } = spec.clone();
    let length = query.chars().count();
    if !(1..=QUERY_LENGTH).contains(&length) {
        let problem = format!("found {length} characters; allowed are 1 to {QUERY_LENGTH}");
        return Err(at(&path("traffic.prometheus.query"))(problem));
    }
    Ok(TrafficQuery { source, query })
}

pub(super) fn strategy(spec: &StrategySpec, targets: &[Target]) -> Result<Strategy, Invalid> {
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
