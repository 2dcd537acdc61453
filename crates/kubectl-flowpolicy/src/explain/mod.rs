//! `kubectl flowpolicy explain`: why a limit is what it is.

mod basis;
mod document;
mod draw;
mod gather;
mod history;
mod lower;
mod prospect;
mod recount;
mod subject;
mod turns;

pub use subject::{InvalidSubject, Subject, SubjectKind};

use crate::connection::{Connection, Failure};
use crate::error::Error;
use crate::installation::{Installation, Lead};
use crate::output::Output;
use crate::page::Reader;
use crate::policies::PolicyView;
use crate::terminal;
use flow_page::Page;
use gather::Explained;
use jiff::Timestamp;
use kube::ResourceExt;
use std::process::ExitCode;
use std::time::Duration;

/// The operator makes its page no more often.
const REFRESH: Duration = Duration::from_secs(1);

/// Explain why a limit is what it is
///
/// Of a pod or workload: which policies touch it and which one decides. Of each policy: the numbers that led to the
/// present limit, the last changes, and what would have to happen for it to change. Where the operator's page is on and
/// may be reached, what was measured lately and why limits stay as they are come from it.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What to explain: pod/NAME, deployment/NAME, statefulset/NAME, daemonset/NAME or fp/NAME; or the same in two words
    #[arg(value_name = "KIND/NAME", num_args = 1..=2, required = true)]
    subject: Vec<String>,

    #[command(flatten)]
    output: Output,

    #[command(flatten)]
    installation: Installation,
}

/// What `explain` says of a policy that is among `all` that were seen, for a person.
pub(crate) async fn text(
    connection: &Connection,
    policy: &PolicyView,
    all: &[PolicyView],
    page: Option<Page>,
    is_leaderless: bool,
    width: usize,
) -> Result<String, Failure> {
    let (namespace, name) = (policy.stored.namespace().unwrap_or_default(), policy.stored.name_any());
    let subject = Subject { kind: SubjectKind::FlowPolicy, name };
    let touching = vec![gather::of_one(connection, policy, all).await?];
    let explained = Explained { page, is_leaderless, ..Explained::new(subject, namespace, touching) };
    Ok(draw::draw(&explained.newest(), Timestamp::now(), width))
}

/// Explains a limit.
pub async fn run(args: Args, connection: &Connection) -> Result<ExitCode, Error> {
    let subject: Subject = args.subject.join("/").parse()?;
    let (namespace, name) = (connection.namespace().await?, subject.name.clone());
    // Of anything else it is not known yet which policies touch it.
    let one = (subject.kind == SubjectKind::FlowPolicy).then_some((namespace.as_str(), name.as_str()));
    let mut reader = Reader::new(connection, &args.installation, one);
    let (explained, page, is_leaderless) = tokio::join!(
        gather::gather(connection, subject),
        reader.read(),
        Lead::is_missing(connection, &args.installation)
    );
    let mut explained = Explained { page, is_leaderless, ..explained? };
    if explained.is_page_outdated() {
        tokio::time::sleep(REFRESH).await;
        explained.page = reader.read().await;
    }
    let explained = Explained { is_page_late: reader.is_late(), ..explained.newest() };
    let now = Timestamp::now();
    let text = || draw::draw(&explained, now, terminal::width());
    args.output.print(&document::of(&explained, now), text)?;
    Ok(ExitCode::SUCCESS)
}
