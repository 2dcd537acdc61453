use super::sentences;
use flow_control::{Law, Moment, NoEffect};
use flow_policy::Policy;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// That lower limits do not help.
#[derive(Debug, PartialEq, Eq)]
pub struct Ineffective {
    found: NoEffect,
    /// When limits are tried again, once that is known.
    retry: Option<Timestamp>,
}

impl Ineffective {
    /// What there is to say after what was said `before`, at the moment `now` which is `time`.
    #[must_use]
    pub fn next(
        before: Option<&Arc<Self>>,
        found: Option<NoEffect>,
        now: Moment,
        time: Timestamp,
    ) -> Option<Arc<Self>> {
        let found = found?;
        // The two clocks drift apart: the time once told must not change.
        if let Some(before) = before.filter(|before| before.found == found) {
            return Some(Arc::clone(before));
        }
        let wait = found.retry.and_then(|retry| SignedDuration::try_from(retry.since(now)).ok());
        Some(Arc::new(Self { found, retry: wait.and_then(|wait| time.checked_add(wait).ok()) }))
    }

    /// What is found, with the values measured, and what is done about it.
    pub(super) fn message(&self, policy: &Policy) -> Option<String> {
        let objective = policy.objectives.get(self.found.objective)?;
        let (name, show) = (sentences::bounded(objective), |value| objective.indicator.show(value));
        let before = self.found.before.map(|before| format!("{} {}, ", show(before), when_before(policy)));
        let (before, then) = (before.unwrap_or_default(), show(self.found.after));
        let what = format!("{name}: {before}{then} with {}", lowered(policy));
        let Some(retry) = self.retry else { return Some(format!("{what}; they are given back")) };
        let second = retry.round(jiff::Unit::Second).unwrap_or(retry);
        Some(format!("{what}; they are {}, and tried again at {second}", returned(policy)))
    }

    /// The same without values.
    pub(super) fn note(&self, policy: &Policy) -> Option<String> {
        let name = &policy.objectives.get(self.found.objective)?.name;
        Some(format!("{name} gains nothing by {}: they are given back", lowered(policy)))
    }
}

/// When it was that an objective was as it was before.
const fn when_before(policy: &Policy) -> &'static str {
    match policy.law {
        Law::Adaptive(_) => "before",
        Law::Aimd(_) => "while limits were cut",
    }
}

/// What the limits were that did not help. Adaptive sees that before they are at their minimum.
const fn lowered(policy: &Policy) -> &'static str {
    match policy.law {
        Law::Adaptive(_) => "lower limits",
        Law::Aimd(_) => "limits at their minimum",
    }
}

/// Where limits are until they are tried again.
const fn returned(policy: &Policy) -> &'static str {
    match policy.law {
        Law::Adaptive(_) => "given back",
        Law::Aimd(_) => "back at their maximum",
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{at, policy};
    use super::*;
    use flow_control::{Aimd, Finite};
    use std::time::Duration;

    fn moment(seconds: u64) -> Moment {
        Moment::after_epoch(Duration::from_secs(seconds))
    }

    fn found(before: Option<f64>, retry: Option<u64>) -> NoEffect {
        let finite = |value| Finite::new(value).unwrap();
        let after = finite(450e-6);
        NoEffect { objective: 0, before: before.map(finite), after, retry: retry.map(moment) }
    }

    fn by_aimd() -> Policy {
        Policy { law: Law::Aimd(Aimd::default()), ..policy("Enforce") }
    }

    fn said_of(policy: &Policy, found: NoEffect) -> String {
        let ineffective = Ineffective::next(None, Some(found), moment(100), at(5_000));
        ineffective.unwrap().message(policy).unwrap()
    }

    fn said(found: NoEffect) -> String {
        said_of(&by_aimd(), found)
    }

    #[test]
    fn of_the_law_adaptive_it_is_not_said_that_limits_were_at_their_minimum() {
        let adaptive = policy("Enforce");
        let returning = said_of(&adaptive, found(Some(500e-6), None));
        assert_eq!(
            returning,
            "command-jitter (<= 300us): 500us before, 450us with lower limits; they are given back"
        );
        let resting = said_of(&adaptive, found(None, Some(700)));
        let expected = "command-jitter (<= 300us): 450us with lower limits; they are given back, and tried again at 1970-01-01T01:33:20Z";
        assert_eq!(resting, expected);
    }

    #[test]
    fn the_note_has_no_values() {
        let ineffective = Ineffective::next(None, Some(found(None, None)), moment(1), at(5)).unwrap();
        let note = |policy: &Policy| ineffective.note(policy).unwrap();
        let adaptive = "command-jitter gains nothing by lower limits: they are given back";
        assert_eq!(note(&policy("Enforce")), adaptive);
        let aimd = "command-jitter gains nothing by limits at their minimum: they are given back";
        assert_eq!(note(&by_aimd()), aimd);
    }

    #[test]
    fn it_is_said_what_the_objective_was_and_what_is_done() {
        let returning = said(found(Some(500e-6), None));
        let expected = "command-jitter (<= 300us): 500us while limits were cut, 450us with limits at their minimum; they are given back";
        assert_eq!(returning, expected);
        let from_the_start = said(found(None, None));
        assert!(from_the_start.starts_with("command-jitter (<= 300us): 450us with"), "{from_the_start}");
    }

    #[test]
    fn it_is_said_when_limits_are_tried_again() {
        let said = said(found(None, Some(700)));
        assert!(said.ends_with("back at their maximum, and tried again at 1970-01-01T01:33:20Z"), "{said}");
    }

    #[test]
    fn the_time_does_not_change_by_itself() {
        let first = Ineffective::next(None, Some(found(None, Some(700))), moment(100), at(5_000));
        let later = Ineffective::next(first.as_ref(), Some(found(None, Some(700))), moment(200), at(5_101));
        assert_eq!(later, first);
        let other = Ineffective::next(first.as_ref(), Some(found(None, Some(800))), moment(200), at(5_101));
        assert_ne!(other, first);
        assert_eq!(Ineffective::next(first.as_ref(), None, moment(200), at(5_101)), None);
    }
}
