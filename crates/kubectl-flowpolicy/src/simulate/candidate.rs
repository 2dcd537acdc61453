//! What of a policy the model can try.

use super::Error;
use crate::manifest::Manifest;
use flow_control::{Bound, Finite, Role};
use flow_model::{Asked, Candidate, CandidateObjective, CandidateTarget, MeasuredBy};
use flow_policy::spec::Mode;
use flow_policy::{Indicator, Objective, Overrides, Policy, Question, Scope, Source, Strategy, Target};
use std::time::Duration;

/// A policy as the model tries it.
pub(super) struct Simulated {
    pub(super) candidate: Candidate,
    /// Its objectives, in the order of the candidate's.
    pub(super) objectives: Vec<Objective>,
    /// What of the policy is not as it would be on a cluster, as sentences.
    pub(super) differences: Vec<String>,
}

/// Makes of a policy what the model can try.
pub(super) fn simulated(manifest: &Manifest) -> Result<Simulated, Error> {
    let policy = &manifest.policy;
    let tried = policy.objectives.iter().filter_map(|objective| Some((objective, candidate(objective)?)));
    let (objectives, candidates): (Vec<_>, Vec<_>) = tried.unzip();
    if !objectives.iter().any(|objective: &&Objective| objective.role == Role::Control) {
        let decisive = policy.objectives.iter().filter(|objective| objective.role == Role::Control);
        let names: Vec<_> = decisive.map(|objective| objective.name.as_str()).collect();
        return Err(Error::NothingToSimulate { policy: manifest.name().to_owned(), names: names.join(", ") });
    }
    let candidate = Candidate {
        interval: policy.interval,
        objectives: candidates,
        targets: policy.targets.iter().map(|of| target(of)).collect(),
        law: policy.law,
        effect_check: policy.effect_check,
        no_data: policy.no_data,
    };
    let objectives = objectives.into_iter().cloned().collect();
    Ok(Simulated { candidate, objectives, differences: differences(manifest) })
}

/// `None` where nothing in the model could be measured like that.
fn candidate(objective: &Objective) -> Option<CandidateObjective> {
    let by = match &objective.source {
        Source::Probe(probe) => MeasuredBy::Probes(probe.interval),
        Source::Prometheus { question: Question::Histogram(histogram), .. } => {
            MeasuredBy::Histogram(histogram.window)
        }
        Source::Prometheus { question: Question::Query(_), .. } => return None,
    };
    let asked = asked(objective.indicator, objective.bound)?;
    Some(CandidateObjective { role: objective.role, priority: objective.priority, asked, by })
}

fn asked(indicator: Indicator, bound: Bound) -> Option<Asked> {
    let Bound::AtMost(most) = bound else { return None };
    match indicator {
        Indicator::Jitter { samples, method } => Some(Asked::Jitter { max: span(most)?, method, samples }),
        Indicator::Latency { samples, permille } => {
            Some(Asked::Latency { max: span(most)?, permille, samples })
        }
        Indicator::Loss { samples } => Some(Asked::Loss { max: most.get(), samples }),
        Indicator::Throughput | Indicator::Value => None,
    }
}

fn span(seconds: Finite) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds.get()).ok()
}

const fn target(target: &Target) -> CandidateTarget {
    let shared = matches!(target.scope, Scope::Target);
    CandidateTarget { range: target.range, initial: target.initial, shared }
}

fn differences(manifest: &Manifest) -> Vec<String> {
    let policy = &manifest.policy;
    let mut differences: Vec<_> = policy.objectives.iter().filter_map(of_objective).collect();
    differences.extend(of_control(policy));
    let annotations = manifest.written.metadata.annotations.clone().unwrap_or_default();
    if Overrides::of(&annotations) != Overrides::default() {
        differences
            .push("annotations that pause the policy or pin its limits have no effect here".to_owned());
    }
    differences
}

fn of_objective(objective: &Objective) -> Option<String> {
    let name = &objective.name;
    match &objective.source {
        Source::Prometheus { question: Question::Query(_), .. } => {
            Some(format!("{name} is left out: no model can answer its query"))
        }
        Source::Prometheus { question: Question::Histogram(_), .. } => {
            Some(format!("{name} is read off exact times, not off the buckets of a histogram"))
        }
        Source::Probe(_) => None,
    }
}

fn of_control(policy: &Policy) -> Vec<String> {
    let mut differences = Vec::new();
    if policy.mode == Mode::Observe {
        differences.push("mode is Observe: limits are enforced here all the same".to_owned());
    }
    if policy.strategy != Strategy::Live {
        differences.push("strategy is Rollout: limits take effect on running pods here".to_owned());
    }
    for target in policy.targets.iter().filter(|target| target.traffic.is_some()) {
        differences.push(format!("{}: its traffic is told by the scenario, not by its query", target.id));
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::tests::manifest;

    #[test]
    fn what_cannot_be_simulated_is_named() {
        let manifest = manifest(
            r#"
  mode: Observe
  objectives:
  - {name: commands, probe: {host: robot, port: 1}, jitter: {max: 3ms}}
  - {name: answers, prometheus: {histogram: {selector: rtt_seconds}}, latency: {max: 20ms}}
  - {name: depth, prometheus: {query: depth}, value: {max: "5"}}
  targets: [{kind: Deployment, name: upload, limit: {min: 10M, max: 100M}, traffic: {prometheus: {query: sent}}}]
"#,
        );
        let simulated = simulated(&manifest).unwrap();
        let names: Vec<_> = simulated.objectives.iter().map(|objective| objective.name.as_str()).collect();
        assert_eq!(names, ["commands", "answers"]);
        let expected = [
            "answers is read off exact times, not off the buckets of a histogram",
            "depth is left out: no model can answer its query",
            "mode is Observe: limits are enforced here all the same",
            "Deployment/upload: its traffic is told by the scenario, not by its query",
        ];
        assert_eq!(simulated.differences, expected);
    }

    #[test]
    fn a_policy_of_queries_alone_cannot_be_simulated() {
        let manifest = manifest(
            r#"
  objectives:
  - {name: depth, prometheus: {query: depth}, value: {max: "5"}}
  - {name: seen, role: Watch, probe: {host: robot, port: 1}, jitter: {max: 3ms}}
  targets: [{kind: Deployment, name: upload, limit: {min: 10M, max: 100M}}]
"#,
        );
        let error = simulated(&manifest).err().unwrap().to_string();
        assert!(
            error.starts_with("mine: none of its objectives that decide can be simulated (depth):"),
            "{error}"
        );
    }
}
