//! The `FlowPolicies` in a file.

use crate::lint::{self, Severity};
use flow_manager::commands::import::read;
use flow_policy::{FlowPolicy, Policy};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Why a file gives no policy.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It cannot be read.
    #[error("{path} cannot be read: {error}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is no YAML.
    #[error("{path} is no YAML: {problem}", path = path.display())]
    NoYaml {
        /// The file.
        path: PathBuf,
        /// Where, and what is wrong there.
        problem: String,
    },
    /// It does not hold one FlowPolicy.
    #[error("{path}: found {found} FlowPolicies; exactly one is needed, in a file of its own or beside other kinds", path = path.display())]
    NotOne {
        /// The file.
        path: PathBuf,
        /// How many it holds.
        found: usize,
    },
    /// Its FlowPolicy cannot be used.
    #[error("{path}: {problem}", path = path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The first problem.
        problem: String,
    },
}

impl ManifestError {
    /// The next command to try, where there is one.
    #[must_use]
    pub fn next(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } => None,
            Self::NoYaml { path, .. } | Self::NotOne { path, .. } | Self::Invalid { path, .. } => {
                Some(format!("kubectl flowpolicy lint -f {}", path.display()))
            }
        }
    }
}

/// A FlowPolicy as it was written, and checked.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// As it was written.
    pub written: FlowPolicy,
    /// Checked.
    pub policy: Policy,
}

impl Manifest {
    /// The only FlowPolicy in a file, `-` being standard input; documents of other kinds may stand beside it.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let documents: Vec<_> = documents(path)?.into_iter().filter(lint::is_policy).collect();
        let [document] = documents.as_slice() else {
            return Err(ManifestError::NotOne { path: path.to_owned(), found: documents.len() });
        };
        let invalid = |problem: String| ManifestError::Invalid { path: path.to_owned(), problem };
        let findings = lint::check(document);
        if let Some(finding) = findings.iter().find(|finding| finding.severity == Severity::Error) {
            return Err(invalid(finding.to_string()));
        }
        let written: FlowPolicy =
            serde_json::from_value(document.clone()).map_err(|error| invalid(error.to_string()))?;
        let policy = Policy::try_from(&written.spec).map_err(|error| invalid(error.to_string()))?;
        Ok(Self { written, policy })
    }

    /// Its name; a file may leave it to whoever applies it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.written.metadata.name.as_deref().unwrap_or("unnamed")
    }
}

/// All YAML documents in a file, `-` being standard input. Empty ones are left out.
pub fn documents(path: &Path) -> Result<Vec<Value>, ManifestError> {
    let unreadable = |error| ManifestError::Unreadable { path: path.to_owned(), error };
    let text = read(path).map_err(unreadable)?;
    let no_yaml = |error: serde_saphyr::Error| {
        // What follows shows the text around it.
        let text = error.to_string();
        let problem = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        ManifestError::NoYaml { path: path.to_owned(), problem }
    };
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).map_err(no_yaml)?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}
