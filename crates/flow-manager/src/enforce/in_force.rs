use super::shapers::Heard;
use super::write::Foreign;
use flow_control::{Bandwidth, Moment};
use smallvec::SmallVec;
use std::time::Duration;

/// How long a new limit may take to be seen in force before something is wrong: its write, the shaper, and the
/// next question to the shaper.
pub(super) const GRACE: Duration = Duration::from_secs(3);

/// A report of a shaper older than this says nothing about now.
pub(super) const FRESH: Duration = Duration::from_secs(3);

/// TBF counts in bytes, so a limit in force may differ from the one asked for by less than this.
pub(super) const ROUNDING_BPS: u64 = 8;

/// Whether a pod is held to its limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InForce {
    /// It is: the pod's node says so.
    Yes {
        /// What the pod really sends.
        sent: Option<Bandwidth>,
    },
    /// It is about to be: the limit was asked for only now.
    Coming,
    /// The limit is written, and nobody tells whether it is in force.
    Written,
    /// It is not, or nobody can tell.
    No {
        /// Why, as a sentence.
        reason: String,
    },
}

/// Who tells whether a pod is held to its limit.
pub(super) enum Witness<'a> {
    /// The shaper of its node, with what it said last, if anything.
    Shaper(Option<&'a Heard>),
    /// Nobody: the network plugin enforces limits and does not report.
    Nobody,
}

/// What was written to a pod, and when.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    /// Since when the pod has not had the limit that is wanted, if it has not.
    pub(super) behind_since: Option<Moment>,
    /// Why the last write failed, or was not made.
    pub(super) problem: Option<Box<str>>,
    /// The newest limit, and those that it replaced lately, with the moment at which each was written.
    pub(super) limits: SmallVec<[(Moment, Bandwidth); 1]>,
}

impl Written {
    /// Notes a limit, and forgets those that no longer count.
    pub(super) fn note(&mut self, limit: Bandwidth, now: Moment) {
        self.limits = self.counting(now).chain([(now, limit)]).collect();
    }

    /// Notes that the pod has this limit now.
    pub(super) fn has(&mut self, limit: Bandwidth, now: Moment) {
        (self.problem, self.behind_since) = (None, None);
        if self.limits.last().is_none_or(|(_, last)| *last != limit) {
            self.note(limit, now);
        }
    }

    /// The newest limit, and those that were replaced only a moment ago.
    fn counting(&self, now: Moment) -> impl Iterator<Item = (Moment, Bandwidth)> {
        let replaced = self.limits.iter().skip(1).map(|(at, _)| Some(*at)).chain([None]);
        let limits = self.limits.iter().copied().zip(replaced);
        limits.filter(move |(_, at)| at.is_none_or(|at| now.since(at) <= GRACE)).map(|(limit, _)| limit)
    }

    fn is_recent(&self, now: Moment) -> bool {
        self.limits.last().is_some_and(|(at, _)| now.since(*at) <= GRACE)
    }
}

/// Why a pod is not held to a limit since somebody else has set another one that does not hold it, either.
pub(super) fn set_by_somebody(foreign: &Foreign, since: Moment, now: Moment) -> InForce {
    let reason = format!("somebody else has {}", foreign.deed());
    if now.since(since) > GRACE { InForce::No { reason } } else { InForce::Coming }
}

/// Whether a pod is held to its limit, from what was written to it and what the shaper of its node said.
///
/// While limits change several times a second, a shaper is always heard to hold a limit of a moment ago. That counts
/// as in force, as long as it was asked for within the last seconds.
pub(super) fn judge(written: &Written, witness: &Witness<'_>, now: Moment) -> InForce {
    if written.behind_since.is_some_and(|since| now.since(since) > GRACE) {
        let reason = written.problem.as_deref().unwrap_or("the limit is not written yet").to_owned();
        return InForce::No { reason };
    }
    let heard = match witness {
        Witness::Nobody if written.limits.is_empty() => return InForce::Coming,
        Witness::Nobody => return InForce::Written,
        Witness::Shaper(heard) => *heard,
    };
    match held(written, heard, now) {
        Ok(sent) => InForce::Yes { sent },
        Err(_) if written.limits.is_empty() || written.is_recent(now) => InForce::Coming,
        Err(reason) => InForce::No { reason },
    }
}

fn held(written: &Written, heard: Option<&Heard>, now: Moment) -> Result<Option<Bandwidth>, String> {
    holds(heard, |in_force| written.counting(now).any(|(_, limit)| is_same(limit, in_force)), now)
}

/// Whether what is in force is this limit, but for what is rounded off.
pub(super) const fn is_same(limit: Bandwidth, in_force: Bandwidth) -> bool {
    limit.bps().abs_diff(in_force.bps()) < ROUNDING_BPS
}

