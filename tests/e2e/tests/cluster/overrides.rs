//! A person pauses a policy or pins its limits by annotations, and sees it.

use flow_e2e::Stage;
use flow_e2e::kubectl::kubectl;
use flow_e2e::policies::sinking;
use flow_e2e::stage::condition;
use flow_e2e::workload::Work;
use flow_policy::names::{LIMIT, PAUSED, PAUSED_UNTIL};

const NAMESPACE: &str = "e2e-overrides";

async fn annotate(stage: &Stage, annotation: &str) {
    let command = format!("-n {} annotate flowpolicy sinking --overwrite {annotation}", stage.namespace);
    kubectl(&command).await.unwrap();
}

async fn paused(stage: &Stage, says: &str) {
    let wanted = |policy: &_| condition(policy, "Paused").contains(says);
    stage.policy_where("sinking", &format!("Paused says {says:?}"), wanted).await.unwrap();
}

#[tokio::test]
async fn a_pin_and_a_pause_hold_against_a_violated_objective_until_they_are_taken_away() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
    // Violated for good: without anybody's doing, the limit sinks from 100M to 10M.
    stage.apply(&sinking("sinking")).await.unwrap();
    stage.limited(&pod, Some(10_000_000)).await.unwrap();

    annotate(&stage, &format!("{LIMIT}=80M")).await;
    stage.limited(&pod, Some(80_000_000)).await.unwrap();
    paused(&stage, "every limit is 80M").await;

    annotate(&stage, &format!("{PAUSED}=true {LIMIT}-")).await;
    paused(&stage, "limits stay as they are").await;
    stage.limited(&pod, Some(80_000_000)).await.unwrap();

    annotate(&stage, &format!("{PAUSED}=yes")).await;
    paused(&stage, "InvalidAnnotation").await;
    stage.warning("sinking", PAUSED).await.unwrap();
    stage.limited(&pod, Some(80_000_000)).await.unwrap();

    annotate(&stage, &format!("{PAUSED_UNTIL}=2020-01-01T00:00:00Z {PAUSED}-")).await;
    stage.limited(&pod, Some(10_000_000)).await.unwrap();
    stage
        .policy_where("sinking", "no Paused", |policy| condition(policy, "Paused").is_empty())
        .await
        .unwrap();
}
