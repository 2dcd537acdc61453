//! The limits that are known to be good, as a status tells them: it is not written for their sake alone, unless they
//! have moved far.

use flow_control::Bandwidth;
use flow_policy::status::TargetStatus;

/// Hundredths of a safe limit by which it moves without a write of its own.
const SLACK_PERCENT: u32 = 5;

/// What the status tells of a safe limit while nothing else changes, where it told `old` before.
pub(super) fn told(old: Option<&String>, now: Option<Bandwidth>) -> Option<String> {
    let is_near = |before: Bandwidth, now: Bandwidth| {
        before.bps().abs_diff(now.bps()) <= before.percent(SLACK_PERCENT).bps()
    };
    let kept =
        old.filter(|old| matches!((old.parse(), now), (Ok(before), Some(now)) if is_near(before, now)));
    kept.cloned().or_else(|| now.map(|now| now.to_string()))
}

/// Takes over the newest safe limits, since the status is written anyway.
pub(super) fn renew(targets: &mut [TargetStatus], newest: impl Iterator<Item = Option<Bandwidth>>) {
    for (target, newest) in targets.iter_mut().zip(newest) {
        target.safe_limit = newest.map(|newest| newest.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(old: Option<&str>, kbps: Option<u64>) -> Option<String> {
        told(old.map(str::to_owned).as_ref(), kbps.map(|kbps| Bandwidth::from_bps(kbps * 1_000)))
    }

    #[test]
    fn a_safe_limit_that_moves_a_little_is_told_as_before() {
        for near in [95_000, 100_001, 105_000] {
            assert_eq!(shown(Some("100M"), Some(near)).as_deref(), Some("100M"), "{near}");
        }
        for (far, text) in [(94_999, "94999k"), (105_001, "105001k")] {
            assert_eq!(shown(Some("100M"), Some(far)).as_deref(), Some(text));
        }
    }

    #[test]
    fn one_that_comes_or_goes_or_was_no_limit_is_told_as_it_is() {
        assert_eq!(shown(None, Some(64_000)).as_deref(), Some("64M"));
        assert_eq!(shown(Some("plenty"), Some(64_000)).as_deref(), Some("64M"));
        assert_eq!(shown(Some("64M"), None), None);
    }
}
