//! `kubectl flowpolicy check`: whether flow-manager works, or can be installed.

mod account;
mod backend;
mod cluster;
mod controller;
mod definition;
mod escape;
mod policies;
mod report;

pub use report::{Check, Group, Outcome, Report};

use crate::connection::{Connection, Failure, Within, duration};
use crate::error::Error;
use crate::installation::Installation;
use crate::output::Output;
use crate::policies::{Seen, see};
use crate::terminal;
use flow_policy::FlowPolicy;
use jiff::Timestamp;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// With --wait, the time between two tries.
const RETRY: Duration = Duration::from_secs(2);

/// Check whether flow-manager works, or can be installed
///
/// Exits with 1 if a check fails. What may not be seen is unknown, and no failure.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Before flow-manager is installed: whether it can be
    #[arg(long)]
    pre: bool,

    /// Check again until no check fails
    #[arg(long)]
    wait: bool,

    /// With --wait, how long
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = duration)]
    timeout: Duration,

    /// The namespace of the shapers
    #[arg(long, value_name = "NAMESPACE", default_value = "flow-manager-shaper")]
    shaper_namespace: String,

    #[command(flatten)]
    output: Output,

    #[command(flatten)]
    installation: Installation,
}

/// Checks.
pub async fn run(args: Args, connection: &Connection) -> Result<ExitCode, Error> {
    let deadline = Instant::now() + if args.wait { args.timeout } else { Duration::ZERO };
    let report = loop {
        let report = check(&args, connection).await;
        let again = Instant::now() + RETRY;
        match report {
            Ok(report) if !report.has_failed() || again > deadline => break report,
            Err(failure) if again > deadline => return Err(failure.into()),
            Ok(_) | Err(_) => sleep_until(again).await,
        }
    };
    terminal::show(&args.output.text(&report, || report.draw(terminal::width()))?);
    Ok(if report.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn check(args: &Args, connection: &Connection) -> Result<Report, Failure> {
    let cluster = Group::new("cluster", vec![cluster::check(connection).await?]);
    if args.pre {
        let account = account::before(connection, &args.installation.system_namespace).await?;
        return Ok(Report::new(vec![cluster, Group::new("account", account)]));
    }
    let definition = definition::check(connection).await?;
    let is_defined = definition.outcome == Outcome::Passed;
    let mut groups = vec![
        cluster,
        Group::new("definition", vec![definition]),
        Group::new("account", account::now(connection, &args.installation.system_namespace).await?),
        Group::new("controller", controller::check(connection, &args.installation, Timestamp::now()).await?),
    ];
    if is_defined {
        let seen = seen(connection).await?;
        groups.push(Group::new("policies", policies::check(&seen)));
        groups.push(Group::new("back-end", backend::check(connection, &args.shaper_namespace, &seen).await?));
        groups.push(Group::new("pods that escape", escape::check(&seen)));
    }
    Ok(Report::new(groups))
}

/// The policies of the cluster, or of the namespace where no more may be seen.
async fn seen(connection: &Connection) -> Result<Seen, Failure> {
    let policies = match connection.list::<FlowPolicy>(&Within::Everywhere).await {
        Err(Failure::Forbidden { .. }) => {
            connection.list(&Within::Namespace(connection.namespace().await?)).await?
        }
        listed => listed?,
    };
    see(connection, policies).await
}

#[cfg(test)]
mod tests;
