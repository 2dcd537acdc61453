//! What is said of policies that are right, and of those that are not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use kubectl_flowpolicy::lint::{Finding, check};
use kubectl_flowpolicy::manifest::documents;
use serde_json::{Value, json};
use std::path::Path;

fn policy() -> Value {
    json!({
        "apiVersion": "flow.fustli.io/v1alpha1",
        "kind": "FlowPolicy",
        "metadata": {"name": "mine"},
        "spec": {
            "objectives": [{
                "name": "commands",
                "probe": {"host": "robot", "port": 5201},
                "jitter": {"max": "300us"},
            }],
            "targets": [{"kind": "Deployment", "name": "upload", "limit": {"min": "10M", "max": "1G"}}],
        },
    })
}

/// What is said of the policy above with the value at `pointer` replaced, or removed where it is null.
fn said(pointer: &str, value: Value) -> Vec<String> {
    let mut policy = policy();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    policy.pointer_mut(parent).expect(pointer)[key] = value;
    check(&policy).iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_is_wrong_with_the_examples() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut seen = 0;
    for file in files.filter(|file| file.extension().is_some_and(|ending| ending == "yaml")) {
        for document in documents(&file).unwrap() {
            seen += 1;
            assert_eq!(check(&document), Vec::<Finding>::new(), "{}", file.display());
        }
    }
    assert!(seen >= 16, "{seen}");
}

#[test]
fn what_the_schema_refuses_is_said_with_what_is_allowed() {
    let cases = [
        (
            "/apiVersion",
            json!("flow.fustli.io/v1"),
            "apiVersion: found flow.fustli.io/v1; allowed is flow.fustli.io/v1alpha1",
        ),
        ("/kind", json!("Flowpolicy"), "kind: found Flowpolicy; allowed is FlowPolicy"),
        ("/metadata/name", json!(null), "metadata.name: found nothing; every object needs a name"),
        ("/spec/objetives", json!([]), "spec.objetives: there is no such field; did you mean objectives?"),
        (
            "/spec/objectives/0/probe/portt",
            json!(1),
            "spec.objectives[0].probe.portt: there is no such field; did you mean port?",
        ),
        (
            "/spec/objectives/0/priority",
            json!(2000),
            "spec.objectives[0].priority: found 2000; allowed is at most 1000",
        ),
        (
            "/spec/objectives/0/name",
            json!("Commands"),
            "spec.objectives[0].name: found \"Commands\"; allowed is a name of lowercase letters, digits and -, such as \"robot-control\"",
        ),
        ("/spec/objectives/0/name", json!(null), "spec.objectives[0].name: found nothing; it must be set"),
        (
            "/spec/objectives/0/jitter/max",
            json!(150),
            "spec.objectives[0].jitter.max: found 150; allowed is a value of the type string, such as \"150us\"",
        ),
        (
            "/spec/targets/0/limit/min",
            json!(5),
            "spec.targets[0].limit.min: found 5; allowed is a value of the type string, such as \"5M\"",
        ),
        (
            "/spec/targets/0/limit/min",
            json!(5_000_000),
            "spec.targets[0].limit.min: found 5000000; allowed is a value of the type string, such as \"5000k\"",
        ),
        (
            "/spec/objectives/0/role",
            json!("Decide"),
            "spec.objectives[0].role: found \"Decide\"; allowed is Control, Watch",
        ),
        (
            "/spec/objectives/0/probe/port",
            json!("5201"),
            "spec.objectives[0].probe.port: found \"5201\"; allowed is a value of the type integer",
        ),
        ("/spec/objectives", json!([]), "spec.objectives: found 0 items; allowed are at least 1"),
        ("/spec/targets", json!(null), "spec.targets: found nothing; it must be set"),
    ];
    for (pointer, value, expected) in cases {
        assert_eq!(said(pointer, value), [expected], "{pointer}");
    }
}

#[test]
fn two_objectives_of_one_name_are_refused() {
    let mut policy = policy();
    let first = policy["spec"]["objectives"][0].clone();
    policy["spec"]["objectives"].as_array_mut().unwrap().push(first);
    let said: Vec<_> = check(&policy).iter().map(ToString::to_string).collect();
    assert_eq!(said, ["spec.objectives[1]: found \"commands\" once more; name must differ"]);
}

#[test]
fn what_a_rule_refuses_is_said_in_the_words_of_the_rule() {
    let cases = [
        (
            "/spec/interval",
            json!("50ms"),
            "spec.interval: found \"50ms\"; spec.interval must be between 100ms and 1h",
        ),
        (
            "/spec/objectives/0/role",
            json!("Watch"),
            "spec: at least one of spec.objectives must have role Control, or nothing would ever be decided",
        ),
        (
            "/spec/objectives/0/loss",
            json!({"max": "0.1"}),
            "spec.objectives[0]: exactly one of jitter, latency, loss, throughput or value must be set",
        ),
        (
            "/spec/objectives/0/probe/port",
            json!(null),
            "spec.objectives[0].probe: port must be set for the protocols UDP and TCP, and must not be set for ICMP",
        ),
    ];
    for (pointer, value, expected) in cases {
        assert_eq!(said(pointer, value), [expected], "{pointer}");
    }
    let low = said("/spec/targets/0/limit/min", json!("2G"));
    assert!(low.iter().any(|said| said.starts_with("spec.targets[0].limit: ")), "{low:?}");
}

#[test]
fn what_only_the_operator_refuses_is_said_as_well() {
    let initial = said("/spec/targets/0/limit/initial", json!("5M"));
    assert_eq!(initial.len(), 1, "{initial:?}");
    assert!(initial[0].starts_with("spec.targets[0].limit"), "{initial:?}");
    let paused = said("/metadata/annotations", json!({"flow.fustli.io/paused": "yes"}));
    assert_eq!(
        paused,
        ["metadata.annotations[flow.fustli.io/paused]: found \"yes\"; allowed is true or false"]
    );
}

#[test]
fn a_query_that_is_not_understood_is_a_warning() {
    let objectives = json!([{"name": "depth", "prometheus": {"query": "sum(("}, "value": {"max": "5"}}]);
    let expected = "spec.objectives[0].prometheus.query: warning: the query seems to be wrong: unclosed left parenthesis";
    assert_eq!(said("/spec/objectives", objectives), [expected]);
}

#[test]
fn documents_of_other_kinds_are_passed_over() {
    assert_eq!(check(&json!({"apiVersion": "v1", "kind": "ConfigMap"})), Vec::<Finding>::new());
}
