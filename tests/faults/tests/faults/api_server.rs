//! The API server is away, slow, busy or broken: no limit is lost or raised, and all goes on once it is well again.

use crate::policy::{NAME, STEADY, VIOLATED, about};
use flow_e2e::kubectl::kubectl;
use flow_e2e::operator::NAMESPACE;
use flow_e2e::wait::{Look, until};
use flow_faults::depth::Depth;
use flow_faults::figures::note;
use flow_faults::operator::{Operator, Setup};
use flow_faults::proxy::{Answer, Asked, Fault};
use flow_faults::world::{PATIENCE, World};
use flow_lab::{Away, Component, Lab};
use serde_json::json;
use std::time::{Duration, Instant};

/// A policy that is steady, and the operator that looks after it.
struct Scene {
    world: World,
    operator: Operator,
}

impl Scene {
    async fn begin() -> Self {
        let world = World::make("faults-api").await.unwrap();
        let operator = world.operator().await.unwrap();
        Self::steady(world, operator).await
    }

    /// The same without a proxy.
    async fn begin_directly() -> Self {
        let world = World::make("faults-api").await.unwrap();
        let operator = Operator::direct(&world.account, &Setup::default()).unwrap();
        operator.leads().await.unwrap();
        Self::steady(world, operator).await
    }

    async fn steady(world: World, operator: Operator) -> Self {
        world.apply(&about(STEADY)).await.unwrap();
        world.limited([Some("70M"), Some("100M")]).await.unwrap();
        Self { world, operator }
    }

    async fn violate(&self) {
        let objective = json!({"name": "queried", "prometheus": {"query": VIOLATED}, "value": {"max": "1"}});
        self.world.patch(NAME, &json!({"spec": {"objectives": [objective]}})).await.unwrap();
    }

    /// The limits sink as the violated policy wants it, and never rise; and everything is as before once it is gone.
    async fn goes_on(mut self, after: &str) {
        let start = Instant::now();
        self.operator.leads().await.unwrap();
        self.world.limited([Some("25M"), Some("25M")]).await.unwrap();
        note(&format!("API server: well again after {after}"), start.elapsed()).unwrap();
        let now = self.world.state(NAME).await.unwrap();
        for history in self.world.histories(&now).await.unwrap() {
            assert!(!history.rises().unwrap() && history.restorations() == 0, "{history:?}");
        }
        self.world.delete(NAME).await.unwrap();
        assert!(!self.operator.has_ended().unwrap());
    }
}

/// Lasts as long as the fault is meant to last.
async fn lasts(short: Duration, full: Duration) {
    let long = if Depth::chosen() == Depth::Full { full } else { short };
    tokio::time::sleep(long).await;
}

#[tokio::test]
async fn limits_outlast_an_api_server_that_is_away() {
    let scene = Scene::begin_directly().await;
    let mut away = Away::send(Component::KubeApiserver).unwrap();
    lasts(Duration::from_secs(20), Duration::from_mins(5)).await;
    away.bring_back().unwrap();
    scene.violate().await;
    scene.goes_on("it was away").await;
}

#[tokio::test]
async fn limits_outlast_a_restart_of_etcd() {
    let scene = Scene::begin_directly().await;
    let mut away = Away::send(Component::Etcd).unwrap();
    lasts(Duration::from_secs(5), Duration::from_secs(30)).await;
    away.bring_back().unwrap();
    until("a policy that is violated", PATIENCE, async || {
        let objective = json!({"name": "queried", "prometheus": {"query": VIOLATED}, "value": {"max": "1"}});
        scene.world.patch(NAME, &json!({"spec": {"objectives": [objective]}})).await?;
        Ok(Look::Found(()))
    })
    .await
    .unwrap();
    scene.goes_on("a restart of etcd").await;
}

#[tokio::test]
async fn an_answer_that_takes_two_seconds_is_waited_for() {
    let scene = Scene::begin().await;
    scene.world.proxy.on_request(|_| Fault::Delay(Duration::from_secs(2)));
    // Longer than a leader waits that cannot renew its Lease.
    tokio::time::sleep(Duration::from_secs(12)).await;
    scene.operator.leads().await.unwrap();
    scene.violate().await;
    scene.world.limited([Some("25M"), Some("25M")]).await.unwrap();
    scene.goes_on("2 s for each answer").await;
}

