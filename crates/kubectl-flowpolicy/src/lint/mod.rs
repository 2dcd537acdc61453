//! `lint`: what is wrong with a policy, without a cluster.
//!
//! Each check is made only where those before it found nothing: [`unknown`] and [`schema`], then [`rules`], then
//! [`meaning`].

mod defaults;
mod finding;
mod meaning;
mod pattern;
mod rules;
mod schema;
mod text;
mod unknown;

pub use finding::{Finding, Severity};

use crate::manifest::{ManifestError, documents};
use crate::output::{Output, OutputError};
use finding::{Checked, FileReport};
use flow_policy::FlowPolicy;
use kube::Resource;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Say what is wrong with policies, without a cluster
///
/// Checks what the API server would (schema, unknown fields, rules) and what the operator would. Documents of other kinds
/// are passed over. The exit code is 1 where there is an error; warnings alone are none, unless `--strict` says so.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The policies; - reads standard input
    #[arg(short, long, value_name = "FILE", required = true, num_args = 1..)]
    filename: Vec<PathBuf>,

    /// A warning is an error, such as a query that looks wrong
    #[arg(long)]
    strict: bool,

    #[command(flatten)]
    output: Output,
}

/// Why nothing was checked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The answer does not come out.
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Prints what is wrong.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let reports: Vec<_> = args.filename.iter().map(|path| report(path)).collect();
    args.output.print(&serde_json::json!({"files": reports}), || text::text(&reports))?;
    let failed = reports.iter().any(|report| report.fails(args.strict));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn report(path: &Path) -> FileReport {
    let file = path.display().to_string();
    match documents(path) {
        Ok(documents) => {
            FileReport { file, problem: None, documents: documents.iter().map(checked).collect() }
        }
        Err(ManifestError::Unreadable { error, .. }) => {
            FileReport { file, problem: Some(format!("cannot be read: {error}")), documents: Vec::new() }
        }
        Err(ManifestError::NoYaml { problem, .. }) => {
            FileReport { file, problem: Some(format!("is no YAML: {problem}")), documents: Vec::new() }
        }
        Err(other) => FileReport { file, problem: Some(other.to_string()), documents: Vec::new() },
    }
}

fn checked(document: &Value) -> Checked {
    let word = |pointer: &str| document.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    Checked { kind: word("/kind"), name: word("/metadata/name"), findings: check(document) }
}

/// Whether a document is meant to be a FlowPolicy.
#[must_use]
pub fn is_policy(document: &Value) -> bool {
    document.get("kind").and_then(Value::as_str) == Some(&FlowPolicy::kind(&()))
}

/// What is wrong with a document. Nothing is, where it is of another kind.
#[must_use]
pub fn check(document: &Value) -> Vec<Finding> {
    let object = finding::object(document);
    if !object.is_empty() || !is_policy(document) {
        return object;
    }
    let schema = schema::of_crd();
    let document = defaults::filled(document, &schema);
    let mut findings = unknown::fields(&document, &schema);
    findings.extend(schema::findings(&document, &schema));
    if findings.is_empty() {
        findings = rules::findings(&document, &schema);
    }
    if findings.is_empty() {
        findings = meaning::findings(&document);
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_fails_only_when_it_is_asked_for_strictly() {
        let report = |findings| FileReport {
            file: "mine.yaml".to_owned(),
            problem: None,
            documents: vec![Checked { kind: None, name: None, findings }],
        };
        let warned = report(vec![Finding::warning("spec", "looks odd")]);
        assert_eq!([false, true].map(|strict| warned.fails(strict)), [false, true]);
        assert_eq!([false, true].map(|strict| report(Vec::new()).fails(strict)), [false, false]);
        assert!(report(vec![Finding::error("spec", "is wrong")]).fails(false));
    }
}
