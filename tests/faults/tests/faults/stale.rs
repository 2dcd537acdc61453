//! An operator that is shown an old view undoes nothing newer, raises no limit, and gives nothing back twice.

use crate::policy::{NAME, STEADY, VIOLATED, about, from_an_old_list, is_of_policies, of_both, violated_in};
use flow_e2e::kubectl::kubectl;
use flow_e2e::wait::{Look, until};
use flow_faults::operator::Operator;
use flow_faults::proxy::{Answer, Asked, Fate, Fault, Proxy};
use flow_faults::trace::History;
use flow_faults::world::{OTHER, PATIENCE, World};
use flow_policy::names::{APPLIED_EGRESS_BANDWIDTH, EGRESS_BANDWIDTH, ORIGINAL_EGRESS_BANDWIDTH};
use kube::ResourceExt;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

async fn world() -> World {
    World::make("faults-stale").await.unwrap()
}

/// From now on the operator hears nothing new of pods.
fn hold_pods(proxy: &Proxy) {
    proxy.on_event(|asked, _| if asked.is_about("pods") { Fate::Hold } else { Fate::Pass });
}

/// Waits for so many writes to pods, whatever becomes of them, from now on.
async fn pods_are_written_to(world: &World, times: usize) {
    let of_pods = || world.proxy.writes().into_iter().filter(|asked| asked.is_about("pods")).count();
    let before = of_pods();
    until("writes to pods", PATIENCE, async || {
        let written = of_pods() - before;
        Ok(Look::when(written >= times, || format!("{written}")))
    })
    .await
    .unwrap();
}

async fn violate(world: &World) {
    let objective = json!({"name": "queried", "prometheus": {"query": VIOLATED}, "value": {"max": "1"}});
    world.patch(NAME, &json!({"spec": {"objectives": [objective]}})).await.unwrap();
}

/// What the second pod, which had no limit before, has been through.
async fn second(world: &World) -> History {
    let now = world.state(NAME).await.unwrap();
    let histories = world.histories(&now).await.unwrap();
    histories.into_iter().find(|history| history.name == world.pods[1].name_any()).unwrap()
}

#[tokio::test]
async fn what_an_administrator_has_set_is_not_undone_by_who_has_not_seen_it() {
    let world = world().await;
    let _operator = world.operator().await.unwrap();
    world.apply(&about(STEADY)).await.unwrap();
    world.limited([Some("70M"), Some("100M")]).await.unwrap();
    hold_pods(&world.proxy);
    world.cluster.annotate(&world.pods[1], EGRESS_BANDWIDTH, Some("5M")).await.unwrap();
    violate(&world).await;
    world.limited([Some("25M"), Some("5M")]).await.unwrap();
    pods_are_written_to(&world, 1).await;
    world.proxy.heal();
    until("that somebody else holds a pod", PATIENCE, async || {
        let said = format!("{:?}", world.state(NAME).await?.policy);
        Ok(Look::when(said.contains("is held by somebody else"), || said))
    })
    .await
    .unwrap();
    assert_eq!(second(&world).await.limits(), [None, Some("100M"), Some("5M")]);
    kubectl(&format!("-n {} delete flowpolicy {NAME}", world.namespace)).await.unwrap();
    world.limited([Some("70M"), Some("5M")]).await.unwrap();
}

#[tokio::test]
async fn what_was_set_just_before_the_first_limit_is_what_is_given_back() {
    let world = world().await;
    let _operator = world.operator().await.unwrap();
    hold_pods(&world.proxy);
    world.cluster.annotate(&world.pods[1], EGRESS_BANDWIDTH, Some("33M")).await.unwrap();
    world.apply(&about(STEADY)).await.unwrap();
    world.limited([Some("70M"), Some("33M")]).await.unwrap();
    pods_are_written_to(&world, 2).await;
    world.proxy.heal();
    until("a record of the second pod", PATIENCE, async || {
        let marks = world.cluster.annotations(&world.pods[1]).await?;
        Ok(Look::when(marks.contains_key(ORIGINAL_EGRESS_BANDWIDTH), || format!("{marks:?}")))
    })
    .await
    .unwrap();
    let history = second(&world).await;
    assert_eq!((history.originals(), history.limits()), (vec!["33M"], vec![None, Some("33M")]));
}

