//! `kubectl flowpolicy` sees, explains and steps in on a real cluster, with the operator and without it.

use flow_e2e::kubectl::{PROGRAMS, in_repository};
use flow_e2e::policies::sinking;
use flow_e2e::program::run;
use flow_e2e::workload::Work;
use flow_e2e::{Result, Stage, operator};
use flow_lab::address::{NODE, PROMETHEUS_PORT};
use flow_policy::FlowPolicy;
use flow_policy::names::EGRESS_BANDWIDTH;
use std::path::Path;

const NAMESPACE: &str = "e2e-plugin";
const MBPS: u64 = 1_000_000;
/// What people download is small.
const MAX_SIZE: u64 = 15_000_000;

/// `kubectl flowpolicy LINE` in the stage's namespace, as kubectl finds the plugin: in the path.
async fn plugin(stage: &Stage, line: &str) -> Result<String> {
    let folder = in_repository(PROGRAMS);
    let path = std::env::var("PATH").unwrap_or_default();
    let command =
        format!("PATH='{}:{path}' kubectl flowpolicy {line} -n {}", folder.display(), stage.namespace);
    run("sh", ["-c", &command]).await
}

/// What it says where it fails.
async fn complaint(stage: &Stage, line: &str) -> String {
    plugin(stage, line).await.unwrap_err().to_string()
}

fn says(answer: &str, parts: &[&str]) {
    for part in parts {
        assert!(answer.contains(part), "no {part:?} in:\n{answer}");
    }
}

#[tokio::test]
async fn it_shows_and_explains_a_policy_and_a_person_steps_in() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
    stage.apply(&sinking("sinking")).await.unwrap();
    stage.limited(&pod, Some(10 * MBPS)).await.unwrap();
    let told = |policy: &FlowPolicy| {
        let status = policy.status.as_ref();
        status.and_then(|status| status.limit.as_deref()).is_some_and(|limit| limit == "10M")
    };
    stage.policy_where("sinking", "a status with the minimum", told).await.unwrap();

    says(&plugin(&stage, "status sinking --timeout 30s").await.unwrap(), &["Ready", "Enforced"]);
    let shown = plugin(&stage, "get sinking").await.unwrap();
    says(
        &shown,
        &["/sinking", "mode Enforce", "queried", "Deployment/best-effort", "limit 10M", "10M, in force"],
    );
    let told: serde_json::Value =
        serde_json::from_str(&plugin(&stage, "get sinking -o json").await.unwrap()).unwrap();
    assert!(told.to_string().contains("10M"), "{told}");
    let name = pod.metadata.name.as_deref().unwrap();
    let why = plugin(&stage, &format!("explain pod/{name}")).await.unwrap();
    says(&why, &["10M", "set by flow-manager", "/sinking", "queried", "every limit is at its minimum"]);
    let why: serde_json::Value =
        serde_json::from_str(&plugin(&stage, &format!("explain pod/{name} -o json")).await.unwrap()).unwrap();
    assert_eq!(why["policies"][0]["targets"][0]["decides"], true, "{why}");

    plugin(&stage, "pin sinking 80M").await.unwrap();
    stage.limited(&pod, Some(80 * MBPS)).await.unwrap();
    plugin(&stage, "pause sinking --reason maintenance").await.unwrap();
    plugin(&stage, "unpin sinking").await.unwrap();
    let paused = |policy: &_| flow_e2e::stage::condition(policy, "Paused").contains("maintenance");
    stage.policy_where("sinking", "paused", paused).await.unwrap();
    stage.limited(&pod, Some(80 * MBPS)).await.unwrap();
    plugin(&stage, "resume sinking").await.unwrap();
    stage.limited(&pod, Some(10 * MBPS)).await.unwrap();

    says(&complaint(&stage, "get none").await, &["none", "try:"]);
    says(&complaint(&stage, &format!("restore -n {NAMESPACE}")).await, &["error:"]);
    let namespaces = format!(
        "--system-namespace {} --shaper-namespace {}",
        operator::NAMESPACE,
        operator::SHAPER_NAMESPACE
    );
    says(&plugin(&stage, &format!("check {namespaces}")).await.unwrap(), &["leads", "0 failed"]);
    let archive = std::env::temp_dir().join(format!("flow-manager-{}.tar.gz", std::process::id()));
    let bundle = format!("bundle -o {} {namespaces}", archive.display());
    says(&plugin(&stage, &bundle).await.unwrap(), &["files", "Look through it"]);
    fs_err::remove_file(archive).unwrap();
}

/// The query is one that Prometheus answers for any time, so that a week of the past is there.
#[tokio::test]
async fn a_week_of_the_past_is_replayed_from_a_real_prometheus() {
    let _stage = Stage::set(NAMESPACE).await.unwrap();
    let binary = in_repository(PROGRAMS).join("kubectl-flowpolicy");
    let command = format!(
        "'{}' backtest -f - --prometheus http://{NODE}:{PROMETHEUS_PORT} --since 7d --step 15s <<'EOF'\n{}\nEOF",
        binary.display(),
        sinking("sinking")
    );
    let told = run("sh", ["-c", &command]).await.unwrap();
    says(&told, &["a value each 15s", "queried <= 1", "100.0 %", "down to"]);
}

#[tokio::test]
async fn every_example_is_found_to_be_right_before_it_is_applied() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    for example in fs_err::read_dir(in_repository("examples")).unwrap() {
        let path = example.unwrap().path();
        if path.extension() == Some(Path::new("yaml").as_os_str()) {
            let file = path.display();
            plugin(&stage, &format!("lint -f {file}"))
                .await
                .unwrap_or_else(|error| panic!("{file}: {error}"));
        }
    }
}

#[tokio::test]
async fn without_the_operator_it_still_shows_and_gives_limits_back() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
    stage.apply(&sinking("sinking")).await.unwrap();
    stage.limited(&pod, Some(10 * MBPS)).await.unwrap();
    operator::scale(0).await.unwrap();

    let place = format!("--system-namespace {}", operator::NAMESPACE);
    let leaderless = "no controller leads";
    says(&plugin(&stage, &format!("get sinking {place}")).await.unwrap(), &[leaderless, "limit 10M"]);
    let why = plugin(&stage, &format!("explain deployment/best-effort {place}")).await.unwrap();
    says(&why, &[leaderless, "10M"]);
    // It tells on the standard output.
    let said = complaint(&stage, &format!("status sinking --timeout 1s {place} >&2")).await;
    says(&said, &["is not ready", "controller"]);
    says(&plugin(&stage, "restore").await.unwrap(), &["given back: 1 pod"]);
    stage.annotated(&pod, EGRESS_BANDWIDTH, None).await.unwrap();
    operator::scale(1).await.unwrap();
}

#[test]
fn what_people_download_is_small() {
    let size = std::fs::metadata(in_repository(PROGRAMS).join("kubectl-flowpolicy")).unwrap().len();
    assert!(size <= MAX_SIZE, "{size} bytes");
}
