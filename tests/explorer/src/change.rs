//! A change of a policy, or of what it is about.

use crate::place::Path;
use crate::values::Edit;
use flow_policy::names::{LIMIT, PAUSE_REASON, PAUSED, PAUSED_UNTIL};
use std::fmt;

/// A change.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Of a field of the spec.
    Field {
        /// Which.
        path: Path,
        /// To what.
        edit: Edit,
        /// Whether it must be refused.
        is_illegal: bool,
    },
    /// An annotation by which a person pauses or pins.
    Annotate(&'static str, Annotation),
    /// A label of the policy, which changes nothing; and whether it may be set at all.
    Label(String, bool),
    /// Somebody takes the policy's finalizer away.
    DropFinalizer,
    /// A workload is deleted, or made where it is not there.
    Toggle(&'static str),
    /// A workload gets so many pods.
    Scale(&'static str, usize),
    /// The neighbouring namespace takes its consent back, or gives it.
    Consent,
    /// The policy is deleted and made anew.
    Recreate,
}

/// An annotation's value, and what it means; `None` takes the annotation away.
pub type Annotation = Option<(String, Meaning)>;

/// What an annotation means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing.
    Nothing,
    /// That limits stay as they are.
    Hold,
    /// That limits are pinned.
    Pin,
    /// Nobody can tell.
    Unreadable,
}

use Meaning::{Hold, Nothing, Pin, Unreadable};

/// What each annotation is set to.
const ANNOTATIONS: &[(&str, &[(&str, Meaning)])] = &[
    (
        PAUSED,
        &[
            ("true", Hold),
            ("false", Nothing),
            ("", Unreadable),
            ("yes", Unreadable),
            ("TRUE", Unreadable),
            ("1", Unreadable),
        ],
    ),
    (
        PAUSED_UNTIL,
        &[
            ("2999-01-01T00:00:00Z", Hold),
            ("2999-01-01T00:00:00+02:00", Hold),
            ("2020-01-01T00:00:00Z", Nothing),
            ("tomorrow", Unreadable),
            ("2999-13-01T00:00:00Z", Unreadable),
            ("2999-01-01", Unreadable),
            ("", Unreadable),
        ],
    ),
    (
        LIMIT,
        &[
            ("40M", Pin),
            ("8k", Pin),
            ("1T", Pin),
            ("7k", Unreadable),
            ("2T", Unreadable),
            ("0", Unreadable),
            ("-5M", Unreadable),
            ("fast", Unreadable),
            ("", Unreadable),
        ],
    ),
    (PAUSE_REASON, &[("mäßig \u{1F980}\nnext", Nothing), ("", Nothing)]),
];

/// Every change that is not one of the spec.
#[must_use]
pub fn around_the_spec() -> Vec<Change> {
    let annotate = |(key, values): &(&'static str, &[(&str, Meaning)])| {
        let key = *key;
        let values = values.iter().map(|(value, meaning)| Some(((*value).to_owned(), *meaning)));
        values.chain([None]).map(move |value| Change::Annotate(key, value)).collect::<Vec<_>>()
    };
    let annotations = ANNOTATIONS.iter().flat_map(annotate);
    let labels = [("team-a".to_owned(), true), ("not a label".to_owned(), false), ("x".repeat(64), false)];
    let labels = labels.map(|(value, is_legal)| Change::Label(value, is_legal));
    let toggled = ["many", "set", "daemon", "picked", "far"].map(Change::Toggle);
    let scaled =
        [("many", 0), ("many", 3), ("set", 0), ("picked", 2)].map(|(name, count)| Change::Scale(name, count));
    let recreated = std::iter::repeat_n(Change::Recreate, 20);
    let long = Change::Annotate(PAUSE_REASON, Some(("x".repeat(20_000), Nothing)));
    annotations
        .chain([long, Change::DropFinalizer, Change::Consent, Change::Consent])
        .chain(labels)
        .chain(toggled)
        .chain(scaled)
        .chain(recreated)
        .collect()
}

impl Change {
    /// Whether it must be refused, whatever else there is.
    #[must_use]
    pub const fn is_illegal(&self) -> bool {
        matches!(self, Self::Field { is_illegal: true, .. } | Self::Label(_, false))
    }

    /// One of these must be in a refusal.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Field { path, .. } => path.names(),
            Self::Label(..) => vec!["metadata.labels"],
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Field { path, edit, .. } => format!("{path}: {edit:?}"),
            other => format!("{other:?}"),
        };
        // A value may be very long.
        out.write_str(&text.chars().take(300).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_policy::Overrides;
    use jiff::Timestamp;

    #[test]
    fn each_annotation_means_what_the_table_says() {
        for (key, values) in ANNOTATIONS {
            for (value, meaning) in *values {
                let overrides = Overrides::of(&[((*key).to_owned(), (*value).to_owned())].into());
                let found = match (
                    overrides.problem(),
                    overrides.manual(Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(500_000)),
                ) {
                    (Some(_), _) => Unreadable,
                    (None, Some(flow_control::Manual::Pin(_))) => Pin,
                    (None, Some(flow_control::Manual::Hold)) => Hold,
                    (None, None) => Nothing,
                };
                assert_eq!(found, *meaning, "{key}: {value:?}");
            }
        }
    }
}