#[tokio::test]
async fn what_a_person_has_given_back_is_not_given_back_again() {
    let world = world().await;
    let _operator = world.operator().await.unwrap();
    world.apply(&about(STEADY)).await.unwrap();
    world.limited([Some("70M"), Some("100M")]).await.unwrap();
    hold_pods(&world.proxy);
    let by_hand = json!({
        EGRESS_BANDWIDTH: "44M", ORIGINAL_EGRESS_BANDWIDTH: null, APPLIED_EGRESS_BANDWIDTH: null,
    });
    let patch = json!({"metadata": {"annotations": by_hand}});
    world.cluster.patch_pod(&world.pods[1], &patch).await.unwrap();
    kubectl(&format!("-n {} delete flowpolicy {NAME} --wait=false", world.namespace)).await.unwrap();
    pods_are_written_to(&world, 2).await;
    world.proxy.heal();
    until("the end of the policy", PATIENCE, async || {
        let policy = world.state(NAME).await?.policy;
        Ok(Look::when(policy.is_none(), || format!("{policy:?}")))
    })
    .await
    .unwrap();
    let history = second(&world).await;
    assert_eq!((history.restorations(), history.limits()), (1, vec![None, Some("100M"), Some("44M")]));
}

/// Kills the operator, and starts one that is shown the `kinds` as they were when the one before it started, and nothing
/// new of them.
async fn start_into_the_past(world: &World, operator: &mut Operator, kinds: &'static [&str]) {
    operator.kill();
    let is_past = |asked: &Asked| kinds.iter().any(|kind| asked.is_about(kind));
    world.proxy.on_event(move |asked, _| if is_past(asked) { Fate::Hold } else { Fate::Pass });
    world.proxy.on_request(move |asked| if is_past(asked) { Fault::Old } else { Fault::Pass });
    *operator = world.operator().await.unwrap();
}

/// A world whose pods a steady policy has limited; the operator that did so is no more.
async fn limited_by_who_is_gone() -> World {
    let world = world().await;
    let mut operator = world.operator().await.unwrap();
    world.apply(&about(STEADY)).await.unwrap();
    world.limited([Some("70M"), Some("100M")]).await.unwrap();
    operator.kill();
    world
}

/// An operator that has cut all limits since it started: what it was shown at first is the past.
async fn lowered_since_the_start() -> (World, Operator) {
    let world = limited_by_who_is_gone().await;
    world.proxy.forget();
    let operator = world.operator().await.unwrap();
    violate(&world).await;
    world.limited([Some("25M"), Some("25M")]).await.unwrap();
    (world, operator)
}

/// No pod has had a higher limit after a lower one.
async fn nothing_rises(world: &World) {
    let now = world.state(NAME).await.unwrap();
    for history in world.histories(&now).await.unwrap() {
        assert!(!history.rises().unwrap(), "{history:?}");
    }
}

#[tokio::test]
async fn no_limit_is_raised_while_the_view_of_pods_is_old() {
    let (world, mut operator) = lowered_since_the_start().await;
    start_into_the_past(&world, &mut operator, &["pods"]).await;
    pods_are_written_to(&world, 2).await;
    nothing_rises(&world).await;
    world.proxy.heal();
    world.limited([Some("25M"), Some("25M")]).await.unwrap();
}

#[tokio::test]
async fn who_starts_with_an_old_view_goes_on_from_the_lower_limits_of_who_led_before() {
    let (world, mut operator) = lowered_since_the_start().await;
    let steady = json!({"name": "queried", "prometheus": {"query": STEADY}, "value": {"max": "1"}});
    world.patch(NAME, &json!({"spec": {"objectives": [steady]}})).await.unwrap();
    start_into_the_past(&world, &mut operator, &["pods"]).await;
    status_says(&world, "100M").await;
    world.proxy.heal();
    status_says(&world, "25M").await;
    assert_eq!(world.state(NAME).await.unwrap().limits(), ["25M", "25M"]);
    nothing_rises(&world).await;
    world.delete(NAME).await.unwrap();
}

