//! `kubectl flowpolicy pause`, `resume`, `pin` and `unpin`: what a person asks of a policy by annotations.

mod pause;
mod pin;

pub use pause::{PauseArgs, ResumeArgs, pause, resume};
pub use pin::{PinArgs, UnpinArgs, pin, unpin};

use crate::connection::{Connection, Failure};
use flow_policy::names::LIMIT;
use flow_policy::{FlowPolicy, Overrides};
use jiff::Timestamp;
use kube::ResourceExt;
use std::collections::BTreeMap;

/// Annotations with their new values; `None` takes one away.
type Changes = BTreeMap<&'static str, Option<String>>;

/// A value that the operator would not understand.
#[derive(Debug, thiserror::Error)]
pub enum InvalidOverride {
    /// A limit.
    #[error("the limit cannot be used: {0}")]
    Limit(flow_policy::Invalid),
    /// A time that nobody can count to.
    #[error("--for {0:?} ends after the end of time; allowed is up to some thousand years")]
    TooLong(std::time::Duration),
}

impl InvalidOverride {
    /// The next command to try.
    #[must_use]
    pub fn next(&self) -> String {
        match self {
            Self::Limit(_) => "kubectl flowpolicy pin NAME 80M".to_owned(),
            Self::TooLong(_) => "kubectl flowpolicy pause NAME, which lasts until resume".to_owned(),
        }
    }
}

/// Changes the annotations of a policy, and returns it as it was before and is then.
async fn change(connection: &Connection, name: &str, changes: &Changes) -> Result<Changed, Failure> {
    let namespace = connection.namespace().await?;
    let before = connection.get(&namespace, name).await?;
    let after = connection.annotate(&namespace, name, changes).await?;
    Ok(Changed { before, after })
}

/// A policy before and after a change.
struct Changed {
    before: FlowPolicy,
    after: FlowPolicy,
}

impl Changed {
    fn had(&self, annotation: &str) -> bool {
        self.before.annotations().contains_key(annotation)
    }

    /// Which policy, for the beginning of a sentence.
    fn name(&self) -> String {
        format!("{}/{}", self.after.namespace().unwrap_or_default(), self.after.name_any())
    }

    /// Until when it is paused, if it is, even where a pin goes before that.
    fn still_paused(&self, now: Timestamp) -> Option<String> {
        let overrides = Overrides::of(self.after.annotations());
        let until = overrides.until().map_or_else(|| "resume".to_owned(), |until| until.to_string());
        overrides.pauses(now).then_some(until)
    }

    /// That a pin goes before a pause.
    fn still_pinned(&self) -> String {
        let pin = self.after.annotations().get(LIMIT);
        pin.map(|pin| format!("; its limits are pinned to {pin}, until unpin")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
