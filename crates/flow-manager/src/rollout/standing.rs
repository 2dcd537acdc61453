use super::desk::{Desk, concerns};
use super::due::{Ask, Todo, free_at};
use super::workload::Workload;
use crate::cluster::{CachedPod, PodId, Uid};
use flow_control::{Bandwidth, Moment};
use flow_policy::names::{EGRESS_BANDWIDTH, ORIGINAL_EGRESS_BANDWIDTH};
use jiff::Timestamp;
use kube::api::ObjectMeta;
use std::sync::Arc;

/// How far a workload has come with its limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// No limit was needed yet, and the template has none of ours. One may be written from this time on.
    NotBegun(Option<Timestamp>),
    /// It was not looked at yet.
    Unseen,
    /// Its limit cannot be written, for this reason.
    Blocked(String),
    /// Another limit is decided, and may not be written before this time.
    Due(Timestamp),
    /// Its limit is being written.
    Writing,
    /// Not every pod has been replaced.
    UnderWay,
    /// Every pod has the limit of the template, and another one may not be written before this time.
    Resting(Timestamp),
    /// Every pod has had the limit of the template since then, and another one may be written.
    Settled(Moment),
}

/// How a workload stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How far it has come.
    pub stage: Stage,
    /// The limit that its template has from us.
    pub limit: Option<Bandwidth>,
    /// The pods that run with that limit, and since when they are known to.
    pub carrying: Vec<(PodId, Moment)>,
}

impl Standing {
    /// Since when another limit could take effect at once, by what was measured after that moment; `None` if it cannot.
    #[must_use]
    pub const fn free_since(&self) -> Option<Moment> {
        match self.stage {
            Stage::NotBegun(None) => Some(Moment::EPOCH),
            Stage::Settled(since) => Some(since),
            _ => None,
        }
    }
}

/// How the workload of `desk` stands, from its metadata as it is cached, what is asked of it, and its pods.
pub(super) fn stand(
    desk: &mut Desk,
    cached: Option<ObjectMeta>,
    asks: &[Ask],
    pods: &[(&PodId, Option<Arc<CachedPod>>)],
    now: Moment,
    time: Timestamp,
) -> Standing {
    let nothing = |stage| Standing { stage, limit: None, carrying: Vec::new() };
    let Some(metadata) = cached.map(|cached| desk.newest(cached)) else {
        return nothing(Stage::NotBegun(None));
    };
    if let Some(problem) = desk.problem() {
        return nothing(Stage::Blocked(problem.to_owned()));
    }
    if !concerns(&metadata, asks, false) {
        return nothing(not_begun(desk.remembered(), asks, time));
    }
    // While the template is looked at again, the one that was seen last counts.
    let Some(workload) = desk.assumed(&metadata) else { return nothing(Stage::Unseen) };
    carrying(desk, &workload, pods, now);
    let stage = stage(desk, &workload, asks, time);
    let carrying = pods.iter().filter_map(|(id, _)| Some(((*id).clone(), *desk.carrying.get(&id.uid)?)));
    Standing {
        stage,
        limit: workload.applied().and_then(|limit| limit.parse().ok()),
        carrying: carrying.collect(),
    }
}

fn stage(desk: &Desk, workload: &Workload, asks: &[Ask], time: Timestamp) -> Stage {
    let changed = desk.changed(workload, time);
    match desk.todo(workload, asks, time) {
        Todo::Leave(why) => Stage::Blocked(why),
        Todo::Write(_) => Stage::Writing,
        Todo::Wait(at) => Stage::Due(at),
        Todo::Nothing => match (desk.through, free_at(asks, changed).filter(|at| time < *at)) {
            (None, _) => Stage::UnderWay,
            (Some(_), Some(at)) => Stage::Resting(at),
            (Some(since), None) => Stage::Settled(since),
        },
    }
}

fn not_begun(changed: Option<Timestamp>, asks: &[Ask], time: Timestamp) -> Stage {
    Stage::NotBegun(free_at(asks, changed).filter(|at| time < *at))
}

/// Notes which pods run with the limit of the template, and whether all do.
fn carrying(desk: &mut Desk, workload: &Workload, pods: &[(&PodId, Option<Arc<CachedPod>>)], now: Moment) {
    let carrying = pods.iter().filter(|(_, pod)| {
        pod.as_ref().is_some_and(|pod| workload.applied().is_some_and(|limit| carries(pod, limit)))
    });
    let before = std::mem::take(&mut desk.carrying);
    let since = |uid: &Uid| before.get(uid).copied().unwrap_or(now);
    desk.carrying = carrying.map(|(id, _)| (id.uid.clone(), since(&id.uid))).collect();
    let all = desk.carrying.len() == pods.len();
    desk.through = all.then(|| desk.through.unwrap_or(now));
}

/// Whether a pod runs and was created with that limit. Where a policy with the strategy Live has limited it since, it
/// has kept a record of it.
fn carries(pod: &CachedPod, limit: &str) -> bool {
    // A record of other annotations is a JSON object, and this one is as it was.
    let original = pod.annotation(ORIGINAL_EGRESS_BANDWIDTH).filter(|original| !original.starts_with('{'));
    pod.is_running() && original.or_else(|| pod.annotation(EGRESS_BANDWIDTH)) == Some(limit)
}

