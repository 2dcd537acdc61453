use super::{Shown, look};
use crate::connection::{Ask, Connection, Within};
use crate::error::Error;
use crate::installation::{Installation, Lead};
use crate::output::{OutputError, print};
use crate::page::Reader;
use crate::terminal::{Tone, age, paint, width};
use flow_page::Page;
use flow_policy::FlowPolicy;
use futures::StreamExt;
use jiff::Timestamp;
use kube::runtime::{WatchStreamExt, watcher};
use std::io::{IsTerminal, stdout};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};

/// Ages are drawn anew so often, and the cluster looked at no more often.
const TICK: Duration = Duration::from_secs(1);
/// The page is read anew so often where nothing else has changed.
const PAGE: Duration = Duration::from_secs(10);
/// Home, and nothing below.
const CLEAR: &str = "\x1b[H\x1b[J";

/// What is drawn.
struct Picture<'a> {
    within: &'a Within,
    shown: Shown,
    page: Option<Page>,
    /// When it was looked.
    at: Timestamp,
    /// Why it could not be looked since then.
    problem: Option<String>,
}

/// Draws policies whenever something changes, until the command is ended.
pub(super) async fn watch(
    connection: &Connection,
    installation: &Installation,
    within: &Within,
    name: Option<&str>,
    mut reader: Reader<'_>,
    shown: Shown,
    page: Option<Page>,
) -> Result<ExitCode, Error> {
    let config = name.map_or_else(watcher::Config::default, |name| {
        watcher::Config::default().fields(&format!("metadata.name={name}"))
    });
    let changes = watcher(connection.api::<FlowPolicy>(within).await?, config).default_backoff();
    let mut changes = std::pin::pin!(changes);
    let mut picture = Picture { within, shown, page, at: Timestamp::now(), problem: None };
    let is_terminal = stdout().is_terminal();
    let (mut ticks, mut outdated) = (interval(TICK), false);
    let mut pages = interval_at(Instant::now() + PAGE, PAGE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    picture.draw(is_terminal)?;
    loop {
        tokio::select! {
            change = changes.next() => match change {
                None => return Ok(ExitCode::SUCCESS),
                Some(Ok(_)) => outdated = true,
                Some(Err(error)) => {
                    let failure = connection.watch_failure(Ask::watch::<FlowPolicy>(within), error);
                    picture.problem = Some(failure.to_string());
                }
            },
            _ = ticks.tick() => {
                if std::mem::take(&mut outdated) {
                    let look = look(connection, installation, within, name);
                    picture.look_again(look, &mut reader).await;
                    picture.draw(is_terminal)?;
                } else if is_terminal {
                    picture.draw(is_terminal)?;
                }
            }
            // Nothing else tells of a controller that is gone.
            _ = pages.tick(), if is_terminal => {
                let is_leaderless = Lead::is_missing(connection, installation);
                (picture.page, picture.shown.is_leaderless) = tokio::join!(reader.read(), is_leaderless);
            }
        }
    }
}

impl Picture<'_> {
    async fn look_again(
        &mut self,
        look: impl Future<Output = Result<Shown, Error>>,
        reader: &mut Reader<'_>,
    ) {
        let (shown, page) = tokio::join!(look, reader.read());
        self.page = page;
        match shown {
            Ok(shown) => (self.shown, self.at, self.problem) = (shown, Timestamp::now(), None),
            Err(error) => self.problem = Some(error.to_string()),
        }
    }

    fn draw(&self, is_terminal: bool) -> Result<(), OutputError> {
        let clear = if is_terminal { CLEAR } else { "" };
        print(&format!("{clear}{}\n", self.text(Timestamp::now(), width())))
    }

    fn text(&self, now: Timestamp, width: usize) -> String {
        let mut text = self.shown.text(self.page.as_ref(), self.within, now, width);
        if let Some(problem) = &self.problem {
            let old = format!("What is shown is {} old: {problem}", age(self.at, now));
            text.extend(["\n", &paint(Tone::Bad, &old), "\n"]);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::fixture::at;

    #[test]
    fn while_the_cluster_is_away_the_age_of_the_picture_is_told() {
        let problem = Some("cannot watch flowpolicies: no answer".to_owned());
        let picture =
            Picture { within: &Within::Everywhere, shown: Shown::default(), page: None, at: at(10), problem };
        let expected = "\
There are no FlowPolicies.

What is shown is 32s old: cannot watch flowpolicies: no answer
";
        assert_eq!(anstream::adapter::strip_str(&picture.text(at(42), 80)).to_string(), expected);
    }
}
