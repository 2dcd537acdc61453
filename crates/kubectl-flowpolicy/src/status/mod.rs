//! `kubectl flowpolicy status`: waits until a policy does its work, for scripts.

mod verdict;

pub use verdict::Verdict;

use crate::connection::{Ask, Connection, Failure, Within, duration};
use crate::error::Error;
use crate::get::condition_line;
use crate::installation::{Installation, Lead};
use crate::output::Output;
use crate::terminal::{self, Tone, hanging, paint};
use flow_policy::FlowPolicy;
use futures::StreamExt;
use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt, watcher};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How often is looked who leads, while nothing else changes.
const LOOK: Duration = Duration::from_secs(2);

/// Wait until a policy does its work
///
/// That is until it is Ready, and in mode Enforce its limits are in force: Enforced is True, or cannot become so, since
/// the network plugin does not tell (`NotVerified`), there is no pod (`NoPods`), or no limit is needed yet (`NotNeeded`).
/// While it is seen that no controller leads, no policy does its work.
/// Exits with 0 if so in time, else with 1.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The policy
    name: String,

    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    timeout: Duration,

    #[command(flatten)]
    output: Output,

    #[command(flatten)]
    installation: Installation,
}

/// Waits for a policy.
pub async fn run(args: Args, connection: &Connection) -> Result<ExitCode, Error> {
    let namespace = connection.namespace().await?;
    let deadline = Instant::now() + args.timeout;
    let first = connection.get::<FlowPolicy>(&namespace, &args.name).await?;
    let (last, verdict) = wait(connection, &args.installation, first, deadline).await?;
    let text = || draw(&last, &verdict, args.timeout, Timestamp::now(), terminal::width());
    args.output.print(&verdict, text)?;
    Ok(if verdict.ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The policy as it is once it does its work, or at the deadline.
async fn wait(
    connection: &Connection,
    installation: &Installation,
    mut last: FlowPolicy,
    deadline: Instant,
) -> Result<(FlowPolicy, Verdict), Error> {
    let (namespace, name) = (last.namespace().unwrap_or_default(), last.name_any());
    let within = Within::Namespace(namespace.clone());
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let changes = watcher(connection.api::<FlowPolicy>(&within).await?, config).default_backoff();
    let mut changes = std::pin::pin!(changes);
    loop {
        let verdict = Verdict::of(&last, Lead::is_missing(connection, installation).await);
        let now = Instant::now();
        if verdict.ready || now >= deadline {
            return Ok((last, verdict));
        }
        match timeout_at(deadline.min(now + LOOK), changes.next()).await {
            Ok(None) => return Ok((last, verdict)),
            Ok(Some(Ok(Event::Apply(policy) | Event::InitApply(policy)))) => last = policy,
            Ok(Some(Ok(Event::Delete(_)))) => {
                last = connection.get::<FlowPolicy>(&namespace, &name).await?;
            }
            Err(_) | Ok(Some(Ok(Event::Init | Event::InitDone))) => {}
            Ok(Some(Err(error))) => {
                let failure = connection.watch_failure(Ask::watch::<FlowPolicy>(&within), error);
                // Anything else may be over in time.
                if let Failure::Forbidden { .. } = failure {
                    return Err(failure.into());
                }
            }
        }
    }
}

fn draw(policy: &FlowPolicy, verdict: &Verdict, waited: Duration, now: Timestamp, width: usize) -> String {
    let name = format!("{}/{}", policy.namespace().unwrap_or_default(), policy.name_any());
    let head = match &verdict.missing {
        None => format!("{name} {}\n", paint(Tone::Good, "does its work")),
        Some(missing) => {
            let first = format!("{name} {} ", paint(Tone::Bad, "is not ready"));
            hanging(&first, &format!("after {waited:?}: {missing}"), width)
        }
    };
    let conditions = verdict.conditions.iter().map(|condition| condition_line(condition, now, width));
    head + &conditions.collect::<String>()
}

#[cfg(test)]
mod tests;
