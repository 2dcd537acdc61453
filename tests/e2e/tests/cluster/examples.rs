//! Every example is a policy that the operator takes up.

use flow_e2e::Stage;
use flow_e2e::factory::NAMESPACE;
use flow_e2e::kubectl::{in_repository, kubectl};
use flow_e2e::program::run;
use flow_e2e::stage::condition;
use flow_policy::FlowPolicy;
use std::path::PathBuf;

fn files() -> Vec<PathBuf> {
    let examples = fs_err::read_dir(in_repository("examples")).unwrap().map(|entry| entry.unwrap().path());
    examples.filter(|file| file.extension().is_some_and(|ending| ending == "yaml")).collect()
}

/// Whether the operator has looked at the policy as it is, and could use it: its targets may be missing.
fn is_taken_up(policy: &FlowPolicy) -> bool {
    let observed = policy.status.as_ref().and_then(|status| status.observed_generation);
    let accepted = condition(policy, "Accepted");
    observed == policy.metadata.generation && !accepted.is_empty() && !accepted.contains("InvalidSpec")
}

#[tokio::test]
async fn every_example_is_taken_up() {
    let stage = Stage::set_in(NAMESPACE.to_owned()).await.unwrap();
    let files = files();
    for file in &files {
        let applied = run("kubectl", ["apply", "-f", &file.to_string_lossy()]).await;
        applied.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
    for file in &files {
        let name = file.file_stem().unwrap().to_string_lossy();
        stage.policy_where(&name, "that it is taken up", is_taken_up).await.unwrap();
    }
    // What the examples have made elsewhere would be in the way of other tests.
    for file in &files {
        run("kubectl", ["delete", "--ignore-not-found", "-f", &file.to_string_lossy()]).await.unwrap();
    }
    let left = kubectl(&format!("-n {} get flowpolicies -o name", stage.namespace)).await.unwrap();
    assert_eq!(left, "");
}
