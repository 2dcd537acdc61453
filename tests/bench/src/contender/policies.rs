//! The policies of the contenders. Pure.

use crate::bed::targets;
use crate::plan::{Contender, Scenario};
use serde_json::{Value, json};

/// The name of the policy that protects.
pub(crate) const NAME: &str = "bench";
/// The name of the policy that only measures, for Prometheus to see.
pub(crate) const MEASURING: &str = "bench-measuring";

const HOST: &str = "robot-control.factory.svc";
/// In microseconds: [`crate::plan::BOUND_US`] as a policy has it.
const BOUND: &str = "500us";

/// What a contender applies, in this order.
pub(super) fn of(contender: Contender, scenario: Scenario) -> Vec<Value> {
    match contender {
        Contender::None | Contender::BestFixed | Contender::PredecessorRollout => Vec::new(),
        Contender::PredecessorLive => vec![predecessor(scenario)],
        Contender::Ours => vec![ours("Balanced", scenario)],
        Contender::OursStrict => vec![ours("Strict", scenario)],
        Contender::OursPrometheus => vec![measuring(scenario), by_prometheus(scenario)],
    }
}

fn ours(mode: &str, scenario: Scenario) -> Value {
    let control = json!({"law": "Adaptive", "adaptive": {"mode": mode}});
    policy(NAME, scenario, &json!({"objectives": [jitter("20ms")], "control": control}))
}

/// The predecessor never asked whether its limits helped.
fn predecessor(scenario: Scenario) -> Value {
    let control = json!({"law": "AIMD", "effectCheck": {"action": "Ignore"}});
    let spec = json!({"objectives": [jitter("500ms")], "interval": "2s", "control": control});
    policy(NAME, scenario, &spec)
}

fn measuring(scenario: Scenario) -> Value {
    policy(MEASURING, scenario, &json!({"objectives": [jitter("20ms")], "mode": "Observe"}))
}

/// Nine of ten answers within a millisecond. The histogram's buckets are too coarse for a jitter of half of that.
fn by_prometheus(scenario: Scenario) -> Value {
    let query = format!(
        "histogram_quantile(0.9, sum by (le) (rate(network_probe_udp_latency_hist_bucket{{target=\"{HOST}:5201\"}}[3s])))"
    );
    let objective = json!({"name": "command-latency", "prometheus": {"query": query}, "value": {"max": "1"}});
    policy(NAME, scenario, &json!({"objectives": [objective], "control": {"law": "Adaptive"}}))
}

fn jitter(interval: &str) -> Value {
    json!({
        "name": "command-jitter",
        "probe": {"protocol": "UDP", "host": HOST, "port": 5201, "interval": interval},
        "jitter": {"max": BOUND, "samples": 20},
    })
}

/// All contenders may move limits within the same range.
fn policy(name: &str, scenario: Scenario, spec: &Value) -> Value {
    let target = |name| json!({"kind": "Deployment", "name": name, "limit": {"min": "10M", "max": "100M"}});
    let targets: Vec<Value> = targets(scenario).map(target).collect();
    let mut all = json!({"targets": targets});
    if let (Some(all), Some(spec)) = (all.as_object_mut(), spec.as_object()) {
        all.extend(spec.clone());
    }
    json!({
        "apiVersion": "flow.fustli.io/v1alpha1",
        "kind": "FlowPolicy",
        "metadata": {"name": name},
        "spec": all,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::BOUND_US;

    #[test]
    fn the_bound_of_the_policies_is_that_of_the_judge() {
        assert_eq!(BOUND, format!("{BOUND_US:.0}us"));
    }

    #[test]
    fn each_policy_limits_the_workloads_of_its_scenario() {
        let names = |scenario| {
            let policy = of(Contender::Ours, scenario).remove(0);
            let targets = policy["spec"]["targets"].as_array().unwrap().clone();
            targets.iter().map(|target| target["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(Scenario::Fixed), ["telemetry-upload"]);
        assert_eq!(names(Scenario::Udp), ["telemetry-upload", "video-stream"]);
        assert_eq!(names(Scenario::Fault), ["camera-upload"]);
    }

    #[test]
    fn contenders_differ_in_law_pace_and_source() {
        let spec = |contender| of(contender, Scenario::Fixed).pop().unwrap()["spec"].clone();
        assert_eq!(spec(Contender::PredecessorLive)["control"]["law"], "AIMD");
        assert_eq!(spec(Contender::PredecessorLive)["interval"], "2s");
        assert_eq!(spec(Contender::OursStrict)["control"]["adaptive"]["mode"], "Strict");
        assert!(spec(Contender::OursPrometheus)["objectives"][0].get("probe").is_none());
        assert!(of(Contender::PredecessorRollout, Scenario::Fixed).is_empty());
    }
}
