use super::Finding;
use flow_manager::prometheus::Sight;
use flow_policy::{FlowPolicy, Objective, Overrides, Policy, Question, Source, Target};
use serde_json::Value;

/// What the operator would say of a policy that the API server accepts.
pub(super) fn findings(document: &Value) -> Vec<Finding> {
    let policy: FlowPolicy = match serde_json::from_value(document.clone()) {
        Ok(policy) => policy,
        Err(error) => return vec![Finding::error("", error.to_string())],
    };
    let annotations = policy.metadata.annotations.clone().unwrap_or_default();
    let overrides = Overrides::of(&annotations);
    let overridden = overrides.problem().map(|invalid| Finding::error(&invalid.field, &invalid.problem));
    let of_spec = match Policy::try_from(&policy.spec) {
        Ok(policy) => doubts(&policy),
        Err(invalid) => vec![Finding::error(&invalid.field, invalid.problem)],
    };
    overridden.into_iter().chain(of_spec).collect()
}

/// Queries that our parser does not understand, which need not be wrong: Prometheus may be newer.
fn doubts(policy: &Policy) -> Vec<Finding> {
    let objectives = policy.objectives.iter().enumerate().filter_map(|(position, objective)| {
        let (field, query) = query(objective)?;
        Some((format!("spec.objectives[{position}].prometheus.{field}"), query))
    });
    let targets = policy.targets.iter().enumerate().filter_map(|(position, target)| {
        Some((format!("spec.targets[{position}].traffic.prometheus.query"), traffic(target)?))
    });
    let doubts = objectives.chain(targets).filter_map(|(field, query)| {
        let doubt = Sight::of(&query).doubt?;
        Some(Finding::warning(&field, doubt))
    });
    doubts.collect()
}

fn query(objective: &Objective) -> Option<(&'static str, String)> {
    let Source::Prometheus { question, .. } = &objective.source else { return None };
    let field = match question {
        Question::Query(_) => "query",
        Question::Histogram(_) => "histogram.selector",
    };
    Some((field, question.promql(objective.indicator, objective.bound)?.into_owned()))
}

fn traffic(target: &Target) -> Option<String> {
    target.traffic.as_ref().map(|traffic| traffic.query.clone())
}
