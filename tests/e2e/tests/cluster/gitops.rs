//! What `GitOps` tools make of a policy: Argo CD by the health script, Flux and others by kstatus.

use flow_e2e::kubectl::{apply_object, in_repository, kubectl};
use flow_e2e::program::{run, run_with_input};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SCRIPT: &str = "docs/argocd/health.lua";

/// Each way in which a policy may stand, its health in Argo CD, and its status by kstatus.
const VERDICTS: [(&str, &str, &str); 14] = [
    ("new", "Progressing", "InProgress"),
    ("starting", "Progressing", "InProgress"),
    ("on-its-way", "Progressing", "InProgress"),
    ("working", "Healthy", "Current"),
    ("changed", "Progressing", "InProgress"),
    ("deleted", "Progressing", "Terminating"),
    // A violated objective is what the policy is there for, and no failure to deploy it.
    ("violated", "Healthy", "Current"),
    ("observing", "Healthy", "Current"),
    ("without-pods", "Healthy", "Current"),
    // These may pass by themselves, so kstatus waits.
    ("without-data", "Degraded", "InProgress"),
    ("released", "Degraded", "InProgress"),
    ("not-enforced", "Degraded", "InProgress"),
    // These do not.
    ("target-missing", "Degraded", "Failed"),
    ("invalid", "Degraded", "Failed"),
];

fn object(name: &str) -> Value {
    let path = in_repository("tests/gitops").join(name).with_extension("json");
    serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap()
}

/// What both make of each object.
async fn judge(objects: &[Value]) -> Vec<Value> {
    let script = in_repository(SCRIPT);
    let said = run_with_input("gitops", [script], &json!(objects).to_string()).await.unwrap();
    serde_json::from_str(&said).unwrap()
}

#[tokio::test]
async fn each_way_in_which_a_policy_may_stand_is_understood() {
    let files = fs_err::read_dir(in_repository("tests/gitops")).unwrap();
    assert_eq!(files.count(), VERDICTS.len(), "a file of tests/gitops is not judged");
    let objects: Vec<_> = VERDICTS.iter().map(|(name, ..)| object(name)).collect();
    let judged = judge(&objects).await;
    let found = VERDICTS.iter().zip(&judged).map(|((name, ..), judged)| {
        (*name, judged["argo"]["status"].as_str().unwrap(), judged["kstatus"]["status"].as_str().unwrap())
    });
    assert_eq!(found.collect::<Vec<_>>(), VERDICTS);
}

#[tokio::test]
async fn argo_cd_shows_what_is_violated_and_what_is_wrong() {
    let names = ["violated", "invalid", "target-missing", "without-data", "not-enforced"];
    let judged = judge(&names.map(object)).await;
    let messages: BTreeMap<_, _> =
        names.iter().zip(&judged).map(|(name, judged)| (*name, &judged["argo"]["message"])).collect();
    assert_eq!(messages["violated"], "violated: command-jitter (<= 300us)");
    assert_eq!(messages["invalid"], "spec.interval: found 0s");
    assert_eq!(messages["target-missing"], "Deployment/upload does not exist in this namespace");
    assert_eq!(messages["not-enforced"], "StatefulSet/erp: pod erp-0: no shaper");
    assert!(
        messages["without-data"].as_str().unwrap().starts_with("command-jitter cannot be measured"),
        "{messages:?}"
    );
}

#[tokio::test]
async fn the_guides_command_gives_argo_cd_the_script() {
    apply_object(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argocd"}}))
        .await
        .unwrap();
    let config = json!({"name": "argocd-cm", "namespace": "argocd"});
    apply_object(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": config, "data": {"url": "x"}}))
        .await
        .unwrap();
    let guide = fs_err::read_to_string(in_repository("docs/gitops.md")).unwrap();
    let commands: Vec<_> =
        guide.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let here = format!("cd '{}' && {}", in_repository("").display(), commands[0]);
    run("sh", ["-c", &here]).await.unwrap();
    let stored = kubectl("-n argocd get configmap argocd-cm -o json").await.unwrap();
    let stored: Value = serde_json::from_str(&stored).unwrap();
    let script = fs_err::read_to_string(in_repository(SCRIPT)).unwrap();
    assert_eq!(stored["data"]["resource.customizations.health.flow.fustli.io_FlowPolicy"], script);
    assert_eq!(stored["data"]["url"], "x", "what was there is kept");
}

#[tokio::test]
async fn a_policy_that_nobody_has_seen_yet_is_not_taken_for_ready() {
    let path = in_repository("manifests/crds.yaml");
    run("kubectl", ["apply", "-f", &path.to_string_lossy()]).await.unwrap();
    kubectl("wait --for=condition=Established crd/flowpolicies.flow.fustli.io --timeout=30s").await.unwrap();
    let mut policy = flow_e2e::policies::by_probe("unseen", "robot");
    policy["metadata"]["namespace"] = json!("default");
    let path = std::env::temp_dir().join(format!("unseen-{}.json", std::process::id()));
    fs_err::write(&path, policy.to_string()).unwrap();
    let arguments = ["create", "--dry-run=server", "-o", "json", "-f", &path.to_string_lossy()];
    let stored: Value = serde_json::from_str(&run("kubectl", arguments).await.unwrap()).unwrap();
    fs_err::remove_file(&path).unwrap();
    assert_eq!(stored["status"], object("new")["status"], "{stored:#}");
}
