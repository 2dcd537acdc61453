//! `flow-manager import`: the predecessor's configuration as policies.

use crate::import::{Config, ConfigError, Imported, Unmappable, import};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Print policies that do what a configuration of flow-manager's predecessor did
///
/// The file is its critical-apps.yaml, plain or wrapped in a ConfigMap; - reads standard input. What has no
/// counterpart is named in comments.
#[derive(Debug, clap::Args)]
#[expect(clippy::doc_markdown, reason = "the help shows these texts as they stand")]
pub struct Args {
    /// The configuration
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// What the policies are called
    #[arg(long, default_value = "critical-apps")]
    name: String,
}

/// Why there are no policies.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{path} cannot be read: {error}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It holds no configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It cannot be mapped.
    #[error(transparent)]
    Unmappable(#[from] Unmappable),
    /// The policies could not be written as YAML.
    #[error("the policies cannot be written as YAML: {0}")]
    Yaml(String),
    /// They could not be printed.
    #[error("standard output cannot be written: {0}")]
    Output(#[from] std::io::Error),
}

/// Prints the policies.
pub fn run(args: &Args) -> Result<(), Error> {
    let text = read(&args.file).map_err(|error| Error::Unreadable { path: args.file.clone(), error })?;
    let imported = import(&Config::parse(&text)?, &args.name)?;
    Ok(std::io::stdout().write_all(yaml(&imported)?.as_bytes())?)
}

/// The text of a file, `-` being standard input.
pub fn read(file: &Path) -> std::io::Result<String> {
    if file != Path::new("-") {
        return std::fs::read_to_string(file);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

fn yaml(imported: &Imported) -> Result<String, Error> {
    let mut yaml = String::new();
    for line in &imported.left_out {
        yaml.extend(["# Left out: ", line, ".\n"]);
    }
    for policy in &imported.policies {
        yaml.push_str("---\n");
        yaml.push_str(&serde_saphyr::to_string(policy).map_err(|error| Error::Yaml(error.to_string()))?);
    }
    Ok(yaml)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_policy::FlowPolicy;

    #[test]
    fn what_is_printed_can_be_applied() {
        let text = "
critical_apps: [{name: a, service: a.svc, port: 1, protocol: UDP, max_jitter_ms: 0.3}]
best_effort_targets: [{deployment: x, namespace: one}, {deployment: y, namespace: two}]
control: {step_up: 1}
";
        let imported = import(&Config::parse(text).unwrap(), "critical-apps").unwrap();
        let yaml = yaml(&imported).unwrap();
        assert!(yaml.starts_with("# Left out: control.step_up"), "{yaml}");
        let documents: Vec<_> = yaml.split("---\n").skip(1).collect();
        let policies: Vec<FlowPolicy> =
            documents.iter().map(|text| serde_saphyr::from_str(text).unwrap()).collect();
        assert_eq!(policies, imported.policies);
    }
}