/// What the pod really sends, if its shaper has just said that it holds it to a limit that is `right`; else why not.
pub(super) fn holds(
    heard: Option<&Heard>,
    right: impl Fn(Bandwidth) -> bool,
    now: Moment,
) -> Result<Option<Bandwidth>, String> {
    let heard = heard.filter(|heard| now.since(heard.at) <= FRESH);
    let report = &heard.ok_or("no shaper reports this pod")?.report;
    if let Some(problem) = &report.problem {
        return Err(problem.clone());
    }
    let in_force = Bandwidth::from_bps(report.in_force_bps.ok_or("the shaper has set no limit")?);
    if !right(in_force) {
        return Err(format!("the shaper holds it to {in_force}"));
    }
    Ok(report.measured.and_then(|measured| measured.sent_bps).map(Bandwidth::from_bps))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_shaper::PodReport;

    fn at(ms: u64) -> Moment {
        Moment::after_epoch(Duration::from_millis(ms))
    }

    fn mbps(mbps: u64) -> Bandwidth {
        Bandwidth::from_mbps(mbps)
    }

    fn heard(ms: u64, in_force_mbps: u64) -> Heard {
        let report = PodReport { in_force_bps: Some(mbps(in_force_mbps).bps()), ..PodReport::default() };
        Heard { at: at(ms), report }
    }

    const SILENT: Witness<'_> = Witness::Shaper(None);

    fn says(heard: &Heard) -> Witness<'_> {
        Witness::Shaper(Some(heard))
    }

    #[test]
    fn where_nobody_reports_a_limit_is_written_and_no_more_is_said() {
        assert_eq!(judge(&Written::default(), &Witness::Nobody, at(0)), InForce::Coming);
        assert_eq!(judge(&written(&[(0, 64)]), &Witness::Nobody, at(60_000)), InForce::Written);
        let failed =
            Written { behind_since: Some(at(0)), problem: Some("refused".into()), ..Written::default() };
        assert!(is_no(&judge(&failed, &Witness::Nobody, at(60_000))), "a write that fails is known to");
    }

    fn written(limits: &[(u64, u64)]) -> Written {
        let mut written = Written::default();
        for (ms, limit) in limits {
            written.note(mbps(*limit), at(*ms));
        }
        written
    }

    fn is_no(in_force: &InForce) -> bool {
        matches!(in_force, InForce::No { .. })
    }

    #[test]
    fn a_limit_that_the_shaper_confirms_is_in_force() {
        let in_force = judge(&written(&[(0, 64)]), &says(&heard(9_000, 64)), at(10_000));
        assert_eq!(in_force, InForce::Yes { sent: None });
    }

    #[test]
    fn while_limits_change_the_one_of_a_moment_ago_is_in_force() {
        let changes: Vec<_> = (0..100).map(|tick| (tick * 200, 900 - tick)).collect();
        let in_force = judge(&written(&changes), &says(&heard(19_000, 806)), at(19_900));
        assert_eq!(in_force, InForce::Yes { sent: None });
    }

    #[test]
    fn a_limit_that_stays_another_for_long_is_not_in_force() {
        let changes: Vec<_> = (0..100).map(|tick| (tick * 200, 900 - tick)).collect();
        assert!(is_no(&judge(&written(&changes), &says(&heard(23_500, 806)), at(24_000))));
        assert_eq!(judge(&written(&changes), &says(&heard(20_000, 850)), at(20_500)), InForce::Coming);
    }

    #[test]
    fn a_new_limit_is_coming_for_a_while() {
        assert_eq!(judge(&Written::default(), &SILENT, at(0)), InForce::Coming);
        assert_eq!(judge(&written(&[(0, 64)]), &SILENT, at(2_000)), InForce::Coming);
        assert!(is_no(&judge(&written(&[(0, 64)]), &SILENT, at(4_000))));
    }

    #[test]
    fn an_old_report_proves_nothing() {
        assert!(is_no(&judge(&written(&[(0, 64)]), &says(&heard(5_000, 64)), at(9_000))));
    }

    #[test]
    fn a_write_that_is_overdue_says_why() {
        let problem = Some("conflict".into());
        let behind = Written { behind_since: Some(at(0)), problem, ..written(&[(0, 64)]) };
        assert!(!is_no(&judge(&behind, &says(&heard(2_000, 64)), at(2_500))));
        assert_eq!(
            judge(&behind, &says(&heard(4_000, 64)), at(4_000)),
            InForce::No { reason: "conflict".to_owned() }
        );
    }

    #[test]
    fn what_the_shaper_cannot_do_is_told() {
        let mut heard = heard(9_000, 64);
        heard.report.problem = Some("another qdisc".to_owned());
        let expected = InForce::No { reason: "another qdisc".to_owned() };
        assert_eq!(judge(&written(&[(0, 64)]), &says(&heard), at(10_000)), expected);
    }

    #[test]
    fn a_pod_that_has_its_limit_is_behind_no_longer_and_the_limit_is_noted_once() {
        let problem = Some("conflict".into());
        let mut pod = Written { behind_since: Some(at(0)), problem, ..written(&[(0, 64)]) };
        pod.has(mbps(64), at(5_000));
        assert_eq!((pod.behind_since, &pod.problem, &pod.limits), (None, &None, &[(at(0), mbps(64))].into()));
        pod.has(mbps(32), at(6_000));
        assert_eq!(pod.limits.last(), Some(&(at(6_000), mbps(32))));
    }

    #[test]
    fn the_time_of_grace_is_counted_to_its_last_moment() {
        let (last, over) = (at(0) + GRACE, at(1) + GRACE);
        let foreign =
            Foreign { key: "egress".to_owned(), value: Some("9M".to_owned()), limit: Some(mbps(9)) };
        assert_eq!(set_by_somebody(&foreign, at(0), last), InForce::Coming);
        assert!(is_no(&set_by_somebody(&foreign, at(0), over)));
        let behind = Written { behind_since: Some(at(0)), ..written(&[(0, 64)]) };
        assert_eq!(judge(&behind, &Witness::Nobody, last), InForce::Written);
        assert!(is_no(&judge(&behind, &Witness::Nobody, over)));
    }

    #[test]
    fn what_a_token_bucket_rounds_off_does_not_count() {
        let rounded = |by| {
            let mut heard = heard(9_000, 64);
            heard.report.in_force_bps = Some(mbps(64).bps() - by);
            judge(&written(&[(0, 64)]), &says(&heard), at(10_000))
        };
        assert_eq!(rounded(ROUNDING_BPS - 1), InForce::Yes { sent: None });
        assert!(is_no(&rounded(ROUNDING_BPS)));
    }
}
