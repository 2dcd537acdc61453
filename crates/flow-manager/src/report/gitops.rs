//! The policies on which `GitOps` tools are tried, as this operator writes them: `tests/gitops` is kept the same.

use super::fixture::{at, cut, id, policy, running, spec, view, well};
use super::{Snapshot, Standing, status};
use flow_control::Unknown;
use flow_policy::{FlowPolicyStatus, Invalid};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fs};

/// Writes the files instead of comparing them.
const UPDATE: &str = "UPDATE_TESTDATA";

fn stored(status: &Value) -> Value {
    let id = id("robot");
    json!({
        "apiVersion": "flow.fustli.io/v1alpha1",
        "kind": "FlowPolicy",
        "metadata": {"name": id.name, "namespace": id.namespace, "generation": 1},
        "spec": spec("Enforce"),
        "status": status,
    })
}

fn reported(standing: &Standing) -> Value {
    stored(&serde_json::to_value(status(&FlowPolicyStatus::default(), standing, at(100))).unwrap())
}

fn with(mut object: Value, key: &str, value: Value) -> Value {
    object["metadata"][key] = value;
    object
}

fn unmeasured(snapshot: &mut Snapshot) {
    snapshot.objectives[0] = view(0, Err(Unknown::NoData));
    snapshot.measured_since = at(50);
}

fn without_pods(snapshot: &mut Snapshot) {
    for target in &mut snapshot.targets {
        (target.pods, target.enforced) = (0, 0);
    }
}

fn invalid() -> Standing {
    let problem = Invalid { field: "spec.interval".into(), problem: "found 0s".into() };
    Standing::Invalid { generation: Some(1), problem }
}

/// Each way in which a policy may stand, by the name of its file.
fn cases() -> Vec<(&'static str, Value)> {
    let works = reported(&Standing::Running(well()));
    let starts = running(|snapshot| {
        unmeasured(snapshot);
        snapshot.measured_since = at(99);
    });
    let releases = running(|snapshot| {
        unmeasured(snapshot);
        snapshot.released = true;
    });
    let eludes = running(|snapshot| snapshot.targets[1].problem = Some("pod erp-0: no shaper".into()));
    let is_on_its_way = running(|snapshot| snapshot.targets[0].enforced = 0);
    vec![
        // What the API server makes of one without a status, by the default of the schema.
        ("new", stored(&json!({"observedGeneration": -1}))),
        ("starting", reported(&starts)),
        ("on-its-way", reported(&is_on_its_way)),
        ("working", works.clone()),
        ("changed", with(works.clone(), "generation", json!(2))),
        ("deleted", with(works, "deletionTimestamp", json!("2026-01-01T00:00:00Z"))),
        ("violated", reported(&Standing::Running(cut(412e-6, 80, 99)))),
        ("observing", reported(&running(|snapshot| snapshot.policy = Arc::new(policy("Observe"))))),
        ("without-pods", reported(&running(without_pods))),
        ("without-data", reported(&running(unmeasured))),
        ("released", reported(&releases)),
        ("not-enforced", reported(&eludes)),
        ("target-missing", reported(&running(|snapshot| snapshot.targets[0].found = false))),
        ("invalid", reported(&invalid())),
    ]
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/gitops")
}

fn text(case: &Value) -> String {
    format!("{case:#}\n")
}

#[test]
fn the_policies_that_gitops_tools_are_tried_on_are_those_that_this_operator_writes() {
    for (name, case) in cases() {
        let path = folder().join(name).with_extension("json");
        if env::var_os(UPDATE).is_some() {
            fs::write(&path, text(&case)).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        let how = format!("to write it anew: {UPDATE}=1 cargo test -p flow-manager gitops");
        assert_eq!(found, text(&case), "{} is not what is written now; {how}", path.display());
    }
    assert_eq!(fs::read_dir(folder()).unwrap().count(), cases().len(), "a file that no case writes");
}
