//! `backtest`: what a policy would have done in the past, as Prometheus remembers it.

mod answer;
mod bounds;
mod episodes;
mod history;
mod page;
mod past;
mod replay;
mod text;
mod times;

use crate::manifest::{Manifest, ManifestError};
use crate::output::{Output, OutputError};
use bounds::Alternatives;
use flow_manager::prometheus::{QueryError, SourceError};
use jiff::Timestamp;
use past::Past;
use replay::Replay;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// See what a policy would have done in the past
///
/// Reads the history of the objectives from Prometheus and replays it through the operator's control code. What
/// throttling would have changed, the past cannot tell.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The policy; - reads standard input
    #[arg(short, long, value_name = "FILE")]
    filename: PathBuf,

    /// How far back, such as 6h or 7d
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = times::span)]
    since: Duration,

    /// The Prometheus to ask
    #[arg(long, value_name = "URL", default_value = "http://localhost:9090")]
    prometheus: String,

    /// A file with the bearer token that Prometheus wants
    #[arg(long, value_name = "FILE")]
    prometheus_bearer_token_file: Option<PathBuf>,

    /// A folder with any of the files token, or username and password; ca.crt; tls.crt and tls.key, for Prometheus
    #[arg(long, value_name = "FOLDER")]
    prometheus_credentials: Option<PathBuf>,

    /// The time from one value to the next
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = times::span)]
    step: Duration,

    /// Write a page into this file as well
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    #[command(flatten)]
    output: Output,
}

/// Why nothing was replayed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no policy.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The times do not fit.
    #[error("found --since {since:?} with --step {step:?}; allowed are 2 to {most} steps of at least 1s")]
    Times {
        /// How far back.
        since: Duration,
        /// The time from one value to the next.
        step: Duration,
        /// The most steps.
        most: u64,
    },
    /// Prometheus cannot be asked.
    #[error("{0}")]
    Source(#[from] SourceError),
    /// Prometheus gave no history.
    #[error("the history of {objective} cannot be read: {error}; {url} was asked for {query}")]
    History {
        /// The objective.
        objective: String,
        /// Why.
        error: QueryError,
        /// Where it was asked.
        url: String,
        /// What.
        query: String,
    },
    /// There is nothing to replay.
    #[error(
        "Prometheus at {url} has no history of {objectives} for that time; of what is probed it has one since the policy \
         was applied, with mode: Observe for example"
    )]
    NoHistory {
        /// Where it was asked.
        url: String,
        /// The objectives that decide.
        objectives: String,
    },
    /// The page cannot be written.
    #[error("the page cannot be written: {0}")]
    Page(std::io::Error),
    /// The answer does not come out.
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl Error {
    /// The next command to try, where there is one.
    #[must_use]
    pub fn next(&self) -> Option<String> {
        match self {
            Self::Manifest(error) => error.next(),
            Self::History { error: QueryError::Unreachable { .. }, .. } => {
                Some("kubectl -n NAMESPACE port-forward svc/PROMETHEUS 9090, or --prometheus URL".to_owned())
            }
            Self::History { error: QueryError::Unavailable { status: 404, .. }, url, .. } => Some(format!(
                "--prometheus URL with the path that Prometheus is under, such as http://localhost:9090/prometheus; \
                 {}/api/v1/query_range is not there",
                url.trim_end_matches('/')
            )),
            Self::NoHistory { .. } => Some("kubectl flowpolicy backtest -f FILE --since 1h".to_owned()),
            Self::Times { .. } | Self::Source(_) | Self::History { .. } => {
                Some("kubectl flowpolicy backtest --help".to_owned())
            }
            Self::Page(_) | Self::Output(_) => None,
        }
    }
}

/// A policy, its past, and what it would have done.
struct Backtest {
    manifest: Manifest,
    past: Past,
    replay: Replay,
    alternatives: Vec<Alternatives>,
}

/// Replays and prints what came of it.
pub async fn run(args: &Args) -> Result<ExitCode, Error> {
    let manifest = Manifest::read(&args.filename)?;
    let past = history::read(&manifest, args, Timestamp::now()).await?;
    let backtest = Backtest::of(manifest, past);
    if let Some(path) = &args.html {
        fs_err::write(path, page::page(&backtest).document()).map_err(Error::Page)?;
    }
    args.output.print(&answer::answer(&backtest), || text::text(&backtest))?;
    Ok(ExitCode::SUCCESS)
}

impl Backtest {
    fn of(manifest: Manifest, past: Past) -> Self {
        let replay = Replay::of(&manifest.policy, &past);
        let alternatives = bounds::alternatives(&manifest.policy, &past);
        Self { manifest, past, replay, alternatives }
    }
}
