//! The predecessor as it worked: a probe each 500 ms, a decision each 2 s, and each new limit in the pod template, so
//! that the Deployment replaces its pods.

use crate::bed::{Bed, UPLOAD};
use crate::plan::BOUND_US;
use crate::pods::Seen;
use crate::probing::Probing;
use flow_control::{
    Aimd, Bandwidth, Bound, Effect, Finite, Law, Moment, NoData, NoDataAction, Observation, Params, Range,
    Reading, Role, State, Unknown, step,
};
use flow_e2e::kubectl::kubectl;
use flow_e2e::statistics::interquartile_range;
use flow_e2e::wait::{Look, until};
use flow_e2e::{Error, Result, factory};
use flow_policy::names::EGRESS_BANDWIDTH;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

const PROBE_INTERVAL: Duration = Duration::from_millis(500);
const SAMPLES: usize = 20;
const DECISION_INTERVAL: Duration = Duration::from_secs(2);
const LOWEST: Bandwidth = Bandwidth::from_mbps(10);
const HIGHEST: Bandwidth = Bandwidth::from_mbps(100);
/// The time until there are enough probes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The predecessor at work, until it is stopped.
pub(crate) struct Rollout {
    task: JoinHandle<()>,
    deployments: Api<Deployment>,
}

impl Rollout {
    /// Starts it, once it has as many probes as it wants.
    pub(crate) async fn start(bed: &Bed) -> Result<Self> {
        let deployments = Api::namespaced(bed.cluster().client.clone(), factory::NAMESPACE);
        let probing = Arc::new(Probing::start(bed.start, PROBE_INTERVAL)?);
        until("enough probes of the predecessor", PATIENCE, async || {
            let have = probing.newest_us(SAMPLES).len();
            Ok(Look::when(have == SAMPLES, || format!("{have}")))
        })
        .await?;
        let task = tokio::spawn(control(probing, deployments.clone(), bed.watch.seen().clone()));
        Ok(Self { task, deployments })
    }

    /// Stops it, and waits for pods without a limit.
    pub(crate) async fn stop(&self) -> Result<()> {
        self.task.abort();
        write(&self.deployments, None).await?;
        let namespace = factory::NAMESPACE;
        kubectl(&format!("-n {namespace} rollout status deployment/{UPLOAD} --timeout=2m")).await.map(drop)
    }
}

impl Drop for Rollout {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn control(probing: Arc<Probing>, deployments: Api<Deployment>, seen: Seen) {
    let (start, params) = (Instant::now(), params());
    let mut state = State::resume(vec![HIGHEST]);
    let mut ticks = interval(DECISION_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let before = state.limits.clone();
        let now = Moment::after_epoch(start.elapsed());
        state = decide(&params, state, &probing.newest_us(SAMPLES), now);
        let limit = state.limits.first().filter(|limit| before.first() != Some(*limit)).copied();
        // What could not be written is written with the next change, as it was.
        if limit.is_some() && write(&deployments, limit).await.is_ok() {
            seen.wrote(UPLOAD);
        }
    }
}

async fn write(deployments: &Api<Deployment>, limit: Option<Bandwidth>) -> Result<()> {
    let annotations = json!({EGRESS_BANDWIDTH: limit.map(|limit| limit.bps().to_string())});
    let patch = Patch::Merge(json!({"spec": {"template": {"metadata": {"annotations": annotations}}}}));
    let patched = deployments.patch(UPLOAD, &PatchParams::default(), &patch).await;
    patched.map(drop).map_err(Error::from)
}

fn params() -> Params {
    Params {
        law: Law::Aimd(Aimd::default()),
        no_data: NoData { after: Duration::from_hours(1), action: NoDataAction::Hold },
        ranges: vec![Range { min: LOWEST, max: HIGHEST }],
        effect_check: None,
        manual: None,
        effect: Effect::Possible,
        traffic: Vec::new(),
    }
}

fn decide(params: &Params, state: State, newest_us: &[f64], now: Moment) -> State {
    let Ok(bound) = Finite::new(BOUND_US / 1e6) else { return state };
    let observation =
        Observation::new(Role::Control, 100, Bound::AtMost(bound), reading(newest_us), Some(now));
    step(params, state, &[observation], now).0
}

fn reading(newest_us: &[f64]) -> Reading {
    let too_few = Unknown::TooFewSamples { have: newest_us.len(), need: SAMPLES };
    let jitter_us = interquartile_range(newest_us).ok_or(too_few)?;
    Finite::new(jitter_us / 1e6).map_err(|_| Unknown::NotFinite)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits_after(newest_us: &[f64], decisions: u64) -> Bandwidth {
        let mut state = State::resume(vec![HIGHEST]);
        for number in 0..decisions {
            let now = Moment::after_epoch(DECISION_INTERVAL * u32::try_from(number).unwrap());
            state = decide(&params(), state, newest_us, now);
        }
        state.limits[0]
    }

    #[test]
    fn it_cuts_a_fifth_at_each_decision_while_jitter_is_above_the_bound() {
        let shaken = [200.0, 5_000.0].repeat(10);
        assert_eq!(limits_after(&shaken, 1), Bandwidth::from_mbps(80));
        assert_eq!(limits_after(&shaken, 2), Bandwidth::from_mbps(64));
        assert_eq!(limits_after(&shaken, 50), LOWEST);
    }

    #[test]
    fn it_never_exceeds_its_highest_limit_and_holds_while_nothing_is_known() {
        assert_eq!(limits_after(&[200.0; 20], 3), HIGHEST);
        assert_eq!(limits_after(&[], 3), HIGHEST);
    }
}