#[tokio::test]
async fn whoever_is_told_to_come_back_later_does_not_come_before() {
    const AFTER: Duration = Duration::from_secs(3);
    let scene = Scene::begin().await;
    let busy = Answer::new(429, "too many requests").with("retry-after", AFTER.as_secs().to_string());
    scene.world.proxy.forget();
    scene.world.proxy.on_request(move |_| Fault::Answer(busy.clone()));
    scene.world.proxy.close_watches();
    scene.violate().await;
    tokio::time::sleep(AFTER * 3).await;
    let asked = scene.world.proxy.asked();
    let early: Vec<_> = asked.iter().filter(|next| comes_early(next, &asked, AFTER)).collect();
    assert!(
        early.is_empty(),
        "{} of {}: {:?}",
        early.len(),
        asked.len(),
        early.iter().map(|asked| asked.line())
    );
    println!("{} requests in {} s", asked.len(), AFTER.as_secs() * 3);
    scene.world.proxy.heal();
    scene.goes_on("429").await;
}

/// Whether the same was asked before, less than `after` ago.
fn comes_early(next: &Asked, asked: &[Asked], after: Duration) -> bool {
    let same = asked.iter().filter(|before| before.line() == next.line() && before.at < next.at);
    // Both clocks count from when a request was read here, and its answer is written right after.
    same.max_by_key(|before| before.at)
        .is_some_and(|before| next.at - before.at + Duration::from_millis(50) < after)
}

#[tokio::test]
async fn limits_outlast_an_api_server_that_fails() {
    let scene = Scene::begin().await;
    scene.world.proxy.on_request(|_| Fault::Answer(Answer::refusal(500, "InternalError")));
    scene.world.proxy.close_watches();
    scene.violate().await;
    lasts(Duration::from_secs(5), Duration::from_secs(30)).await;
    scene.world.proxy.heal();
    scene.goes_on("500").await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again() {
    let scene = Scene::begin().await;
    // In the middle of a list, of an event, and of the answer to a write.
    scene.world.proxy.on_request(|_| Fault::Break(300));
    scene.world.proxy.close_watches();
    scene.violate().await;
    lasts(Duration::from_secs(5), Duration::from_secs(30)).await;
    scene.world.proxy.heal();
    scene.goes_on("an answer that broke off").await;
}

#[tokio::test]
async fn limits_outlast_a_way_to_the_api_server_that_is_cut() {
    let scene = Scene::begin().await;
    scene.world.proxy.part();
    scene.violate().await;
    lasts(Duration::from_secs(5), Duration::from_secs(30)).await;
    scene.world.proxy.heal();
    scene.goes_on("the way to it was cut").await;
}

#[tokio::test]
async fn another_certificate_of_the_same_authority_is_accepted() {
    let scene = Scene::begin_directly().await;
    let mut away = Away::send(Component::KubeApiserver).unwrap();
    Lab::current().unwrap().renew_api_server_certificate().unwrap();
    away.bring_back().unwrap();
    scene.violate().await;
    scene.goes_on("another certificate").await;
}

/// A token counts no longer than what it is bound to; that is how one expires at an exact moment.
#[tokio::test]
async fn a_token_that_no_longer_counts_is_replaced_by_the_one_in_the_file() {
    let (world, secret) = (World::make("faults-api").await.unwrap(), "faults-token");
    kubectl(&format!("-n {NAMESPACE} delete secret {secret} --ignore-not-found")).await.unwrap();
    kubectl(&format!("-n {NAMESPACE} create secret generic {secret}")).await.unwrap();
    let bound = format!("--bound-object-kind=Secret --bound-object-name={secret}");
    world.account.renew(&bound).await.unwrap();
    let operator = world.operator().await.unwrap();
    let scene = Scene::steady(world, operator).await;
    kubectl(&format!("-n {NAMESPACE} delete secret {secret}")).await.unwrap();
    is_not_let_in(&scene).await;
    scene.violate().await;
    scene.world.account.renew("").await.unwrap();
    scene.goes_on("a token that no longer counted").await;
}

async fn is_not_let_in(scene: &Scene) {
    until("an API server that knows the token no more", PATIENCE, async || {
        let (_, said) = scene.operator.readyz().await?;
        Ok(Look::when(said.contains("Unauthorized"), || said))
    })
    .await
    .unwrap();
}
