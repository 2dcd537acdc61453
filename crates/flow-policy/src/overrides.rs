use crate::Invalid;
use crate::names::{LIMIT, PAUSE_REASON, PAUSED, PAUSED_UNTIL};
use crate::validate::bandwidth;
use flow_control::{Bandwidth, Manual};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What a person asks of a policy by annotations, without a change of its spec: to pause, or to pin its limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    paused: bool,
    paused_until: Option<Timestamp>,
    pin: Option<Bandwidth>,
    reason: Option<String>,
    problem: Option<Invalid>,
}

impl Overrides {
    /// Reads the annotations of a policy. One that cannot be understood counts as a pause, since whoever set it wanted
    /// to hold something back.
    #[must_use]
    pub fn of(annotations: &BTreeMap<String, String>) -> Self {
        let mut overrides = Self::default();
        for (name, value) in annotations {
            if let Err(problem) = overrides.take(name, value.trim()) {
                overrides.problem.get_or_insert(problem);
            }
        }
        overrides
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), Invalid> {
        match name {
            PAUSED => self.paused = flag(value)?,
            PAUSED_UNTIL => self.paused_until = Some(time(value)?),
            PAUSE_REASON => self.reason = Some(value.to_owned()).filter(|reason| !reason.is_empty()),
            LIMIT => self.pin = Some(bandwidth(&value.into(), &field(LIMIT))?),
            _ => {}
        }
        Ok(())
    }

    /// What that means at `now`.
    #[must_use]
    pub fn manual(&self, now: Timestamp) -> Option<Manual> {
        self.pin.map(Manual::Pin).or(self.pauses(now).then_some(Manual::Hold))
    }

    /// Whether the policy is paused at `now`, or would be if it were not pinned.
    #[must_use]
    pub fn pauses(&self, now: Timestamp) -> bool {
        self.paused || self.problem.is_some() || self.paused_until.is_some_and(|until| now < until)
    }

    /// The annotation that cannot be understood, and why.
    #[must_use]
    pub const fn problem(&self) -> Option<&Invalid> {
        self.problem.as_ref()
    }

    /// Why, in the words of who has paused the policy.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Until when the policy is paused, if that is all that pauses it.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        self.paused_until.filter(|_| !self.paused)
    }
}

fn flag(value: &str) -> Result<bool, Invalid> {
    value.parse().map_err(|_| invalid(PAUSED, value, "true or false"))
}

fn time(value: &str) -> Result<Timestamp, Invalid> {
    value.parse().map_err(|_| invalid(PAUSED_UNTIL, value, "a time like 2026-12-24T18:00:00Z (RFC 3339)"))
}

fn invalid(annotation: &str, found: &str, allowed: &str) -> Invalid {
    let problem = format!("found {found:?}; allowed is {allowed}");
    Invalid { field: field(annotation), problem }
}

fn field(annotation: &str) -> String {
    format!("metadata.annotations[{annotation}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overrides(annotations: &[(&str, &str)]) -> Overrides {
        let owned = annotations.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Overrides::of(&owned.collect())
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    const PIN: Option<Manual> = Some(Manual::Pin(Bandwidth::from_mbps(80)));

    #[test]
    fn annotations_of_others_ask_for_nothing() {
        for annotations in [&[][..], &[("example.com/paused", "true")], &[(PAUSED, "false")]] {
            assert_eq!(overrides(annotations).manual(at(0)), None);
        }
    }

    #[test]
    fn a_pause_holds_until_it_is_taken_away_and_one_with_an_end_until_then() {
        assert_eq!(overrides(&[(PAUSED, "true")]).manual(at(i64::from(i32::MAX))), Some(Manual::Hold));
        let until = overrides(&[(PAUSED_UNTIL, "1970-01-01T00:01:00Z")]);
        assert_eq!((until.manual(at(59)), until.manual(at(60))), (Some(Manual::Hold), None));
        assert_eq!(until.until(), Some(at(60)));
    }

    #[test]
    fn a_reason_is_told_and_pauses_nothing_by_itself() {
        let paused = overrides(&[(PAUSED, "true"), (PAUSE_REASON, " the link is repaired ")]);
        assert_eq!(paused.reason(), Some("the link is repaired"));
        let alone = overrides(&[(PAUSE_REASON, "")]);
        assert_eq!((alone.reason(), alone.manual(at(0))), (None, None));
    }

    #[test]
    fn a_pin_goes_before_a_pause() {
        let both = overrides(&[(LIMIT, "80M"), (PAUSED, "true")]);
        assert_eq!((both.manual(at(0)), both.pauses(at(0))), (PIN, true));
        assert!(!overrides(&[(LIMIT, "80M")]).pauses(at(0)));
    }

    #[test]
    fn what_cannot_be_understood_is_named_and_holds() {
        for (annotation, value) in [
            (PAUSED, "yes"),
            (PAUSED, ""),
            (PAUSED_UNTIL, "tomorrow"),
            (LIMIT, "80Mbit"),
            (LIMIT, "0"),
            (LIMIT, "-1M"),
        ] {
            let overrides = overrides(&[(annotation, value)]);
            assert_eq!(overrides.manual(at(0)), Some(Manual::Hold), "{annotation}={value}");
            let problem = overrides.problem().unwrap().to_string();
            assert!(problem.contains(annotation) && problem.contains(value), "{problem}");
        }
        assert_eq!(
            overrides(&[(PAUSED, "yes"), (LIMIT, "80M")]).manual(at(0)),
            PIN,
            "a pin is a value that is known"
        );
    }
}
