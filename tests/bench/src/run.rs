//! One run, from an empty link to its recording.

use crate::bed::Bed;
use crate::capacity::{Capacity, changes};
use crate::contender::Working;
use crate::fault::Watching;
use crate::limits::Total;
use crate::link;
use crate::plan::{FAULT, FAULT_MS, LINK_MBPS, Plan, QUIET, Scenario};
use crate::recording::{Probe, Recording, Write};
use flow_e2e::Result;
use flow_probe::ProbeSpec;
use std::time::{Duration, Instant};
use tokio::time::sleep_until;

/// What happens at a time after the start of the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Act {
    at: Duration,
    what: What,
}

/// See [`Act`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// The link has this capacity from now on, in Mbit/s.
    Capacity(u32),
    FaultBegins,
    FaultEnds,
    Over,
}

/// Runs it, and leaves nobody at work.
pub(crate) async fn run(bed: &mut Bed, plan: &Plan) -> Result<Recording> {
    let pods = bed.prepare(plan.scenario).await?;
    let restarts = bed.restarts().await?;
    let working = Working::start(bed, plan, pods).await?;
    let played = play(bed, plan).await;
    bed.stage.factory.close_sink();
    let stopped = working.stop(bed).await;
    let played = played?;
    stopped?;
    // Only then is it known of each probe whether it was lost.
    tokio::time::sleep(ProbeSpec::DEFAULT_TIMEOUT).await;
    let restarted = bed.restarts().await?.saturating_sub(restarts);
    Ok(collect(bed, plan, played, restarted))
}

/// What happened, besides what is measured all the time.
struct Played {
    /// When the traffic started, in seconds after the start of all measurements.
    start_s: f64,
    capacity: Vec<Capacity>,
    ineffective_s: Option<f64>,
}

/// Lets traffic flow, and does what the scenario has planned.
async fn play(bed: &mut Bed, plan: &Plan) -> Result<Played> {
    tokio::time::sleep(QUIET).await;
    bed.stage.factory.open_sink()?;
    let (start, start_s) = (Instant::now(), bed.now_s());
    let mut capacity = vec![Capacity { at_s: 0.0, mbps: f64::from(LINK_MBPS) }];
    let mut watching = None;
    for act in acts(plan) {
        sleep_until((start + act.at).into()).await;
        match act.what {
            What::Capacity(mbps) => {
                link::set_mbps(mbps).await?;
                capacity.push(Capacity { at_s: start.elapsed().as_secs_f64(), mbps: f64::from(mbps) });
            }
            What::FaultBegins => {
                bed.stage.factory.break_service(FAULT_MS)?;
                watching = Some(Watching::start(start, bed.cluster()));
            }
            What::FaultEnds => bed.stage.factory.mend_service()?,
            What::Over => {}
        }
    }
    bed.stage.factory.close_sink();
    let ineffective_s = watching.and_then(|watching| watching.said_s());
    Ok(Played { start_s, capacity, ineffective_s })
}

fn acts(plan: &Plan) -> Vec<Act> {
    let mut acts = Vec::new();
    if plan.scenario.varies() {
        let length_s = u32::try_from(plan.length.as_secs()).unwrap_or(u32::MAX);
        let changes = changes(plan.seed(), length_s).into_iter();
        acts.extend(changes.map(|change| Act {
            at: Duration::from_secs(change.at_s.into()),
            what: What::Capacity(change.mbps),
        }));
    }
    if plan.scenario == Scenario::Fault {
        let [begins, ends] = FAULT;
        acts.extend([Act { at: begins, what: What::FaultBegins }, Act { at: ends, what: What::FaultEnds }]);
    }
    acts.push(Act { at: plan.length, what: What::Over });
    acts
}

/// What was measured from [`QUIET`] before the traffic to the end of the run.
fn collect(bed: &Bed, plan: &Plan, played: Played, restarted: usize) -> Recording {
    let start_s = played.start_s;
    let (from_s, to_s) = (start_s - QUIET.as_secs_f64(), start_s + plan.length.as_secs_f64());
    let seen = bed.watch.seen();
    let probe = |probe: Probe| Probe { sent_s: probe.sent_s - start_s, ..probe };
    let write = |write: Write| Write { at_s: write.at_s - start_s, ..write };
    let total = |total: Total| Total { at_s: total.at_s - start_s, ..total };
    let writes = seen.writes().into_iter().filter(|write| (from_s..to_s).contains(&write.at_s));
    Recording {
        probes: bed.probing.sent(from_s, to_s).into_iter().map(probe).collect(),
        totals: seen.totals().into_iter().filter(|total| total.at_s < to_s).map(total).collect(),
        sent: bed
            .counting
            .read(from_s, to_s)
            .into_iter()
            .map(|(at_s, sent)| (at_s - start_s, sent))
            .collect(),
        writes: writes.map(write).collect(),
        pod_restarts: seen.gone(start_s, to_s) + restarted,
        capacity: played.capacity,
        ineffective_s: played.ineffective_s,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Contender;

    #[test]
    fn a_scenario_acts_in_order_and_within_its_length() {
        for scenario in Scenario::ALL {
            let plan = Plan::of(scenario, Contender::Ours, 0);
            let acts = acts(&plan);
            assert!(acts.is_sorted_by_key(|act| act.at), "{acts:?}");
            assert_eq!(acts.last(), Some(&Act { at: plan.length, what: What::Over }));
            assert_eq!(acts.len() > 3, scenario.varies(), "{acts:?}");
        }
    }

    #[test]
    fn each_contender_of_a_repetition_meets_the_same_link() {
        let of = |contender, repetition| acts(&Plan::of(Scenario::Varying, contender, repetition));
        assert_eq!(of(Contender::Ours, 1), of(Contender::PredecessorRollout, 1));
        assert_ne!(of(Contender::Ours, 1), of(Contender::Ours, 2));
    }
}
