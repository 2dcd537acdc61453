//! `kubectl flowpolicy get`: how policies stand.

mod document;
mod draw;
mod watch;

pub use draw::{condition_line, draw};

use crate::connection::{Connection, Within};
use crate::error::Error;
use crate::output::{Format, Output};
use crate::policies::{Seen, see};
use crate::terminal;
use flow_policy::FlowPolicy;
use jiff::Timestamp;
use std::process::ExitCode;

/// Show policies with their objectives, targets and pods
///
/// Everything comes from what the operator last told in the policies' status, and from the annotations of pods. A
/// measured value is that of the last change; what is measured since then is in the metrics.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The policy; all of the namespace if left out
    name: Option<String>,

    /// The policies of all namespaces
    #[arg(short = 'A', long, conflicts_with = "name")]
    all_namespaces: bool,

    /// Draw it again whenever something changes
    #[arg(short, long)]
    watch: bool,

    #[command(flatten)]
    output: Output,
}

/// Shows policies.
pub async fn run(args: Args, connection: &Connection) -> Result<ExitCode, Error> {
    let within = connection.within(args.all_namespaces).await?;
    let seen = look(connection, &within, args.name.as_deref()).await?;
    if args.watch && args.output.output == Format::Table {
        return watch::watch(connection, &within, args.name.as_deref(), seen).await;
    }
    let table = || draw(&seen, &within, Timestamp::now(), terminal::width());
    terminal::show(&args.output.text(&document::of(&seen), table)?);
    Ok(ExitCode::SUCCESS)
}

async fn look(connection: &Connection, within: &Within, name: Option<&str>) -> Result<Seen, Error> {
    let policies = match (within.namespace(), name) {
        (Some(namespace), Some(name)) => vec![connection.get::<FlowPolicy>(namespace, name).await?],
        _ => connection.list::<FlowPolicy>(within).await?,
    };
    Ok(see(connection, policies).await?)
}
