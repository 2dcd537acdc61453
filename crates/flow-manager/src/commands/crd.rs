//! `flow-manager crd`: prints the `FlowPolicy` `CustomResourceDefinition`, or what describes it.

use std::io::Write;

/// Print the definition of the `FlowPolicy` resource
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print its reference as Markdown instead
    #[arg(long)]
    reference: bool,

    /// Print what its conditions and Events mean as Markdown instead
    #[arg(long, conflicts_with = "reference")]
    status: bool,
}

/// Why the definition could not be printed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be written as YAML.
    #[error("the CustomResourceDefinition cannot be written as YAML: {0}")]
    Yaml(String),
    /// It could not be written at all.
    #[error("standard output cannot be written: {0}")]
    Output(#[from] std::io::Error),
}

/// Prints the definition.
pub fn run(args: &Args) -> Result<(), Error> {
    let text = if args.reference {
        flow_policy::reference()
    } else if args.status {
        flow_policy::status_document()
    } else {
        flow_policy::crd_yaml().map_err(|error| Error::Yaml(error.to_string()))?
    };
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
