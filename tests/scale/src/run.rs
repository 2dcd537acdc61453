//! One size: pods first, then policies, then the operator once more, at rest and at work.

use crate::api_server::Requests;
use crate::bed::Bed;
use crate::figures::{Figures, Load, Memory, Start};
use crate::load::PODS_OF_EACH;
use crate::measure::Moment;
use crate::operator::Operator;
use crate::show;
use flow_e2e::Result;
use flow_e2e::wait::{Look, until};
use std::time::Duration;
use tokio::time::{Instant, interval_at, sleep, sleep_until};

/// How long nothing was written before a cluster counts as settled.
const STILL: Duration = Duration::from_secs(5);
/// To tell what it has counted takes the API server long, too.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// How long each load is measured.
const WINDOW: Duration = Duration::from_secs(30);
/// How often a tenth of the policies that are violated gives way to others.
const TURN: Duration = Duration::from_secs(3);
/// How long the violations go on before they are measured.
const ONSET: Duration = Duration::from_secs(10);
/// One of so many policies is violated.
const VIOLATED_OF: usize = 100;

/// Measures with so many policies, of which some may be there already.
pub(crate) async fn run(bed: &mut Bed, policies: usize) -> Result<Figures> {
    let (new, before) =
        (policies.saturating_sub(bed.with_policies), memory_at_rest(bed.with_policies).await?);
    show(&format!("{policies} policies: their pods"));
    bed.exporter.export(policies / 2);
    bed.add_pods(policies).await?;
    let with_pods = memory_at_rest(bed.with_policies).await?;
    show(&format!("{policies} policies: taken up"));
    bed.add_policies(policies).await?;
    let taken_up_s = take_up(policies).await?.as_secs_f64();
    show(&format!("{policies} policies: measured"));
    let operator = Operator::start()?;
    let start = start(&operator, policies).await?;
    settle(&operator, patience(policies)).await?;
    let quiet = quiet(&operator).await?;
    let busy = busy(bed, &operator, policies).await?;
    operator.stop().await?;
    let memory = Memory {
        before_bytes: before,
        with_pods_bytes: with_pods,
        per_pod_bytes: each(before, with_pods, new * PODS_OF_EACH),
        per_policy_bytes: each(with_pods, quiet.rss_bytes, new),
    };
    Ok(Figures { policies, pods: policies * PODS_OF_EACH, taken_up_s, start, memory, quiet, busy })
}

/// How long so many policies may take for anything.
fn patience(policies: usize) -> Duration {
    Duration::from_mins(2) + Duration::from_millis(100) * u32::try_from(policies).unwrap_or(u32::MAX)
}

/// What the operator takes once it has nothing to do.
async fn memory_at_rest(policies: usize) -> Result<u64> {
    let operator = Operator::start()?;
    start(&operator, policies).await?;
    settle(&operator, patience(policies)).await?;
    let memory = operator.usage()?.rss_bytes;
    operator.stop().await?;
    Ok(memory)
}

/// Lets the operator see policies for the first time, and returns how long it took until it had no more to write.
async fn take_up(policies: usize) -> Result<Duration> {
    let operator = Operator::start()?;
    operator.reaches("flowmanager_policies", to_f64(policies), patience(policies)).await?;
    let took = settle(&operator, patience(policies)).await?;
    operator.stop().await?;
    Ok(took)
}

async fn start(operator: &Operator, policies: usize) -> Result<Start> {
    let patience = patience(policies);
    let some = if policies == 0 { 0.0 } else { 1.0 };
    let first = operator.reaches("flowmanager_decision_lateness_seconds_count", some, patience).await?;
    let all = operator.reaches("flowmanager_policies", to_f64(policies), patience).await?;
    let ready = operator.ready(patience).await?;
    Ok(Start {
        ready_s: ready.as_secs_f64(),
        first_decision_s: first.as_secs_f64(),
        all_decided_s: all.as_secs_f64(),
    })
}

/// Waits until nothing is written any more, and returns how long that took from the start of the operator.
async fn settle(operator: &Operator, patience: Duration) -> Result<Duration> {
    let (mut last, mut since) = (Requests::now().await?.writes, Instant::now());
    until("an operator that writes nothing", patience, async || {
        sleep(BETWEEN_LOOKS).await;
        let writes = Requests::now().await?.writes;
        let pending = operator.look().await?.sum("flowmanager_limit_writes_pending", &[]).unwrap_or_default();
        if last < writes || pending > 0.0 {
            (last, since) = (writes, Instant::now());
        }
        Ok(Look::when(since.elapsed() >= STILL, || format!("{writes} writes, {pending} pods pending")))
    })
    .await?;
    Ok(operator.age().saturating_sub(STILL))
}

async fn quiet(operator: &Operator) -> Result<Load> {
    let before = Moment::now(operator).await?;
    sleep_until(Instant::now() + WINDOW).await;
    Ok(Moment::now(operator).await?.since(&before))
}

/// The same with one policy of a hundred violated.
async fn busy(bed: &Bed, operator: &Operator, policies: usize) -> Result<Load> {
    let violated = policies / VIOLATED_OF;
    bed.exporter.violate(violated);
    let turning = async {
        let mut turns = interval_at(Instant::now() + TURN, TURN);
        loop {
            turns.tick().await;
            bed.exporter.turn(violated.div_ceil(10));
        }
    };
    let measuring = async {
        sleep_until(Instant::now() + ONSET).await;
        quiet(operator).await
    };
    let load = tokio::select! {
        load = measuring => load,
        () = turning => unreachable!("it turns for ever"),
    };
    bed.exporter.violate(0);
    load
}

/// What each of so many takes; unknown where it is less than what was there.
fn each(before: u64, after: u64, number: usize) -> Option<f64> {
    let more = u32::try_from(after.checked_sub(before)? / 1024).ok()?;
    Some(f64::from(more) * 1024.0 / to_f64(number)).filter(|bytes| bytes.is_finite())
}

fn to_f64(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_takes_is_unknown_where_nothing_grew() {
        assert_eq!(each(1 << 20, 3 << 20, 2048), Some(1024.0));
        assert_eq!((each(2, 1, 1), each(1, 1, 0)), (None, None));
    }
}
