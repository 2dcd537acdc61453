//! What README tells a newcomer to type works, and what comes back can be understood.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use flow_e2e::Stage;
use flow_e2e::factory::{NAMESPACE, publish};
use flow_e2e::kubectl::{apply_files, in_repository, kubectl};
use flow_e2e::program::run;
use flow_e2e::stage::condition;
use flow_e2e::workload::Work;

/// The factory as README has it: the operator at work, the critical service, and the uploads.
async fn factory() -> Stage {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    publish().await.unwrap();
    stage.start("Deployment", "telemetry-upload", 2, Work::Idle).await.unwrap();
    stage
}

/// The kubectl commands in README's blocks of commands, in their order.
fn commands() -> Vec<String> {
    let readme = fs_err::read_to_string(in_repository("README.md")).unwrap();
    let blocks = readme
        .split("```")
        .skip(1)
        .step_by(2)
        .filter(|block| block.starts_with("sh\n") || block.starts_with("console\n"));
    let lines = blocks.flat_map(str::lines).map(|line| line.trim_start_matches("$ ").trim());
    lines.filter(|line| line.starts_with("kubectl ")).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_kubectl_command_of_the_readme_works_in_its_order() {
    let stage = factory().await;
    let commands = commands();
    assert!(
        commands.iter().any(|command| command.contains("apply -f examples/robot-control.yaml")),
        "{commands:?}"
    );
    for command in commands {
        let here = format!("cd '{}' && {command}", in_repository("").display());
        run("sh", ["-c", &here]).await.unwrap_or_else(|error| panic!("{command}: {error}"));
        if command.contains("examples/robot-control.yaml") && command.contains("apply") {
            let well = |policy: &_| condition(policy, "Enforced").starts_with("True");
            stage.policy_where("robot-control", "its limits in force", well).await.unwrap();
        }
    }
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
    for text in
        ["command-jitter", "telemetry-upload", "limits are in force on the running pods", "LimitsInForce"]
    {
        assert!(described.contains(text), "{text} is missing in\n{described}");
    }
}
