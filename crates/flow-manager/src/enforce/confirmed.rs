use super::in_force::{FRESH, Written, is_same};
use super::shapers::Heard;
use flow_control::{Bandwidth, Moment};

/// Whether shapers have confirmed the newest limits of pods. Of several verdicts, the highest holds for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confirmed {
    /// Nobody tells.
    Unwitnessed,
    /// All that tell say that they are in force, and when the last of them was asked.
    Since(Moment),
    /// Not all do, or a limit is yet to be written.
    NotYet,
}

/// Whether the shaper of a pod has confirmed what was `written` to it last. One that has not answered lately, or that
/// cannot hold the pod to any limit, tells nothing.
pub(super) fn by_shaper(written: &Written, heard: Option<&Heard>, now: Moment) -> Confirmed {
    let can_tell = |heard: &&Heard| now.since(heard.at) <= FRESH && heard.report.problem.is_none();
    let (Some(heard), Some((at, limit))) = (heard.filter(can_tell), written.limits.last()) else {
        return Confirmed::Unwitnessed;
    };
    let holds = |bps| is_same(*limit, Bandwidth::from_bps(bps));
    // What was said before the write speaks of the limit of before, even if that was the same.
    if heard.at >= *at && heard.report.in_force_bps.is_some_and(holds) {
        Confirmed::Since(heard.at)
    } else {
        Confirmed::NotYet
    }
}

/// The verdict on all pods, from that on each.
pub(super) fn all(pods: impl IntoIterator<Item = Confirmed>) -> Confirmed {
    let mut highest = Confirmed::Unwitnessed;
    for pod in pods {
        highest = highest.max(pod);
        if highest == Confirmed::NotYet {
            break;
        }
    }
    highest
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_shaper::PodReport;
    use std::time::Duration;

    fn at(ms: u64) -> Moment {
        Moment::after_epoch(Duration::from_millis(ms))
    }

    fn mbps(mbps: u64) -> Bandwidth {
        Bandwidth::from_mbps(mbps)
    }

    /// A limit of 50M until it became 40M after 10 s.
    fn cut() -> Written {
        let mut written = Written::default();
        written.note(mbps(50), at(0));
        written.note(mbps(40), at(10_000));
        written
    }

    fn heard(ms: u64, in_force: Option<Bandwidth>) -> Heard {
        let report = PodReport { in_force_bps: in_force.map(Bandwidth::bps), ..PodReport::default() };
        Heard { at: at(ms), report }
    }

    fn verdict(ms: u64, in_force: Option<Bandwidth>) -> Confirmed {
        by_shaper(&cut(), Some(&heard(ms, in_force)), at(ms + 100))
    }

    #[test]
    fn only_the_newest_limit_is_confirmed_and_not_that_of_a_moment_ago() {
        assert_eq!(verdict(10_300, Some(mbps(50))), Confirmed::NotYet);
        assert_eq!(verdict(10_400, Some(mbps(40))), Confirmed::Since(at(10_400)));
        assert_eq!(verdict(10_400, Some(Bandwidth::from_bps(39_999_993))), Confirmed::Since(at(10_400)));
        assert_eq!(verdict(10_400, None), Confirmed::NotYet);
    }

    #[test]
    fn what_a_shaper_said_before_the_write_does_not_count() {
        assert_eq!(verdict(9_999, Some(mbps(40))), Confirmed::NotYet);
        assert_eq!(verdict(10_000, Some(mbps(40))), Confirmed::Since(at(10_000)));
    }

    #[test]
    fn who_is_silent_or_cannot_limit_the_pod_is_no_witness() {
        assert_eq!(by_shaper(&cut(), None, at(11_000)), Confirmed::Unwitnessed);
        let mut heard = heard(10_100, Some(mbps(40)));
        assert_eq!(by_shaper(&Written::default(), Some(&heard), at(10_100)), Confirmed::Unwitnessed);
        let last = at(10_100) + FRESH;
        assert_eq!(by_shaper(&cut(), Some(&heard), last), Confirmed::Since(at(10_100)));
        assert_eq!(by_shaper(&cut(), Some(&heard), last + Duration::from_millis(1)), Confirmed::Unwitnessed);
        heard.report.problem = Some("another qdisc".to_owned());
        assert_eq!(by_shaper(&cut(), Some(&heard), at(10_100)), Confirmed::Unwitnessed);
    }

    #[test]
    fn limits_are_in_force_since_the_last_pod_has_its_own() {
        let (first, last) = (Confirmed::Since(at(10)), Confirmed::Since(at(20)));
        assert_eq!(all([first, Confirmed::Unwitnessed, last, first]), last);
        assert_eq!(all([first, Confirmed::NotYet, last]), Confirmed::NotYet);
        assert_eq!(all([Confirmed::Unwitnessed]), Confirmed::Unwitnessed);
        assert_eq!(all([]), Confirmed::Unwitnessed);
    }
}
