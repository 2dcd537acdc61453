//! `kubectl flowpolicy check`: whether flow-manager works, or can be installed.

mod account;
mod admission;
mod backend;
mod cluster;
mod controller;
mod definition;
mod escape;
mod measured;
mod policies;
mod report;

pub use report::{Check, Group, Outcome, Report};

use crate::connection::{Connection, Failure, duration};
use crate::error::Error;
use crate::installation::{Installation, Shapers};
use crate::output::Output;
use crate::policies::{Seen, readable, see};
use crate::terminal;
use controller::Controller;
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

    #[command(flatten)]
    shapers: Shapers,

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
    args.output.print(&report, || report.draw(terminal::width()))?;
    Ok(if report.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn check(args: &Args, connection: &Connection) -> Result<Report, Failure> {
    if args.pre {
        before(&args.installation, connection).await
    } else {
        now(&args.installation, &args.shapers, connection, None).await
    }
}

/// Whether flow-manager can be installed.
async fn before(installation: &Installation, connection: &Connection) -> Result<Report, Failure> {
    let cluster = Group::new("cluster", vec![cluster::check(connection).await?]);
    let account = account::before(connection, &installation.system_namespace).await?;
    Ok(Report::new(vec![cluster, Group::new("account", account)]))
}

/// Whether flow-manager works; policies and pods are looked up unless they were `seen` just before.
pub(crate) async fn now(
    installation: &Installation,
    shapers: &Shapers,
    connection: &Connection,
    seen: Option<Seen>,
) -> Result<Report, Failure> {
    let cluster = Group::new("cluster", vec![cluster::check(connection).await?]);
    let definition = definition::check(connection).await?;
    let is_defined = definition.outcome == Outcome::Passed;
    let Controller { checks: controller, is_leaderless } =
        controller::check(connection, installation, Timestamp::now()).await?;
    let admission = admission::check(connection, installation).await?;
    let mut groups = vec![
        cluster,
        Group::new("definition", vec![definition]),
        Group::new("account", account::now(connection, &installation.system_namespace).await?),
        Group::new("controller", [controller, vec![admission]].concat()),
    ];
    if is_defined {
        let seen = match seen {
            Some(seen) => seen,
            None => see(connection, readable(connection).await?.0).await?,
        };
        let policies = if is_leaderless && !seen.policies.is_empty() {
            policies::of_before(&seen)
        } else {
            [policies::check(&seen), measured::check(&seen)].concat()
        };
        groups.push(Group::new("policies", policies));
        groups.push(Group::new(
            "back-end",
            backend::check(connection, &shapers.shaper_namespace, &seen).await?,
        ));
        groups.push(Group::new("pods that escape", escape::check(&seen)));
    }
    Ok(Report::new(groups))
}

#[cfg(test)]
mod tests;
