//! One size: the operator started anew, at rest and at work.

use crate::api_server::Requests;
use crate::bed::Bed;
use crate::figures::{Figures, Load, Start};
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

/// Measures with so many policies.
pub(crate) async fn run(bed: &mut Bed, policies: usize) -> Result<Figures> {
    show(&format!("{policies} policies: stored"));
    bed.grow(policies).await?;
    show(&format!("{policies} policies: measured"));
    let operator = Operator::start()?;
    let start = start(&operator, policies).await?;
    settle(&operator, patience(policies)).await?;
    let quiet = quiet(&operator).await?;
    let busy = busy(bed, &operator, policies).await?;
    operator.stop().await?;
    Ok(Figures { policies, pods: policies * PODS_OF_EACH, start, quiet, busy })
}

/// How long so many policies may take for anything.
fn patience(policies: usize) -> Duration {
    Duration::from_mins(2) + Duration::from_millis(100) * u32::try_from(policies).unwrap_or(u32::MAX)
}

/// Lets the operator see policies for the first time, until it has no more to write.
pub(crate) async fn take_up(policies: usize) -> Result<()> {
    let operator = Operator::start()?;
    operator.reaches("flowmanager_policies", to_f64(policies), patience(policies)).await?;
    settle(&operator, patience(policies)).await?;
    operator.stop().await
}

async fn start(operator: &Operator, policies: usize) -> Result<Start> {
    let patience = patience(policies);
    let first = operator.reaches("flowmanager_decision_lateness_seconds_count", 1.0, patience).await?;
    let all = operator.reaches("flowmanager_policies", to_f64(policies), patience).await?;
    let ready = operator.ready(patience).await?;
    Ok(Start {
        ready_s: ready.as_secs_f64(),
        first_decision_s: first.as_secs_f64(),
        all_decided_s: all.as_secs_f64(),
    })
}

/// Waits until nothing is written any more.
async fn settle(operator: &Operator, patience: Duration) -> Result<()> {
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
    .await
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

fn to_f64(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}
