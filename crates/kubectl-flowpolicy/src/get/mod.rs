//! `kubectl flowpolicy get`: how policies stand.

mod document;
mod draw;
mod sparkline;
mod watch;

pub use draw::{condition_line, conditions, draw};

use crate::connection::{Connection, Within};
use crate::error::Error;
use crate::installation::{Installation, LEADERLESS, Lead};
use crate::output::Output;
use crate::page::Reader;
use crate::policies::{Seen, see};
use crate::terminal::{self, Tone, hanging, paint};
use flow_page::Page;
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
    let (shown, page) = tokio::join!(look(connection, &args.installation, &within, name), reader.read());
    let shown = shown?;
    if args.watch && args.output.is_text() {
        let watch = watch::watch(connection, &args.installation, &within, name, reader, shown, page);
        return Box::pin(watch).await;
    }
    let text = || shown.text(page.as_ref(), &within, Timestamp::now(), terminal::width());
    args.output.print(&document::of(&shown, page.as_ref()), text)?;
    Ok(ExitCode::SUCCESS)
}

/// What is shown.
#[derive(Debug, Default)]
struct Shown {
    seen: Seen,
    /// Whether nobody works for the policies, as far as that is seen.
    is_leaderless: bool,
}

async fn look(
    connection: &Connection,
    installation: &Installation,
    within: &Within,
    name: Option<&str>,
) -> Result<Shown, Error> {
    let policies = match (within.namespace(), name) {
        (Some(namespace), Some(name)) => vec![connection.get::<FlowPolicy>(namespace, name).await?],
        _ => connection.list::<FlowPolicy>(within).await?,
    };
    let (seen, is_leaderless) =
        tokio::join!(see(connection, policies), Lead::is_missing(connection, installation));
    Ok(Shown { seen: seen?, is_leaderless })
}

impl Shown {
    fn text(&self, page: Option<&Page>, within: &Within, now: Timestamp, width: usize) -> String {
        let warning = if self.is_leaderless { warning(width) + "\n" } else { String::new() };
        warning + &draw(&self.seen, page, within, now, width)
    }
}

/// That nobody works for the policies.
#[must_use]
pub fn warning(width: usize) -> String {
    hanging(&format!("{} ", paint(Tone::Bad, Tone::Bad.sign())), LEADERLESS, width)
}
