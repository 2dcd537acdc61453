//! What the guide tells people to type works, and what comes back can be understood. Pages that show what comes are in
//! `transcripts`.

use flow_e2e::Stage;
use flow_e2e::factory::{HOST, NAMESPACE, publish};
use flow_e2e::kubectl::{PROGRAMS, apply_files, in_repository, kubectl};
use flow_e2e::operator;
use flow_e2e::policies::{by_probe, pinned};
use flow_e2e::program::run;
use flow_e2e::stage::condition;
use flow_e2e::workload::Work;
use flow_policy::names::{APPLIED_EGRESS_BANDWIDTH, EGRESS_BANDWIDTH, ORIGINAL_EGRESS_BANDWIDTH};

/// The factory as README has it: the operator at work, the critical service, and the uploads.
async fn factory() -> Stage {
    let stage = Stage::set_in(NAMESPACE.to_owned()).await.unwrap();
    publish().await.unwrap();
    stage.start("Deployment", "telemetry-upload", 2, Work::Idle).await.unwrap();
    stage
}

/// The blocks of commands of a document, in their order.
fn blocks(document: &str) -> Vec<String> {
    let text = fs_err::read_to_string(in_repository(document)).unwrap();
    let blocks = text.split("```").skip(1).step_by(2);
    blocks.filter_map(|block| block.strip_prefix("console\n")).map(str::to_owned).collect()
}

#[tokio::test]
async fn get_and_describe_tell_what_happens_and_why() {
    let stage = factory().await;
    apply_files(&["examples/robot-control.yaml"]).await.unwrap();
    let well = |policy: &_| {
        condition(policy, "Ready").starts_with("True") && condition(policy, "Enforced").starts_with("True")
    };
    stage.policy_where("robot-control", "everything in order", well).await.unwrap();
    let table = kubectl("-n factory get fp robot-control").await.unwrap();
    let row: Vec<&str> = table.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(row[..4], ["robot-control", "Enforce", "True", "True"], "{table}");
    let described = kubectl("-n factory describe fp robot-control").await.unwrap();
    for text in ["command-jitter", "telemetry-upload", "limits are in force on the running pods", "InForce"] {
        assert!(described.contains(text), "{text} is missing in\n{described}");
    }
}

#[tokio::test]
async fn limits_are_given_back_by_hand_as_the_guide_says_while_no_controller_runs() {
    let stage = Stage::set_in(NAMESPACE.to_owned()).await.unwrap();
    let pods = stage.start("Deployment", "best-effort", 2, Work::Idle).await.unwrap();
    stage.cluster.annotate(&pods[0], EGRESS_BANDWIDTH, Some("70M")).await.unwrap();
    stage.apply(&pinned(by_probe("abandoned", HOST), "50M")).await.unwrap();
    for pod in &pods {
        stage.limited(pod, Some(50_000_000)).await.unwrap();
    }
    operator::scale(0).await.unwrap();
    let [restore, _, release] = blocks("docs/operating.md").try_into().unwrap();
    run("sh", ["-c", &restore]).await.unwrap();
    stage.limited(&pods[0], Some(70_000_000)).await.unwrap();
    stage.limited(&pods[1], None).await.unwrap();
    for pod in &pods {
        stage.annotated(pod, ORIGINAL_EGRESS_BANDWIDTH, None).await.unwrap();
        stage.annotated(pod, APPLIED_EGRESS_BANDWIDTH, None).await.unwrap();
    }
    kubectl("-n factory delete flowpolicy abandoned --wait=false").await.unwrap();
    let release = release.replace("NAMESPACE", NAMESPACE).replace("NAME", "abandoned");
    run("sh", ["-c", &release]).await.unwrap();
    assert_eq!(stage.cluster.policies(NAMESPACE).get_opt("abandoned").await.unwrap(), None);
    operator::scale(1).await.unwrap();
}

#[tokio::test]
async fn the_reflector_of_the_guide_answers_probes() {
    let stage = Stage::set_in(NAMESPACE.to_owned()).await.unwrap();
    // As if a registry had served the released image.
    let released = format!("fustli/flow-manager:{}", env!("CARGO_PKG_VERSION"));
    run("nerdctl", ["tag", "fustli/flow-manager:latest", &released]).await.unwrap();
    apply_files(&["docs/getting-started/reflector.yaml"]).await.unwrap();
    kubectl("-n factory wait --for=condition=Available deployment/robot-control --timeout=1m").await.unwrap();
    stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap();
    stage.apply(&by_probe("reflected", "robot-control.factory.svc")).await.unwrap();
    let answered = |policy: &_| condition(policy, "ObjectivesMet").starts_with("True AllMet");
    stage.policy_where("reflected", "probes that are answered", answered).await.unwrap();
    drop(stage);
}

#[tokio::test]
async fn what_the_prototypes_configuration_becomes_is_accepted_as_the_guide_says() {
    let stage = Stage::set_in(NAMESPACE.to_owned()).await.unwrap();
    let programs = in_repository(PROGRAMS);
    let path = format!("PATH=\"{}:$PATH\"", programs.display());
    let [commands] = blocks("docs/migrating.md").try_into().unwrap();
    // In a folder that may be written to, with what the guide reads beside it.
    let place = std::env::temp_dir().join("flow-e2e-migrating");
    fs_err::create_dir_all(place.join("docs")).unwrap();
    let configuration = "docs/critical-apps.yaml";
    fs_err::copy(in_repository(configuration), place.join(configuration)).unwrap();
    let here = format!("cd '{}' && export {path} && {commands}", place.display());
    let said = run("sh", ["-e", "-c", &here]).await.unwrap();
    assert!(said.contains("flowpolicy.flow.fustli.io/critical-apps created (server dry run)"), "{said}");
    fs_err::remove_dir_all(place).unwrap();
    drop(stage);
}
