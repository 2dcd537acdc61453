//! `kubectl flowpolicy man`: the manual page.

use crate::error::Error;
use crate::output::{OutputError, print};
use clap_mangen::Man;
use std::process::ExitCode;

/// Print the manual page
///
/// One for the plugin, and with a name, one for that command.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The command
    command: Option<String>,
}

/// Prints the manual page of `root`, or of one of its commands.
pub fn run(args: &Args, root: clap::Command) -> Result<ExitCode, Error> {
    print(&page(args.command.as_deref(), root)?)?;
    Ok(ExitCode::SUCCESS)
}

fn page(name: Option<&str>, mut root: clap::Command) -> Result<String, Error> {
    root.build();
    let command = match name {
        None => root,
        Some(name) => {
            let found = root.find_subcommand(name).cloned();
            found.ok_or_else(|| Error::NoCommand(name.to_owned()))?
        }
    };
    let mut page = Vec::new();
    Man::new(command).render(&mut page).map_err(OutputError::from)?;
    Ok(String::from_utf8(page).map_err(|error| OutputError::Form(error.to_string()))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory;

    fn text(name: Option<&str>) -> Result<String, Error> {
        page(name, Cli::command())
    }

    #[test]
    fn the_page_tells_exit_codes_and_each_command_has_its_own() {
        assert!(text(None).unwrap().contains("Exit codes"));
        assert!(text(Some("pin")).unwrap().contains("LIMIT"));
        assert!(text(Some("spin")).is_err());
    }
}
