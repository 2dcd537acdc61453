//! `kubectl flowpolicy completion`: completions for a shell.

use crate::error::Error;
use crate::output::{OutputError, print};
use clap_complete::Shell;
use std::process::ExitCode;

/// The plugin called by itself: shells complete words of one command.
const NAME: &str = "kubectl-flowpolicy";

/// Print completions for a shell
///
/// They complete `kubectl-flowpolicy`, which is the plugin called by itself.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The shell
    shell: Shell,
}

/// Prints the completions of `command`.
pub fn run(args: &Args, command: clap::Command) -> Result<ExitCode, Error> {
    print(&text(args.shell, command)?)?;
    Ok(ExitCode::SUCCESS)
}

fn text(shell: Shell, command: clap::Command) -> Result<String, OutputError> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command.bin_name(NAME), NAME, &mut text);
    String::from_utf8(text).map_err(|error| OutputError::Form(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory;

    #[test]
    fn every_shell_has_completions_of_each_command() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell] {
            let text = text(shell, Cli::command()).unwrap();
            assert!(text.contains("explain") && text.contains("restore"), "{shell}");
        }
    }
}