/// Waits until the policy's status tells this limit.
async fn status_says(world: &World, limit: &str) {
    until(&format!("a status with {limit}"), PATIENCE, async || {
        let policy = world.state(NAME).await?.policy.unwrap_or_default();
        let told = &policy["targets"][0]["limit"];
        Ok(Look::when(told == limit, || format!("{told}")))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_policy_that_is_gone_limits_nothing_for_who_starts_with_an_old_view() {
    let world = world().await;
    let mut operator = world.operator().await.unwrap();
    world.apply(&violated_in(15_000)).await.unwrap();
    world.limited([Some("70M"), Some("100M")]).await.unwrap();
    operator.kill();
    world.proxy.forget();
    operator = world.operator().await.unwrap();
    world.delete(NAME).await.unwrap();
    start_into_the_past(&world, &mut operator, &["pods", "flowpolicies"]).await;
    // In the past the policy is violated by now.
    pods_are_written_to(&world, 2).await;
    world.proxy.heal();
    operator.leads().await.unwrap();
    world.is_as_before(NAME).await.unwrap();
    let history = second(&world).await;
    assert_eq!((history.restorations(), history.limits()), (1, vec![None, Some("100M"), None]));
}

#[tokio::test]
async fn no_limit_is_given_back_by_who_starts_from_a_list_without_its_policy() {
    let world = limited_by_who_is_gone().await;
    let _operator = from_an_old_list(&world.proxy, "pods", async || world.operator().await.unwrap()).await;
    violate(&world).await;
    world.proxy.heal();
    world.limited([Some("25M"), Some("25M")]).await.unwrap();
    let history = second(&world).await;
    assert!(history.restorations() == 0 && !history.rises().unwrap(), "{history:?}");
    world.delete(NAME).await.unwrap();
}

#[tokio::test]
async fn no_limit_is_given_back_by_who_starts_from_a_list_with_a_policy_that_has_another_target_since() {
    let world = limited_by_who_is_gone().await;
    world.proxy.forget();
    let mut operator = world.operator().await.unwrap();
    world.apply(&of_both()).await.unwrap();
    let other = world.cluster.running(&world.namespace, OTHER, 1).await.unwrap().remove(0).name_any();
    until("a limit of the other target", PATIENCE, async || {
        let marks = world.state(NAME).await?.pods.remove(&other).unwrap_or_default();
        let is_limited = marks.get(EGRESS_BANDWIDTH).is_some_and(|limit| limit == "40M");
        Ok(Look::when(is_limited, || format!("{marks:?}")))
    })
    .await
    .unwrap();
    operator.kill();
    let _operator = from_an_old_list(&world.proxy, "pods", async || world.operator().await.unwrap()).await;
    world.proxy.heal();
    world.delete(NAME).await.unwrap();
    let histories = world.histories(&world.state(NAME).await.unwrap()).await.unwrap();
    let history = histories.iter().find(|history| history.name == other).unwrap();
    assert_eq!(history.limits(), [None, Some("40M"), None], "{history:?}");
}

#[tokio::test]
async fn a_deletion_waits_until_the_policies_are_told_once_more_and_ends() {
    let world = limited_by_who_is_gone().await;
    kubectl(&format!("-n {} delete flowpolicy {NAME} --wait=false", world.namespace)).await.unwrap();
    let lists = AtomicUsize::default();
    world.proxy.on_request(move |asked| {
        let is_list = is_of_policies(asked) && asked.is_list();
        match is_list.then(|| lists.fetch_add(1, Ordering::SeqCst)) {
            Some(1) => Fault::Answer(Answer::refusal(500, "InternalError")),
            Some(2) => Fault::Refuse,
            _ => Fault::Pass,
        }
    });
    world.proxy.forget();
    let _operator = world.operator().await.unwrap();
    world.is_as_before(NAME).await.unwrap();
    let asked = world.proxy.asked();
    let written = asked.iter().position(|asked| asked.is_write() && asked.is_about("pods")).unwrap();
    let lists = asked[..written].iter().filter(|asked| is_of_policies(asked) && asked.is_list()).count();
    assert_eq!((lists, second(&world).await.restorations()), (4, 1));
}
