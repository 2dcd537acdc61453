use flow_policy::FlowPolicy;
use kube::Resource;
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// Something that was found in a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whether it keeps the policy from being used.
    pub severity: Severity,
    /// The path of the field; empty for the whole document.
    pub field: String,
    /// What was found, and what is allowed.
    pub problem: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The policy cannot be used like that.
    Error,
    /// Something seems wrong.
    Warning,
}

/// What was found in a file.
#[derive(Debug, Serialize)]
pub(super) struct FileReport {
    pub(super) file: String,
    /// Why it holds no documents.
    pub(super) problem: Option<String>,
    pub(super) documents: Vec<Checked>,
}

/// What was found in a document.
#[derive(Debug, Serialize)]
pub(super) struct Checked {
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
    pub(super) findings: Vec<Finding>,
}

impl FileReport {
    /// Whether it holds an error, or when `strict` a warning.
    pub(super) fn fails(&self, strict: bool) -> bool {
        let fails = |finding: &Finding| strict || finding.severity == Severity::Error;
        self.problem.is_some() || self.findings().any(fails)
    }

    pub(super) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.documents.iter().flat_map(|document| &document.findings)
    }
}

impl Finding {
    pub(super) fn error(field: &str, problem: impl Into<String>) -> Self {
        Self { severity: Severity::Error, field: field.to_owned(), problem: problem.into() }
    }

    pub(super) fn warning(field: &str, problem: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, field: field.to_owned(), problem: problem.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.field.is_empty() { "" } else { ": " };
        let warning = if self.severity == Severity::Warning { "warning: " } else { "" };
        write!(f, "{}{separator}{warning}{}", self.field, self.problem)
    }
}

/// What keeps a document from being an object of Kubernetes, or a FlowPolicy of the version that is known here.
pub(super) fn object(document: &Value) -> Vec<Finding> {
    let word = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
    let (kind, version) = (FlowPolicy::kind(&()), FlowPolicy::api_version(&()));
    let allowed = |field: &str, found: &str, allowed: &str| {
        vec![Finding::error(field, format!("found {found}; allowed is {allowed}"))]
    };
    match (word("/kind"), word("/apiVersion")) {
        (None, _) => allowed("kind", "nothing", &kind),
        (Some(found), _) if found != kind && is_near(found, &kind) => allowed("kind", found, &kind),
        (Some(found), _) if found != kind => Vec::new(),
        (_, Some(found)) if found == version => nameless(document),
        (_, found) => allowed("apiVersion", found.unwrap_or("nothing"), &version),
    }
}

fn nameless(document: &Value) -> Vec<Finding> {
    let named = ["/metadata/name", "/metadata/generateName"];
    if named.iter().any(|pointer| document.pointer(pointer).is_some_and(Value::is_string)) {
        return Vec::new();
    }
    vec![Finding::error("metadata.name", "found nothing; every object needs a name")]
}

/// Whether `found` may be `meant`, misspelt.
pub(super) fn is_near(found: &str, meant: &str) -> bool {
    let (found, meant) = (found.to_lowercase(), meant.to_lowercase());
    strsim::damerau_levenshtein(&found, &meant) <= 1 + meant.len() / 6
}
