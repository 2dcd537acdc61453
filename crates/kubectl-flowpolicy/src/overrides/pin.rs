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
    print(&pinned(&changed, limit))?;
    Ok(ExitCode::SUCCESS)
}

/// Lets the limits of a policy go.
pub async fn unpin(args: UnpinArgs, connection: &Connection) -> Result<ExitCode, Error> {
    let changed = change(connection, &args.name, &Changes::from([(LIMIT, None)])).await?;
    print(&unpinned(&changed))?;
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

fn pinned(changed: &Changed, limit: Bandwidth) -> String {
    let policy = Policy::try_from(&changed.after.spec);
    let targets = policy.iter().flat_map(|policy| &policy.targets);
    let beyond = targets.filter_map(|target| {
        let held = limit.clamp(target.range.min, target.range.max);
        (held != limit).then(|| format!("; of {} {held}, which its range allows", target.id))
    });
    format!("{}: every limit is {limit}{}\n", changed.name(), beyond.collect::<String>())
}

fn unpinned(changed: &Changed) -> String {
    let deed = if changed.had(LIMIT) { "limits follow the objectives again" } else { "was not pinned" };
    let colon = if changed.had(LIMIT) { ":" } else { "" };
    format!("{}{colon} {deed}\n", changed.name())
}
