//! What the accounts may do is what they need: each verb that the chart grants is used, and none is asked for in vain. The
//! API server's audit log is the witness.

use flow_e2e::Stage;
use flow_e2e::factory::HOST;
use flow_e2e::kubectl::{in_repository, kubectl};
use flow_e2e::operator::{self, NAMESPACE, SHAPER_NAMESPACE};
use flow_e2e::policies::{by_probe, by_query, pinned, with};
use flow_e2e::program::run;
use flow_e2e::release::{RELEASE, install_with};
use flow_e2e::stage::condition;
use flow_e2e::wait::{Look, until};
use flow_e2e::workload::Work;
use flow_lab::Lab;
use flow_policy::names::{APPLIED_EGRESS_BANDWIDTH, PAUSED};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// An account, and a verb on a resource of an API group.
type Grant = (String, String, String, String);

/// What the chart grants, with rollouts allowed.
async fn granted() -> BTreeSet<Grant> {
    let chart = in_repository("charts/flow-manager");
    let template = ["template", RELEASE, &chart.to_string_lossy(), "--namespace", NAMESPACE];
    let only = [
        "--set=rollout.enabled=true",
        "--show-only=templates/rbac.yaml",
        "--show-only=templates/restore.yaml",
    ];
    let text = run("helm", template.iter().copied().chain(only)).await.unwrap();
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    let roles = documents.iter().filter(|found| found["kind"] == "ClusterRole" || found["kind"] == "Role");
    roles.flat_map(grants).collect()
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn grants(role: &Value) -> Vec<Grant> {
    // Each role has the name of the account that it is for.
    let account = role["metadata"]["name"].as_str().unwrap();
    let mut grants = Vec::new();
    for rule in role["rules"].as_array().unwrap() {
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                let grant = |verb| (account.to_owned(), group.clone(), resource.clone(), verb);
                grants.extend(texts(&rule["verbs"]).into_iter().map(grant));
            }
        }
    }
    grants
}

/// The requests since so many lines of the log, each with whether it was let through.
fn asked(skip: usize) -> Vec<(Grant, bool)> {
    let log = fs_err::read_to_string(Lab::current().unwrap().audit_log()).unwrap();
    let events = log.lines().skip(skip).map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter_map(|event| request(&event)).collect()
}

fn request(event: &Value) -> Option<(Grant, bool)> {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let account = text("/user/username").rsplit(':').next()?.to_owned();
    let resource = [text("/objectRef/resource"), text("/objectRef/subresource")];
    // Questions about the API itself are everybody's.
    let resource = resource.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join("/");
    let allowed = event.pointer("/annotations/authorization.k8s.io~1decision")? == "allow";
    let grant = (account, text("/objectRef/apiGroup"), resource, text("/verb"));
    (!grant.2.is_empty()).then_some((grant, allowed))
}

fn lines() -> usize {
    fs_err::read_to_string(Lab::current().unwrap().audit_log()).unwrap().lines().count()
}

/// Pauses a policy and lets it go on, twice: the second time, the same Event is counted up.
async fn pause_twice(stage: &Stage, policy: &str) {
    for _ in 0..2 {
        for (value, shown) in [("=true", true), ("-", false)] {
            let command = format!("-n {} annotate flowpolicy {policy} {PAUSED}{value}", stage.namespace);
            kubectl(&command).await.unwrap();
            let is = |policy: &_| condition(policy, "Paused").starts_with("True") == shown;
            stage.policy_where(policy, "its pause", is).await.unwrap();
        }
    }
}

/// A limit in the pod template of a workload of that kind.
async fn roll_out(stage: &Stage, kind: &str) {
    let name = format!("rolled-{}", kind.to_lowercase());
    stage.start(kind, &name, 1, Work::Idle).await.unwrap();
    let policy = with(by_query(&name, "vector(2)", "1"), "/spec/targets/0/name", json!(name));
    let policy = with(policy, "/spec/targets/0/kind", json!(kind));
    let rollout = json!({"type": "Rollout", "minInterval": "1m"});
    stage.apply(&with(policy, "/spec/strategy", rollout)).await.unwrap();
    let get = format!("-n {} get {kind} {name} -o json", stage.namespace);
    until("a limit in the template", Duration::from_mins(1), async || {
        let found: Value = serde_json::from_str(&kubectl(&get).await?).unwrap_or_default();
        let applied = &found["metadata"]["annotations"][APPLIED_EGRESS_BANDWIDTH];
        Ok(Look::when(applied.is_string(), || found["metadata"].to_string()))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn every_permission_is_used_and_none_is_missing() {
    let stage = Stage::set("e2e-permissions").await.unwrap();
    let start = lines();
    install_with(json!({"rollout": {"enabled": true}})).await.unwrap();
    // What was listed once is only watched later.
    kubectl(&format!("-n {NAMESPACE} rollout restart deployment/flow-manager")).await.unwrap();
    kubectl(&format!("-n {SHAPER_NAMESPACE} rollout restart daemonset/flow-manager-shaper")).await.unwrap();
    operator::ready().await.unwrap();
    let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
    stage.apply(&pinned(by_probe("steady", HOST), "50M")).await.unwrap();
    stage.limited(&pod, Some(50_000_000)).await.unwrap();
    pause_twice(&stage, "steady").await;
    for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
        roll_out(&stage, kind).await;
    }
    let settled = lines();
    let refused: Vec<_> = asked(start).into_iter().filter(|(_, allowed)| !allowed).collect();
    run("helm", ["uninstall", RELEASE, "--namespace", NAMESPACE, "--wait"]).await.unwrap();
    // Once their role is gone, the controllers of the release are refused everything, until they are gone, too.
    let restoring = asked(settled).into_iter().filter(|((account, ..), _)| account.ends_with("-restore"));
    let refused: Vec<_> = refused.into_iter().chain(restoring.filter(|(_, allowed)| !allowed)).collect();
    assert!(refused.is_empty(), "asked for in vain: {refused:#?}");
    let used: BTreeSet<_> = asked(start).into_iter().filter_map(|(grant, ok)| ok.then_some(grant)).collect();
    let granted = granted().await;
    let unused: Vec<_> = granted.difference(&used).collect();
    assert!(granted.len() > 20 && unused.is_empty(), "granted, and not used: {unused:#?}");
}
