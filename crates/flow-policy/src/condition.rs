//! The conditions of a policy, by the [API conventions]: each has a reason, a sentence, the generation it
//! speaks of, and the time of its last change.
//!
//! [API conventions]: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md

mod table;

pub use table::*;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// What a condition speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionType {
    /// The spec can be used.
    Accepted,
    /// The policy does its work: its objectives can be measured, its limits enforced.
    Ready,
    /// Every decisive objective holds.
    ObjectivesMet,
    /// The limits asked for are in force on every running pod.
    Enforced,
    /// The policy cannot work until somebody changes something.
    Stalled,
    /// A person has paused the policy, or pinned its limits.
    Paused,
    /// Limits were lowered as far as they may be, and the objectives gained nothing by it.
    Ineffective,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It does.
    True,
    /// It does not.
    False,
    /// Nobody can tell.
    Unknown,
}

/// Why a condition is as it is, as one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The spec passed every check.
    Valid,
    /// A field cannot be used.
    InvalidSpec,
    /// A target does not exist.
    TargetNotFound,
    /// The namespace of a target does not consent to be limited from the policy's namespace.
    NotConsented,
    /// An objective names a Prometheus that the operator was not given.
    SourceNotFound,
    /// The operator's administrator does not let the policy ask for what it asks for.
    SourceNotAllowed,
    /// The strategy is one that the operator's administrator has not allowed.
    StrategyNotAllowed,
    /// Everything works.
    Working,
    /// The policy was just taken up, and nothing was measured yet.
    Starting,
    /// Every decisive objective holds.
    AllMet,
    /// A decisive objective is violated.
    Violated,
    /// A decisive objective cannot be measured.
    NoData,
    /// Every running pod has its limit.
    InForce,
    /// Some pods do not have their limit, or nobody can tell.
    NotInForce,
    /// Every running pod has its limit written to it, and nobody tells whether it is in force.
    NotVerified,
    /// The targets have no running pod.
    NoPods,
    /// No limit is written before one is needed.
    NotNeeded,
    /// The mode is Observe: no limit is written.
    Observing,
    /// The limits are taken away.
    Released,
    /// A person has asked to leave the limits as they are.
    ByAnnotation,
    /// A person has asked for a certain limit.
    Pinned,
    /// An annotation cannot be understood.
    InvalidAnnotation,
    /// Lower limits do not help, so that bandwidth is given back.
    NoEffect,
    /// Every limit was given back, for flow-manager to be uninstalled.
    GivenBack,
}

/// The longest message, in bytes: what an Event takes, so that both say the same.
const MAX_MESSAGE: usize = 1024;

/// One condition without its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    entry: Entry,
    message: String,
}

impl Finding {
    /// A condition that stands so, and why, as a sentence; it becomes one line of at most 1024 bytes.
    #[must_use]
    pub fn new(entry: Entry, message: impl AsRef<str>) -> Self {
        let mut message = message.as_ref().split_whitespace().collect::<Vec<_>>().join(" ");
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        Self { entry, message }
    }

    /// How the condition stands.
    #[must_use]
    pub const fn entry(&self) -> Entry {
        self.entry
    }

    /// Why, as a sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl ConditionType {
    /// As it stands in a status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Ready => "Ready",
            Self::ObjectivesMet => "ObjectivesMet",
            Self::Enforced => "Enforced",
            Self::Stalled => "Stalled",
            Self::Paused => "Paused",
            Self::Ineffective => "Ineffective",
        }
    }
}

impl Truth {
    /// As it stands in a status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl Reason {
    /// As it stands in a status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "Valid",
            Self::InvalidSpec => "InvalidSpec",
            Self::TargetNotFound => "TargetNotFound",
            Self::NotConsented => "NotConsented",
            Self::SourceNotFound => "SourceNotFound",
            Self::SourceNotAllowed => "SourceNotAllowed",
            Self::StrategyNotAllowed => "StrategyNotAllowed",
            Self::Working => "Working",
            Self::Starting => "Starting",
            Self::AllMet => "AllMet",
            Self::Violated => "Violated",
            Self::NoData => "NoData",
            Self::InForce => "InForce",
            Self::NotInForce => "NotInForce",
            Self::NotVerified => "NotVerified",
            Self::NoPods => "NoPods",
            Self::NotNeeded => "NotNeeded",
            Self::Observing => "Observing",
            Self::Released => "Released",
            Self::ByAnnotation => "ByAnnotation",
            Self::Pinned => "Pinned",
            Self::InvalidAnnotation => "InvalidAnnotation",
            Self::NoEffect => "NoEffect",
            Self::GivenBack => "GivenBack",
        }
    }
}

/// The conditions of a status: exactly one for each of `findings`, none of which is kept from before.
///
/// A transition time is kept from `old` unless the truth of that condition changed.
#[must_use]
pub fn merge(
    old: &[Condition],
    findings: &[Finding],
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    let find = |type_: &str| old.iter().find(|condition| condition.type_ == type_);
    let condition = |finding: &Finding| {
        let (type_, status) = (finding.entry.type_().as_str(), finding.entry.truth().as_str());
        let unchanged = find(type_).filter(|before| before.status == status);
        Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: finding.entry.reason().as_str().to_owned(),
            message: finding.message.clone(),
            observed_generation: generation,
            last_transition_time: unchanged
                .map_or_else(|| Time(now), |before| before.last_transition_time.clone()),
        }
    };
    findings.iter().map(condition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_transition_time_is_kept_until_the_truth_changes() {
        let first = merge(&[], &[Finding::new(READY_WORKING, "a")], Some(1), at(10));
        let same = merge(&first, &[Finding::new(READY_WORKING, "b")], Some(2), at(20));
        let flipped = merge(&same, &[Finding::new(READY_NO_DATA, "b")], Some(2), at(30));
        let times = [&first, &same, &flipped].map(|conditions| conditions[0].last_transition_time.0);
        assert_eq!(times, [at(10), at(10), at(30)]);
        assert_eq!((same[0].message.as_str(), same[0].observed_generation), ("b", Some(2)));
    }

    #[test]
    fn a_condition_that_is_no_longer_found_goes() {
        let ready = || Finding::new(READY_WORKING, "");
        let before = merge(&[], &[ready(), Finding::new(STALLED_INVALID_SPEC, "")], None, at(1));
        assert_eq!(merge(&before, &[ready()], None, at(2)).len(), 1);
    }

    #[test]
    fn a_message_is_one_line_that_an_event_takes() {
        assert_eq!(Finding::new(READY_NO_DATA, "a\n b\t").message(), "a b");
        let long = Finding::new(READY_NO_DATA, "x".to_owned() + &"\u{fc}".repeat(1000));
        assert_eq!(long.message().len(), MAX_MESSAGE - 1, "between two characters");
    }
}
