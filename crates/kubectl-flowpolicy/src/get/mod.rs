//! `kubectl flowpolicy get`: how policies stand.

mod document;
mod draw;
mod sparkline;
mod watch;

pub use draw::{condition_line, draw};

use crate::connection::{Connection, Within};
use crate::error::Error;
use crate::installation::Installation;
use crate::output::Output;
use crate::page::Reader;
use crate::policies::{Seen, see};
use crate::terminal;
use flow_policy::FlowPolicy;
use jiff::Timestamp;
use std::process::ExitCode;

/// Show policies with their objectives, targets and pods
///
/// Everything comes from what the operator last told in the policies' status, and from the annotations of pods. A
/// measured value is that of the last change. Where the operator's page is on and may be reached, the last ten minutes of
/// each objective and what the pods of each target send come from it.
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

    #[command(flatten)]
    installation: Installation,
}

/// Shows policies.
pub async fn run(args: Args, connection: &Connection) -> Result<ExitCode, Error> {
    let within = connection.within(args.all_namespaces).await?;
    let name = args.name.as_deref();
    let mut reader = Reader::new(connection, &args.installation, within.namespace().zip(name));
    let (seen, page) = tokio::join!(look(connection, &within, name), reader.read());
    let seen = seen?;
    if args.watch && args.output.is_text() {
        return watch::watch(connection, &within, name, reader, seen, page).await;
    }
    let text = || draw(&seen, page.as_ref(), &within, Timestamp::now(), terminal::width());
    args.output.print(&document::of(&seen, page.as_ref()), text)?;
    Ok(ExitCode::SUCCESS)
}

async fn look(connection: &Connection, within: &Within, name: Option<&str>) -> Result<Seen, Error> {
    let policies = match (within.namespace(), name) {
        (Some(namespace), Some(name)) => vec![connection.get::<FlowPolicy>(namespace, name).await?],
        _ => connection.list::<FlowPolicy>(within).await?,
    };
    Ok(see(connection, policies).await?)
}
