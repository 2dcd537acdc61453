use crate::enforce::WRITE_TIMEOUT;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use std::time::Duration;

/// How long a Lease that is not renewed still counts. This and the next two are what client-go suggests.
pub(super) const DURATION: Duration = Duration::from_secs(15);
/// How long after its last renewal a leader stops. A write that it began just before may take the rest of
/// [`DURATION`], and must not take longer.
pub(super) const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// The time between two tries to win or to renew.
pub(super) const RETRY: Duration = Duration::from_secs(2);

const _: () = assert!(
    RENEW_DEADLINE.as_millis() + WRITE_TIMEOUT.as_millis() < DURATION.as_millis(),
    "the last write of a leader must end before another may lead"
);

/// Whose a Lease is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nobody's, or expired.
    Free,
    /// Ours.
    Ours,
    /// Somebody else's.
    Held {
        /// Whose.
        by: String,
        /// How long it counts from now on, should they not renew it.
        remaining: Duration,
    },
}

/// Whose `lease` is, for a candidate called `identity` that has seen it unchanged for so long.
///
/// The times in the Lease are the holder's, whose clock may be wrong: only our own says whether it has expired.
pub(super) fn judge(lease: &Lease, identity: &str, unchanged: Duration) -> Verdict {
    let spec = lease.spec.as_ref();
    let holder = spec.and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default();
    let remaining = duration(spec).saturating_sub(unchanged);
    match holder {
        "" => Verdict::Free,
        _ if holder == identity => Verdict::Ours,
        _ if remaining.is_zero() => Verdict::Free,
        _ => Verdict::Held { by: holder.to_owned(), remaining },
    }
}

/// How long a holder says that its Lease counts.
fn duration(spec: Option<&LeaseSpec>) -> Duration {
    let seconds = spec.and_then(|spec| spec.lease_duration_seconds);
    seconds.and_then(|seconds| u64::try_from(seconds).ok()).map_or(DURATION, Duration::from_secs)
}

/// `lease` as it is once `identity` holds it for `duration` from `now` on.
pub(super) fn held(mut lease: Lease, identity: &str, duration: Duration, now: Timestamp) -> Lease {
    let spec = lease.spec.get_or_insert_default();
    if spec.holder_identity.as_deref() != Some(identity) {
        spec.holder_identity = Some(identity.to_owned());
        spec.acquire_time = Some(MicroTime(now));
        spec.lease_transitions = Some(spec.lease_transitions.unwrap_or_default().saturating_add(1));
    }
    spec.lease_duration_seconds = Some(i32::try_from(duration.as_secs()).unwrap_or(i32::MAX));
    spec.renew_time = Some(MicroTime(now));
    lease
}

/// `lease` as it is once nobody holds it.
pub(super) fn vacant(mut lease: Lease) -> Lease {
    let spec = lease.spec.get_or_insert_default();
    (spec.holder_identity, spec.renew_time) = (None, None);
    lease
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn held_by(identity: &str) -> Lease {
        held(Lease::default(), identity, DURATION, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_lease_that_nobody_holds_is_free() {
        assert_eq!(judge(&Lease::default(), "a", Duration::ZERO), Verdict::Free);
        assert_eq!(judge(&vacant(held_by("b")), "a", Duration::ZERO), Verdict::Free);
    }

    #[test]
    fn a_lease_of_somebody_else_is_free_only_after_it_was_seen_unchanged_for_its_duration() {
        let almost = judge(&held_by("b"), "a", DURATION.saturating_sub(SECOND));
        assert_eq!(almost, Verdict::Held { by: "b".to_owned(), remaining: SECOND });
        assert_eq!(judge(&held_by("b"), "a", DURATION), Verdict::Free);
        let long = held(Lease::default(), "b", DURATION * 4, Timestamp::UNIX_EPOCH);
        assert!(matches!(judge(&long, "a", DURATION), Verdict::Held { .. }), "its own duration counts");
    }

    #[test]
    fn our_own_lease_is_ours_however_old() {
        assert_eq!(judge(&held_by("a"), "a", DURATION * 2), Verdict::Ours);
    }

    #[test]
    fn a_duration_that_makes_no_sense_counts_as_the_usual_one() {
        let mut lease = held_by("b");
        lease.spec.as_mut().unwrap().lease_duration_seconds = Some(-1);
        assert!(matches!(judge(&lease, "a", DURATION.saturating_sub(SECOND)), Verdict::Held { .. }));
    }

    #[test]
    fn transitions_count_changes_of_the_holder_and_not_renewals() {
        let later = Timestamp::UNIX_EPOCH + SECOND;
        let renewed = held(held_by("a"), "a", DURATION, later).spec.unwrap();
        assert_eq!(
            (renewed.lease_transitions, renewed.acquire_time),
            (Some(1), Some(MicroTime(Timestamp::UNIX_EPOCH)))
        );
        assert_eq!(renewed.renew_time, Some(MicroTime(later)));
        let taken = held(held_by("a"), "b", DURATION, later).spec.unwrap();
        assert_eq!((taken.lease_transitions, taken.acquire_time), (Some(2), Some(MicroTime(later))));
    }
}
