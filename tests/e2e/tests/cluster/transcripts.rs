//! What the pages tell people to type works, and they show what comes.
//!
//! A page of `docs/how-to` is run as it is found there; another one needs a test below. With `FLOW_TRANSCRIPTS=overwrite`
//! pages get what really came.

use flow_e2e::factory::NAMESPACE;
use flow_e2e::kubectl::{PROGRAMS, apply_files, in_repository, kubectl};
use flow_e2e::stage::condition;
use flow_e2e::{Result, Stage};
use flow_transcript::{Comparison, Error, Place, check};
use std::path::PathBuf;

/// The critical service by its name, and the uploads, as [getting started](../../../docs/getting-started.md) has them.
const WORKLOADS: &str = "docs/getting-started/factory.yaml";

/// The operator at work, the machines outside the cluster, and no namespace `factory`.
async fn stage() -> Stage {
    let mut stage = Stage::set_in(NAMESPACE.to_owned()).await.unwrap();
    stage.factory.open_sink().unwrap();
    forget().await.unwrap();
    stage
}

/// The same with the workloads running.
async fn factory() -> Stage {
    let stage = stage().await;
    apply_files(&[WORKLOADS]).await.unwrap();
    stage.cluster.running(NAMESPACE, "telemetry-upload", 2).await.unwrap();
    stage
}

/// Deletes what pages make.
async fn forget() -> Result<()> {
    kubectl("delete flowpolicies --all --all-namespaces").await?;
    kubectl(&format!("delete namespaces {NAMESPACE} office --ignore-not-found")).await.map(drop)
}

/// Types what the page says, in the checkout.
async fn page(file: &str) -> Result<(), Error> {
    page_in(in_repository(""), file).await
}

/// The same in another folder.
async fn page_in(folder: PathBuf, file: &str) -> Result<(), Error> {
    let place = Place { folder, programs: vec![in_repository(PROGRAMS).canonicalize()?] };
    let checked = check(&in_repository(file), &place, Comparison::Measured);
    forget().await.unwrap();
    checked
}

#[tokio::test]
async fn the_readme_shows_what_comes() {
    let readme = fs_err::read_to_string(in_repository("README.md")).unwrap();
    for command in
        ["apply -f examples/robot-control.yaml", "get flowpolicies", "describe flowpolicy", "simulate"]
    {
        assert!(readme.lines().any(|line| line.starts_with("$ ") && line.contains(command)), "{command}");
    }
    let _stage = factory().await;
    page("README.md").await.unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn getting_started_works_from_its_beginning_to_its_end() {
    let _stage = stage().await;
    page("docs/getting-started.md").await.unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn every_command_of_the_plugin_shows_what_comes() {
    let stage = factory().await;
    apply_files(&["examples/robot-control.yaml"]).await.unwrap();
    let well = |policy: &_| {
        ["Enforced", "ObjectivesMet"].iter().all(|type_| condition(policy, type_).starts_with("True"))
    };
    stage.policy_where("robot-control", "limits in force, and objectives that are met", well).await.unwrap();
    // The archive of `bundle` goes where it was asked for.
    let folder = tempfile::tempdir().unwrap();
    let shown = page_in(folder.path().to_owned(), "docs/kubectl.md").await;
    shown.unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn every_how_to_shows_what_comes() {
    let files = fs_err::read_dir(in_repository("docs/how-to")).unwrap();
    let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(names.len() >= 5, "{names:?}");
    let mut found = Vec::new();
    for name in names {
        let _stage = factory().await;
        if let Err(error) = page(&format!("docs/how-to/{name}")).await {
            found.push(error.to_string());
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
