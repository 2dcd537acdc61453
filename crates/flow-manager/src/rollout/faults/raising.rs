//! What a limit in a pod template may be raised from.

use super::{Asked, Scene, deployment, id, policy, recorded};
use crate::api_server::answers::answer;
use crate::cluster::PolicyId;
use crate::rollout::Ask;
use flow_control::Bandwidth;
use http::StatusCode;
use kube::runtime::watcher::Event;
use serde_json::json;
use std::time::Duration;

fn other() -> PolicyId {
    PolicyId::new("factory", "welder")
}

impl Scene {
    /// Rollouts that have started from a view in which the template has 50M, have asked for that, and have found 20M.
    async fn with_an_old_view() -> Self {
        let mut scene = Self::set(true);
        scene.watch(&recorded(7, "50M", "50M"));
        scene.ask(50, false);
        scene.find(&recorded(8, "20M", "20M")).await;
        scene
    }

    /// Rollouts that write 20M over 50M, have no answer yet, and are asked for 60M by now.
    async fn with_a_cut_under_way() -> (Self, Asked) {
        let mut scene = Self::set(true);
        let before = recorded(7, "50M", "50M");
        scene.watch(&before);
        scene.ask_at_once(20);
        let cut = scene.write_after_a_look_at(&before).await;
        scene.ask_at_once(60);
        (scene, cut)
    }

    /// Asks for a limit that may be written however short ago the one of before was.
    fn ask_at_once(&self, mbps: u64) {
        let ask = Ask { limit: Bandwidth::from_mbps(mbps), min_interval: Duration::ZERO, begun: true };
        self.rollouts.ask(&policy(), vec![(id(), ask)]);
    }

    fn inherited(&self, policy: &PolicyId) -> Vec<u64> {
        let found = self.rollouts.inherited(policy, [&id()]);
        found.into_iter().map(|(_, limit)| limit.bps() / 1_000_000).collect()
    }

    fn hear(&self, policy: &PolicyId) {
        self.rollouts.heard(policy, &self.rollouts.inherited(policy, [&id()]));
    }
}

#[tokio::test]
async fn a_lower_limit_that_somebody_else_has_set_in_our_name_is_raised_once_all_that_ask_have_heard_of_it() {
    let mut scene = Scene::set(true);
    scene.watch(&recorded(7, "50M", "50M"));
    scene.ask(50, false);
    let ask = Ask { limit: Bandwidth::from_mbps(60), min_interval: Duration::ZERO, begun: true };
    scene.rollouts.ask(&other(), vec![(id(), ask)]);
    scene.find(&recorded(8, "20M", "20M")).await;
    for policy in [policy(), other()] {
        assert!(scene.is_quiet().await, "20M is raised");
        assert_eq!(scene.inherited(&policy), [20]);
        scene.hear(&policy);
    }
    let raise = scene.asked().await;
    assert_eq!(raise.limit(), "50M");
    raise.refuse_as_outdated();
    let again = scene.write_after_a_look_at(&recorded(9, "20M", "20M")).await;
    assert_eq!(again.limit(), "50M");
    assert_eq!((scene.inherited(&policy()), scene.inherited(&other())), (vec![], vec![]));
}

#[tokio::test]
async fn a_lower_limit_that_comes_after_the_one_of_which_all_have_heard_is_not_raised_either() {
    let mut scene = Scene::with_an_old_view().await;
    assert!(scene.is_quiet().await);
    scene.hear(&policy());
    scene.asked().await.refuse_as_outdated();
    scene.find(&recorded(9, "10M", "10M")).await;
    assert!(scene.is_quiet().await, "10M is raised");
    assert_eq!(scene.inherited(&policy()), [10]);
}

#[tokio::test]
async fn who_goes_on_from_the_limit_that_is_there_raises_it_as_an_own_one() {
    for (found, began_with) in [("50M", 50), ("20M", 20)] {
        let mut scene = Scene::set(true);
        scene.watch(&recorded(7, "50M", "50M"));
        scene.ask(began_with, false);
        scene.find(&recorded(8, found, found)).await;
        assert!(scene.is_quiet().await, "it has its limit");
        assert_eq!(scene.inherited(&policy()), [0; 0]);
        scene.ask(80, true);
        assert_eq!(scene.asked().await.limit(), "80M", "{found} is not raised");
    }
}

#[tokio::test]
async fn a_lower_limit_that_we_have_set_ourselves_is_raised_though_nobody_has_heard_of_it() {
    let (mut scene, lowered) = Scene::with_a_cut_under_way().await;
    lowered.answer.send_response(answer(StatusCode::OK, &recorded(8, "20M", "20M")));
    assert_eq!(scene.asked().await.limit(), "60M");
}

#[tokio::test]
async fn a_lower_limit_may_be_our_own_of_which_no_answer_came() {
    let (mut scene, lost) = Scene::with_a_cut_under_way().await;
    lost.refuse(StatusCode::INTERNAL_SERVER_ERROR, "nobody knows whether it was made");
    let raise = scene.write_after_a_look_at(&recorded(8, "20M", "20M")).await;
    assert_eq!(raise.limit(), "60M");
}

#[tokio::test]
async fn a_limit_of_which_nobody_has_heard_is_given_back_and_forgotten() {
    let mut scene = Scene::with_an_old_view().await;
    assert!(scene.is_quiet().await);
    assert_eq!(scene.inherited(&policy()), [20]);
    scene.rollouts.all_policies_known();
    scene.rollouts.withdraw(&policy());
    let restoration = scene.asked().await;
    assert_eq!(restoration.body["metadata"]["resourceVersion"], "8");
    assert_eq!(
        restoration.accept(&recorded(8, "20M", "20M"), 9),
        deployment(9, Some("1G"), &[]),
        "as it was before"
    );
    scene.restored().await;
    assert_eq!(scene.inherited(&policy()), [0; 0]);
}

#[tokio::test]
async fn a_workload_that_is_gone_has_no_limit_to_hear_of() {
    let mut scene = Scene::with_an_old_view().await;
    assert!(scene.is_quiet().await);
    assert_eq!(scene.inherited(&policy()), [20]);
    let gone = json!({"metadata": recorded(7, "50M", "50M")["metadata"]});
    scene.cache.apply_watcher_event(&Event::Delete(serde_json::from_value(gone).unwrap()));
    scene.rollouts.look_at_all();
    assert_eq!(scene.inherited(&policy()), [0; 0]);
}
