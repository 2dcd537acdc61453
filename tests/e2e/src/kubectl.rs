//! kubectl, as a user would call it.

use crate::program::{run, run_with_input};
use crate::{Error, Result};
use std::path::PathBuf;

/// Runs kubectl with the words of `line`, which contain no blanks.
pub async fn kubectl(line: &str) -> Result<String> {
    run("kubectl", line.split_whitespace()).await
}

/// `kubectl apply` of a manifest given as text.
pub async fn apply(manifest: &str) -> Result<String> {
    run_with_input("kubectl", ["apply", "-f", "-"], manifest).await
}

/// `kubectl apply` of one object.
pub async fn apply_object(object: &serde_json::Value) -> Result<String> {
    apply(&object.to_string()).await
}

/// The same in a namespace.
pub async fn apply_in(namespace: &str, object: &serde_json::Value) -> Result<String> {
    run_with_input("kubectl", ["--namespace", namespace, "apply", "-f", "-"], &object.to_string()).await
}

/// `kubectl apply` of files of the repository, in their order.
pub async fn apply_files(files: &[&str]) -> Result<()> {
    for file in files {
        run("kubectl", ["apply", "-f", &in_repository(file).to_string_lossy()]).await?;
    }
    Ok(())
}

/// The folder of the repository with the programs that `make` has built.
pub const PROGRAMS: &str = "target/x86_64-unknown-linux-gnu/release";

/// The path of a file of the repository.
#[must_use]
pub fn in_repository(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(file)
}

/// What kubectl said as it refused something; an error if it did not refuse it.
pub async fn refusal(object: &serde_json::Value) -> Result<String> {
    match run_with_input("kubectl", ["apply", "--dry-run=server", "-f", "-"], &object.to_string()).await {
        Err(Error::Program { stderr, .. }) => Ok(stderr),
        Err(other) => Err(other),
        Ok(said) => Err(Error::unreadable("a refusal", format!("kubectl said {said}"))),
    }
}
