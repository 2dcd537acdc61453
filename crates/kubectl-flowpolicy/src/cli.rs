//! The command line.

use crate::connection::{Connection, Flags};
use crate::error::Error;
use crate::{
    backtest, bundle, check, completion, dashboard, examples, explain, get, import, lint, man, overrides,
    restore, simulate, status, terminal,
};
use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

/// What exit codes mean, for `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0  done, or all is well
  1  the answer is no: a check failed, a policy is not ready in time, something was not given back
  2  the command line cannot be used
  3  the question could not be asked: no cluster, no permission, no such object, no answer in time";

/// See, explain and try FlowPolicies
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-flowpolicy",
    bin_name = "kubectl flowpolicy",
    version,
    arg_required_else_help = true,
    after_help = EXIT_CODES
)]
pub struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(after_help = examples::GET)]
    Get(get::Args),
    #[command(after_help = examples::EXPLAIN)]
    Explain(explain::Args),
    #[command(after_help = examples::DASHBOARD)]
    Dashboard(dashboard::Args),
    #[command(after_help = examples::STATUS)]
    Status(status::Args),
    #[command(after_help = examples::PAUSE)]
    Pause(overrides::PauseArgs),
    #[command(after_help = examples::RESUME)]
    Resume(overrides::ResumeArgs),
    #[command(after_help = examples::PIN)]
    Pin(overrides::PinArgs),
    #[command(after_help = examples::UNPIN)]
    Unpin(overrides::UnpinArgs),
    #[command(after_help = examples::RESTORE)]
    Restore(restore::Args),
    #[command(after_help = examples::CHECK)]
    Check(check::Args),
    #[command(after_help = examples::BUNDLE)]
    Bundle(bundle::Args),
    #[command(after_help = examples::LINT)]
    Lint(lint::Args),
    #[command(after_help = examples::SIMULATE)]
    Simulate(simulate::Args),
    #[command(after_help = examples::BACKTEST)]
    Backtest(backtest::Args),
    #[command(after_help = examples::IMPORT)]
    Import(import::Args),
    Completion(completion::Args),
    #[command(hide = true)]
    Man(man::Args),
}

impl Cli {
    /// Does what is asked.
    pub async fn run(self) -> ExitCode {
        let connection = Connection::new(self.flags);
        match dispatch(self.command, &connection).await {
            Ok(code) => code,
            Err(error) => {
                terminal::say(&format!("error: {error}"));
                if let Some(next) = error.next() {
                    terminal::say(&format!("try:   {next}"));
                }
                ExitCode::from(error.code())
            }
        }
    }
}

async fn dispatch(command: Command, connection: &Connection) -> Result<ExitCode, Error> {
    match command {
        Command::Get(args) => get::run(args, connection).await,
        Command::Explain(args) => Box::pin(explain::run(args, connection)).await,
        Command::Dashboard(args) => dashboard::run(&args, connection).await,
        Command::Status(args) => status::run(args, connection).await,
        Command::Pause(args) => overrides::pause(args, connection).await,
        Command::Resume(args) => overrides::resume(args, connection).await,
        Command::Pin(args) => overrides::pin(args, connection).await,
        Command::Unpin(args) => overrides::unpin(args, connection).await,
        Command::Restore(args) => restore::run(args, connection).await,
        Command::Check(args) => check::run(args, connection).await,
        Command::Bundle(args) => bundle::run(&args, connection).await,
        Command::Lint(args) => Ok(lint::run(&args)?),
        Command::Simulate(args) => Ok(simulate::run(&args)?),
        Command::Backtest(args) => Ok(backtest::run(&args).await?),
        Command::Import(args) => Ok(import::run(&args)?),
        Command::Completion(args) => completion::run(&args, Cli::command()),
        Command::Man(args) => man::run(&args, Cli::command()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_names_the_plugin_as_kubectl_runs_it_and_tells_exit_codes() {
        let help = Cli::command().render_help().to_string();
        assert!(help.contains("Usage: kubectl flowpolicy") && help.contains("Exit codes:"), "{help}");
        let mut command = Cli::command();
        command.build();
        let pin = command.find_subcommand_mut("pin").unwrap().render_help().to_string();
        assert!(pin.contains("Usage: kubectl flowpolicy pin"), "{pin}");
    }

    #[test]
    fn each_command_shows_examples_that_can_be_run() {
        let mut command = Cli::command();
        command.build();
        let shown = command
            .get_subcommands()
            .filter(|command| !["completion", "man", "help"].contains(&command.get_name()));
        for command in shown {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let lines: Vec<_> =
                help.lines().filter_map(|line| line.trim().strip_prefix("kubectl flowpolicy ")).collect();
            assert!(help.starts_with("Examples:") && !lines.is_empty(), "{}", command.get_name());
            for line in lines {
                let line = line.split(['#', '>']).next().unwrap_or_default();
                assert!(line.starts_with(command.get_name()), "{line}");
                let words = std::iter::once("kubectl-flowpolicy").chain(line.split_whitespace());
                assert!(Cli::try_parse_from(words).is_ok(), "{line}");
            }
        }
    }

    #[test]
    fn flags_of_the_cluster_come_before_or_after_the_command() {
        for line in ["-n factory get robot", "get robot -n factory --context lab"] {
            let words = std::iter::once("kubectl-flowpolicy").chain(line.split(' '));
            assert_eq!(Cli::try_parse_from(words).unwrap().flags.namespace.as_deref(), Some("factory"));
        }
        for line in ["get robot -A", "restore --all -n factory", "status", "get --request-timeout 5"] {
            let words = std::iter::once("kubectl-flowpolicy").chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_err(), "{line}");
        }
    }
}
