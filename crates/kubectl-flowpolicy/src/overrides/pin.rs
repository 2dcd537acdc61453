use super::{Changed, Changes, InvalidOverride, change};
use crate::connection::Connection;
use crate::error::Error;
use crate::output::print;
use flow_control::{Bandwidth, Manual};
use flow_policy::names::LIMIT;
use flow_policy::{Overrides, Policy};
use jiff::Timestamp;
use std::process::ExitCode;

/// Pin every limit of a policy to one value
///
/// Each target keeps within its own range. A pin goes before a pause.
#[derive(Clone, Debug, clap::Args)]
pub struct PinArgs {
    /// The policy
    pub(super) name: String,

    /// The limit in bits per second with a unit, such as 80M
    pub(super) limit: String,
}

/// Let the limits of a pinned policy go
#[derive(Clone, Debug, clap::Args)]
pub struct UnpinArgs {
    /// The policy
    pub(super) name: String,
}

/// Pins the limits of a policy.
pub async fn pin(args: PinArgs, connection: &Connection) -> Result<ExitCode, Error> {
    let limit = checked(&args.limit)?;
    let changed = change(connection, &args.name, &Changes::from([(LIMIT, Some(args.limit))])).await?;
    print(&pinned(&changed, limit, Timestamp::now()))?;
    Ok(ExitCode::SUCCESS)
}

/// Lets the limits of a policy go.
pub async fn unpin(args: UnpinArgs, connection: &Connection) -> Result<ExitCode, Error> {
    let changed = change(connection, &args.name, &Changes::from([(LIMIT, None)])).await?;
    print(&unpinned(&changed, Timestamp::now()))?;
    Ok(ExitCode::SUCCESS)
}

/// The limit, if the operator will understand it.
pub(super) fn checked(limit: &str) -> Result<Bandwidth, InvalidOverride> {
    let overrides = Overrides::of(&[(LIMIT.to_owned(), limit.to_owned())].into());
    match (overrides.manual(Timestamp::UNIX_EPOCH), overrides.problem()) {
        (Some(Manual::Pin(limit)), _) => Ok(limit),
        (_, problem) => Err(InvalidOverride::Limit(problem.cloned().unwrap_or_else(|| {
            flow_policy::Invalid { field: LIMIT.to_owned(), problem: format!("found {limit:?}") }
        }))),
    }
}

pub(super) fn pinned(changed: &Changed, limit: Bandwidth, now: Timestamp) -> String {
    let policy = Policy::try_from(&changed.after.spec);
    let targets = policy.iter().flat_map(|policy| &policy.targets);
    let beyond = targets.filter_map(|target| {
        let held = limit.clamp(target.range.min, target.range.max);
        (held != limit).then(|| format!("; of {} {held}, which its range allows", target.id))
    });
    let paused = changed.still_paused(now);
    let paused = paused.map(|until| format!("; after unpin it is still paused until {until}"));
    let more = beyond.chain(paused).collect::<String>();
    format!("{}: every limit is {limit}{more}\n", changed.name())
}

pub(super) fn unpinned(changed: &Changed, now: Timestamp) -> String {
    let name = changed.name();
    match (changed.had(LIMIT), changed.still_paused(now)) {
        (false, _) => format!("{name} was not pinned\n"),
        (true, None) => format!("{name}: limits follow the objectives again\n"),
        (true, Some(until)) => format!("{name} is still paused until {until}: limits stay as they are\n"),
    }
}
