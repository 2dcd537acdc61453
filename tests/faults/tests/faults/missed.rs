//! An operator that has missed something gets to know it once it can.

use crate::policy::{NAME, STEADY, VIOLATED, about};
use flow_e2e::kubectl::kubectl;
use flow_e2e::wait::{Look, until};
use flow_faults::operator::Operator;
use flow_faults::proxy::{Answer, Asked, Fate, Fault};
use flow_faults::world::{PATIENCE, World};
use serde_json::json;

/// A world with an operator and a policy that is steady.
async fn begin() -> (World, Operator) {
    let world = World::make("faults-missed").await.unwrap();
    let operator = world.operator().await.unwrap();
    world.apply(&about(STEADY)).await.unwrap();
    world.limited([Some("70M"), Some("100M")]).await.unwrap();
    (world, operator)
}

async fn violate(world: &World) {
    let objective = json!({"name": "queried", "prometheus": {"query": VIOLATED}, "value": {"max": "1"}});
    world.patch(NAME, &json!({"spec": {"objectives": [objective]}})).await.unwrap();
}

/// The policy vanishes without its operator being asked, as where somebody takes its finalizer away.
async fn vanish(world: &World) {
    kubectl(&format!("-n {} delete flowpolicy {NAME} --wait=false", world.namespace)).await.unwrap();
    world.patch(NAME, &json!({"metadata": {"finalizers": null}})).await.unwrap();
}

/// Ends all watches, and lets none begin that is to go on from where they were.
async fn the_past_is_gone(world: &World) {
    let gone = || Fault::Answer(Answer::refusal(410, "Expired"));
    world.proxy.forget();
    world.proxy.on_request(move |asked| if asked.is_watch() { gone() } else { Fault::Pass });
    world.proxy.close_watches();
    lists_again(world, &["flowpolicies", "pods", "deployments", "replicasets"]).await;
    world.proxy.heal();
}

async fn lists_again(world: &World, kinds: &[&str]) {
    until("new lists", PATIENCE, async || {
        let asked = world.proxy.asked();
        let is_listed = |kind: &&&str| asked.iter().any(|asked| asked.is_list() && asked.is_about(kind));
        let listed: Vec<_> = kinds.iter().filter(is_listed).collect();
        Ok(Look::when(listed.len() == kinds.len(), || format!("{listed:?}")))
    })
    .await
    .unwrap();
}

/// The limits sink as the violated policy wants it.
async fn sinks(world: &World) {
    world.limited([Some("25M"), Some("25M")]).await.unwrap();
    let now = world.state(NAME).await.unwrap();
    for history in world.histories(&now).await.unwrap() {
        assert!(!history.rises().unwrap(), "{history:?}");
    }
    world.delete(NAME).await.unwrap();
}

#[tokio::test]
async fn events_that_were_lost_come_again_with_the_next_watch() {
    let (world, _operator) = begin().await;
    world.proxy.on_event(|_, _| Fate::Drop);
    violate(&world).await;
    world.scale(3).await.unwrap();
    world.proxy.heal();
    world.proxy.close_watches();
    sinks(&world).await;
    world.scale(2).await.unwrap();
}

#[tokio::test]
async fn what_happened_while_a_watch_told_bookmarks_alone_is_known_once_the_past_is_gone() {
    let (world, _operator) = begin().await;
    world.proxy.on_event(|_, event| Fate::bookmark(event));
    violate(&world).await;
    world.scale(3).await.unwrap();
    the_past_is_gone(&world).await;
    sinks(&world).await;
    world.scale(2).await.unwrap();
}

#[tokio::test]
async fn a_policy_that_vanished_unseen_leaves_no_limit() {
    let (world, _operator) = begin().await;
    world.proxy.on_event(|_, event| Fate::bookmark(event));
    vanish(&world).await;
    the_past_is_gone(&world).await;
    world.is_as_before(NAME).await.unwrap();
}

#[tokio::test]
async fn a_policy_whose_end_is_an_error_of_the_watch_leaves_no_limit() {
    let (world, _operator) = begin().await;
    world.proxy.forget();
    let is_end = |event: &str| event.starts_with("{\"type\":\"DELETED\"");
    world.proxy.on_event(move |_, event| if is_end(event) { Fate::gone() } else { Fate::bookmark(event) });
    vanish(&world).await;
    lists_again(&world, &["flowpolicies"]).await;
    world.proxy.heal();
    world.is_as_before(NAME).await.unwrap();
}

#[tokio::test]
async fn watches_that_end_with_each_event_and_lists_of_any_age_are_enough() {
    let (world, mut operator) = begin().await;
    let any_age = |asked: &Asked| {
        if asked.is_list() { Fault::Query("resourceVersion=0".to_owned()) } else { Fault::Pass }
    };
    world.proxy.on_request(any_age);
    world.proxy.on_event(|_, event| Fate::Last(event.trim_end().to_owned()));
    operator.kill();
    operator = world.operator().await.unwrap();
    violate(&world).await;
    sinks(&world).await;
    assert!(!operator.has_ended().unwrap());
}
