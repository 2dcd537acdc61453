use super::{Changed, Changes, InvalidOverride, change};
use crate::connection::{Connection, duration};
use crate::error::Error;
use crate::output::print;
use flow_policy::names::{PAUSE_REASON, PAUSED, PAUSED_UNTIL};
use jiff::Timestamp;
use std::process::ExitCode;
use std::time::Duration;

/// Keep the limits of a policy as they are
///
/// Objectives are measured and reported all the while.
#[derive(Clone, Debug, clap::Args)]
pub struct PauseArgs {
    /// The policy
    pub(super) name: String,

    /// For how long, such as 30m or 2h; until `resume` if left out
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    for_: Option<Duration>,

    /// Why, for others: the policy's condition Paused tells it
    #[arg(long)]
    reason: Option<String>,
}

/// Let a paused policy go on
#[derive(Clone, Debug, clap::Args)]
pub struct ResumeArgs {
    /// The policy
    pub(super) name: String,
}

/// Pauses a policy.
pub async fn pause(args: PauseArgs, connection: &Connection) -> Result<ExitCode, Error> {
    let until = args.for_.map(|length| end(Timestamp::now(), length)).transpose()?;
    let changed = change(connection, &args.name, &pausing(until, args.reason)).await?;
    print(&paused(&changed, until))?;
    Ok(ExitCode::SUCCESS)
}

/// Lets a policy go on.
pub async fn resume(args: ResumeArgs, connection: &Connection) -> Result<ExitCode, Error> {
    let nothing = Changes::from([(PAUSED, None), (PAUSED_UNTIL, None), (PAUSE_REASON, None)]);
    let changed = change(connection, &args.name, &nothing).await?;
    print(&resumed(&changed))?;
    Ok(ExitCode::SUCCESS)
}

/// The end of a pause in whole seconds, as a person would write it.
fn end(now: Timestamp, length: Duration) -> Result<Timestamp, InvalidOverride> {
    let end = now.checked_add(length).ok().and_then(|end| Timestamp::from_second(end.as_second()).ok());
    end.ok_or(InvalidOverride::TooLong(length))
}

/// A pause with an end takes the place of one without, and the other way round.
pub(super) fn pausing(until: Option<Timestamp>, reason: Option<String>) -> Changes {
    let endless = until.is_none().then(|| "true".to_owned());
    let until = until.map(|until| until.to_string());
    Changes::from([(PAUSED, endless), (PAUSED_UNTIL, until), (PAUSE_REASON, reason)])
}

fn paused(changed: &Changed, until: Option<Timestamp>) -> String {
    let until = until.map_or_else(|| "until resume".to_owned(), |until| format!("until {until}"));
    format!("{} is paused {until}: limits stay as they are{}\n", changed.name(), changed.still_pinned())
}

fn resumed(changed: &Changed) -> String {
    let deed = if changed.had(PAUSED) || changed.had(PAUSED_UNTIL) { "goes on" } else { "was not paused" };
    format!("{} {deed}{}\n", changed.name(), changed.still_pinned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_at_a_whole_second() {
        let now = "2026-12-24T16:00:00.7Z".parse().unwrap();
        let end = super::end(now, Duration::from_hours(2)).unwrap();
        assert_eq!(end.to_string(), "2026-12-24T18:00:00Z");
        assert!(super::end(now, Duration::MAX).is_err());
    }
}