#[cfg(test)]
mod tests {
    use super::super::workload::{Kind, WorkloadId};
    use super::*;
    use crate::cluster::WatchedPod;
    use flow_policy::names::{APPLIED_EGRESS_BANDWIDTH, ROLLED_OUT_AT};
    use serde_json::{Value, json};
    use std::time::Duration;

    fn workload() -> Workload {
        let object = json!({
            "metadata": {
                "name": "upload", "namespace": "factory", "uid": "u1", "resourceVersion": "7", "generation": 3,
                "annotations": {
                    ORIGINAL_EGRESS_BANDWIDTH: "", APPLIED_EGRESS_BANDWIDTH: "50M",
                    ROLLED_OUT_AT: "1970-01-01T00:00:00Z",
                },
            },
            "spec": {"template": {"metadata": {"annotations": {EGRESS_BANDWIDTH: "50M"}}}},
        });
        let id =
            WorkloadId { kind: Kind::Deployment, namespace: "factory".to_owned(), name: "upload".to_owned() };
        Workload::of(id, serde_json::from_value(object).unwrap())
    }

    fn id(name: &str) -> PodId {
        PodId::new("factory", name, name)
    }

    fn pod(phase: &str, annotations: &Value) -> Arc<CachedPod> {
        let pod = json!({"metadata": {"annotations": annotations}, "status": {"phase": phase}});
        Arc::new(serde_json::from_value::<WatchedPod>(pod).unwrap().pod)
    }

    fn with(limit: &str) -> Arc<CachedPod> {
        pod("Running", &json!({EGRESS_BANDWIDTH: limit}))
    }

    /// How a Deployment stands of which 50M is asked, at so many seconds, with the first pod like this.
    fn standing(desk: &mut Desk, first: Arc<CachedPod>, second: u64) -> Standing {
        let min_interval = Duration::from_mins(10);
        let ask = Ask { limit: Bandwidth::from_mbps(50), min_interval, begun: true };
        let (a, b) = (id("a"), id("b"));
        let (now, time) = (Duration::from_secs(second), i64::try_from(second).unwrap());
        let pods = [(&a, Some(first)), (&b, Some(with("50M")))];
        let (now, time) = (Moment::after_epoch(now), Timestamp::from_second(time).unwrap());
        stand(desk, Some(workload().metadata), &[ask], &pods, now, time)
    }

    fn desk() -> Desk {
        let mut desk = Desk::default();
        desk.looked(workload(), Timestamp::from_second(1).unwrap());
        desk
    }

    #[test]
    fn a_rollout_is_under_way_until_every_pod_runs_with_the_new_limit() {
        let mut desk = desk();
        let created = json!({EGRESS_BANDWIDTH: "50M"});
        for first in [with("1G"), pod("Pending", &created), pod("Running", &json!({}))] {
            let standing = standing(&mut desk, first, 60);
            assert_eq!((standing.stage, standing.carrying.len()), (Stage::UnderWay, 1));
        }
        let through = standing(&mut desk, with("50M"), 90);
        assert_eq!(through.stage, Stage::Resting(Timestamp::from_second(600).unwrap()));
        assert_eq!(through.carrying.len(), 2);
    }

    #[test]
    fn another_limit_can_take_effect_once_the_interval_is_over_and_every_pod_is_through() {
        let mut desk = desk();
        assert_eq!(standing(&mut desk, with("50M"), 90).free_since(), None);
        let since = Some(Moment::after_epoch(Duration::from_secs(90)));
        assert_eq!(standing(&mut desk, with("50M"), 600).free_since(), since);
        assert_eq!(standing(&mut desk, with("1G"), 601).free_since(), None, "an old pod is back");
        let since = Some(Moment::after_epoch(Duration::from_secs(602)));
        assert_eq!(standing(&mut desk, with("50M"), 602).free_since(), since, "measured anew");
    }

    #[test]
    fn a_pod_that_a_live_policy_has_limited_since_still_counts() {
        let live = json!({EGRESS_BANDWIDTH: "30M", ORIGINAL_EGRESS_BANDWIDTH: "50M"});
        assert_eq!(standing(&mut desk(), pod("Running", &live), 700).carrying.len(), 2);
    }

    #[test]
    fn what_was_not_looked_at_yet_is_not_known_to_be_in_force() {
        let standing = standing(&mut Desk::default(), with("50M"), 700);
        assert_eq!((standing.stage.clone(), standing.free_since()), (Stage::Unseen, None));
    }

    #[test]
    fn a_workload_that_was_given_back_may_not_be_limited_again_before_the_interval_is_over() {
        let mut desk = Desk::default();
        let mut metadata = workload().metadata;
        metadata.annotations = None;
        desk.wrote(
            Workload { metadata: metadata.clone(), ..workload() },
            Timestamp::from_second(100).unwrap(),
        );
        let (limit, min_interval) = (Bandwidth::from_mbps(50), Duration::from_mins(10));
        let asks = [Ask { limit, min_interval, begun: false }];
        let mut stage_at = |second| {
            let time = Timestamp::from_second(second).unwrap();
            stand(&mut desk, Some(metadata.clone()), &asks, &[], Moment::default(), time).stage
        };
        let over = Timestamp::from_second(700).unwrap();
        assert_eq!(
            [stage_at(100), stage_at(699)],
            [Stage::NotBegun(Some(over)), Stage::NotBegun(Some(over))]
        );
        assert_eq!([stage_at(700), stage_at(701)], [Stage::NotBegun(None), Stage::NotBegun(None)]);
    }
}
