use super::backend::Backend;
use super::enforcer::Enforcer;
use super::in_force::{GRACE, InForce, ROUNDING_BPS, holds};
use super::shapers::Heard;
use crate::cluster::PodId;
use flow_control::{Bandwidth, Moment};
use flow_policy::names::EGRESS_BANDWIDTH;

impl Enforcer {
    /// Whether a pod that has run `since` then is held to the `limit` that it was created with, or to a lower one.
    #[must_use]
    pub fn holds_created(&self, pod: &PodId, limit: Bandwidth, since: Moment, now: Moment) -> InForce {
        let Some(shapers) = &self.shared.shapers else { return unreported(self.shared.backend) };
        judge(shapers.heard(&pod.uid).as_ref(), limit, since, now)
    }
}

/// What is known where nobody reports: which network plugins do not even look.
fn unreported(backend: Backend) -> InForce {
    if backend.keys().contains(&EGRESS_BANDWIDTH) || backend == Backend::Calico {
        return InForce::Written;
    }
    InForce::No { reason: "its network plugin does not read the annotation of the pod template".to_owned() }
}

fn judge(heard: Option<&Heard>, limit: Bandwidth, since: Moment, now: Moment) -> InForce {
    let highest = limit.plus(Bandwidth::from_bps(ROUNDING_BPS));
    match holds(heard, |in_force| in_force < highest, now) {
        Ok(sent) => InForce::Yes { sent },
        Err(_) if now.since(since) <= GRACE => InForce::Coming,
        Err(reason) => InForce::No { reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_shaper::PodReport;
    use std::time::Duration;

    fn at(seconds: u64) -> Moment {
        Moment::after_epoch(Duration::from_secs(seconds))
    }

    fn heard(seconds: u64, mbps: u64) -> Heard {
        let in_force_bps = Some(Bandwidth::from_mbps(mbps).bps());
        Heard { at: at(seconds), report: PodReport { in_force_bps, ..PodReport::default() } }
    }

    fn verdict(heard: Option<&Heard>, seconds: u64) -> InForce {
        judge(heard, Bandwidth::from_mbps(50), at(10), at(seconds))
    }

    #[test]
    fn a_pod_that_its_shaper_holds_to_its_limit_or_lower_is_in_force() {
        for mbps in [50, 20] {
            assert_eq!(verdict(Some(&heard(20, mbps)), 20), InForce::Yes { sent: None });
        }
        assert!(matches!(verdict(Some(&heard(20, 60)), 20), InForce::No { .. }));
    }

    #[test]
    fn what_a_token_bucket_rounds_off_is_no_higher_limit() {
        let rounded = |by| {
            let mut heard = heard(20, 50);
            heard.report.in_force_bps = Some(Bandwidth::from_mbps(50).bps() + by);
            verdict(Some(&heard), 20)
        };
        assert_eq!(rounded(ROUNDING_BPS - 1), InForce::Yes { sent: None });
        assert!(matches!(rounded(ROUNDING_BPS), InForce::No { .. }));
    }

    #[test]
    fn a_network_plugin_that_does_not_read_the_annotation_holds_nobody() {
        assert_eq!(unreported(Backend::AtCreation), InForce::Written);
        assert_eq!(unreported(Backend::Calico), InForce::Written, "it reads this one, too");
        assert!(matches!(unreported(Backend::KubeOvn), InForce::No { .. }));
    }

    #[test]
    fn a_new_pod_is_given_time_until_its_shaper_knows_it() {
        assert_eq!(verdict(None, 12), InForce::Coming);
        assert!(matches!(verdict(None, 14), InForce::No { .. }));
    }
}
