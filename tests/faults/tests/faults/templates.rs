//! An operator that is shown an old view of workloads or policies raises no limit in a pod template, gives none back twice,
//! rolls out none that nobody asks for any more, and writes over nothing that somebody else has done there.

use crate::policy::{NAME, STEADY, about, from_an_old_list, is_of_policies};
use flow_e2e::kubectl::kubectl;
use flow_e2e::policies::with;
use flow_e2e::wait::{Look, until};
use flow_faults::operator::{Operator, Setup};
use flow_faults::proxy::{Asked, Fate, Fault};
use flow_faults::state::marks_of_template;
use flow_faults::trace::Trace;
use flow_faults::world::{OTHER, PATIENCE, World};
use flow_policy::names::{
    APPLIED_EGRESS_BANDWIDTH, EGRESS_BANDWIDTH, FIELD_MANAGER, LIMIT, ORIGINAL_EGRESS_BANDWIDTH,
    ROLLED_OUT_AT,
};
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

/// A Deployment of one pod whose template has 50M by an operator that is gone, since a person has pinned that.
struct Scene {
    world: World,
    deployments: Api<Deployment>,
    trace: Trace,
}

/// A steady policy that rolls out limits to [`OTHER`], pinned to `limit`.
fn pinned(limit: &str) -> Value {
    let policy = with(about(STEADY), "/spec/targets/0/name", json!(OTHER));
    let policy = with(policy, "/spec/strategy", json!({"type": "Rollout", "minInterval": "1m"}));
    with(policy, "/metadata/annotations", json!({LIMIT: limit}))
}

impl Scene {
    async fn set() -> Self {
        let scene = Self::with_a_past().await;
        scene.world.proxy.forget();
        scene
    }

    /// The same, in whose past there is no policy.
    async fn with_a_past() -> Self {
        let world = World::with_rollouts("faults-templates").await.unwrap();
        let deployments: Api<Deployment> = Api::namespaced(world.cluster.client.clone(), &world.namespace);
        let trace = Trace::begin(deployments.clone(), marks_of_template).await.unwrap();
        let scene = Self { world, deployments, trace };
        let first = scene.operator().await;
        scene.world.apply(&pinned("50M")).await.unwrap();
        scene.has(Some("50M"), Some("")).await;
        drop(first);
        scene
    }

    /// Starts an operator that may roll out, as though the last rollout had been long ago: what the least interval lasts is
    /// longer than a test should.
    async fn operator(&self) -> Operator {
        self.rolled_out_long_ago().await;
        let setup = Setup { arguments: vec!["--allow-rollout".to_owned()], ..Setup::default() };
        let operator = Operator::behind(&self.world.proxy, &self.world.account, &setup).unwrap();
        operator.leads().await.unwrap();
        operator
    }

    /// In the name of flow-manager, which owns the record.
    async fn rolled_out_long_ago(&self) {
        let mut records = self.deployment().await.annotations().clone();
        records
            .retain(|key, _| [ORIGINAL_EGRESS_BANDWIDTH, APPLIED_EGRESS_BANDWIDTH].contains(&key.as_str()));
        let Some(limit) = records.get(APPLIED_EGRESS_BANDWIDTH).cloned() else { return };
        records.insert(ROLLED_OUT_AT.to_owned(), "2020-01-01T00:00:00Z".to_owned());
        let template = json!({"metadata": {"annotations": {EGRESS_BANDWIDTH: limit}}});
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"annotations": records},
            "spec": {"template": template},
        });
        let ours = PatchParams::apply(FIELD_MANAGER).force();
        self.deployments.patch(OTHER, &ours, &Patch::Apply(&deployment)).await.unwrap();
    }

    async fn deployment(&self) -> Deployment {
        self.deployments.get(OTHER).await.unwrap()
    }

    /// Waits until the template has this limit, and its workload this record of what was before.
    async fn has(&self, limit: Option<&str>, original: Option<&str>) {
        until(&format!("a template with {limit:?}"), PATIENCE, async || {
            let marks = marks_of_template(&self.deployment().await);
            let mark = |key: &str| marks.get(key).map(String::as_str);
            let as_wanted = (mark(EGRESS_BANDWIDTH), mark(ORIGINAL_EGRESS_BANDWIDTH)) == (limit, original);
            Ok(Look::when(as_wanted, || format!("{marks:?}")))
        })
        .await
        .unwrap();
    }

    /// The template had these limits, one after the other, and no other ones.
    async fn has_been_through<const N: usize>(&self, limits: [Option<&str>; N]) {
        let now = [(OTHER.to_owned(), marks_of_template(&self.deployment().await))].into();
        let histories = self.trace.take(&now).await.unwrap();
        let history = histories.iter().find(|history| history.name == OTHER).unwrap();
        assert_eq!(history.limits(), limits, "{history:?}");
    }

    /// Somebody else sets the limit in the template, or removes it.
    async fn set_by_hand(&self, limit: Option<&str>) {
        let template = json!({"metadata": {"annotations": {EGRESS_BANDWIDTH: limit}}});
        let patch = Patch::Merge(json!({"spec": {"template": template}}));
        self.deployments.patch(OTHER, &PatchParams::default(), &patch).await.unwrap();
    }

    async fn pin(&self, limit: Option<&str>) {
        self.world.patch(NAME, &json!({"metadata": {"annotations": {LIMIT: limit}}})).await.unwrap();
    }

    /// Deletes the policy, and waits until it is gone.
    async fn delete(&self) {
        self.world.cluster.delete_policy(&self.world.namespace, NAME).await.unwrap();
    }

    /// From now on operators hear nothing new of Deployments. Those that start are shown them as they were when the first
    /// one since [`Proxy::forget`](flow_faults::proxy::Proxy::forget) started.
    fn hold(&self) {
        self.world.proxy.on_event(|asked, _| if is_old(asked) { Fate::Hold } else { Fate::Pass });
        self.world.proxy.on_request(|asked| if is_old(asked) { Fault::Old } else { Fault::Pass });
    }

    /// The same, and they cannot look at one either.
    fn blind(&self) {
        self.hold();
        self.world.proxy.on_request(|asked| match (is_old(asked), is_look(asked)) {
            (_, true) => Fault::Refuse,
            (true, false) => Fault::Old,
            (false, false) => Fault::Pass,
        });
    }

    /// From now on operators hear nothing new of policies. Those that start are shown them as they were when the first one
    /// since [`Proxy::forget`](flow_faults::proxy::Proxy::forget) started.
    fn hold_policies(&self) {
        self.world.proxy.on_event(|asked, _| if is_of_policies(asked) { Fate::Hold } else { Fate::Pass });
        self.world.proxy.on_request(|asked| if is_of_policies(asked) { Fault::Old } else { Fault::Pass });
    }

    /// An operator that sees policies as they were, and has had reason to write: it tries nothing.
    async fn starts_into_the_past(&self) -> Operator {
        self.hold_policies();
        let before = self.writes();
        let operator = self.operator().await;
        until("how the policy is now to be asked for", PATIENCE, async || {
            let (asked, written) = (self.questions(), self.writes() - before);
            Ok(Look::when(asked >= 2 || written > 0, || format!("{asked} questions")))
        })
        .await
        .unwrap();
        assert_eq!(self.writes(), before, "a rollout by an old view");
        operator
    }

    /// An operator that starts from a list without the policy.
    async fn starts_without_the_policy(&self) -> Operator {
        from_an_old_list(&self.world.proxy, "deployments", async || self.operator().await).await
    }

    /// Waits until the policy's status is as `wanted`.
    async fn status(&self, what: &str, wanted: impl Fn(&str, &str) -> bool) {
        until(what, PATIENCE, async || {
            let state = self.world.state(NAME).await?;
            let limit = state.policy.as_ref().and_then(|policy| policy["targets"][0]["limit"].as_str());
            let (limit, enforced) = (limit.unwrap_or_default(), state.condition("Enforced"));
            Ok(Look::when(wanted(limit, &enforced), || format!("{limit}, {enforced}")))
        })
        .await
        .unwrap();
    }

    async fn status_tells(&self, limit: &str) {
        self.status(&format!("a status with {limit}"), |told, _| told == limit).await;
    }

    /// How often operators have asked how the Deployment is.
    fn looks(&self) -> usize {
        self.world.proxy.asked().into_iter().filter(is_look).count()
    }

    /// How often operators have asked how the policy is.
    fn questions(&self) -> usize {
        let asked = self.world.proxy.asked().into_iter();
        asked.filter(|asked| is_of_policies(asked) && is_read_of_one(asked)).count()
    }

    /// How often an operator has tried to write to the Deployment since [`Proxy::forget`](flow_faults::proxy::Proxy::forget).
    fn writes(&self) -> usize {
        self.world.proxy.writes().into_iter().filter(is_old).count()
    }
}

fn is_old(asked: &Asked) -> bool {
    asked.is_about("deployments")
}

/// Whether it asks how one Deployment is now.
fn is_look(asked: &Asked) -> bool {
    is_old(asked) && is_read_of_one(asked)
}

fn is_read_of_one(asked: &Asked) -> bool {
    !asked.is_write() && !asked.is_list() && !asked.is_watch()
}

#[tokio::test]
async fn no_limit_in_a_template_is_raised_by_an_old_view_of_it() {
    let scene = Scene::set().await;
    let second = scene.operator().await;
    scene.pin(Some("25M")).await;
    scene.has(Some("25M"), Some("")).await;
    drop(second);
    scene.pin(None).await;
    scene.blind();
    let _third = scene.operator().await;
    scene.status_tells("50M").await;
    scene.hold();
    scene.status_tells("25M").await;
    scene.has(Some("25M"), Some("")).await;
    scene.world.proxy.heal();
    scene.delete().await;
    scene.has(None, None).await;
    scene.has_been_through([None, Some("50M"), Some("25M"), None]).await;
}

#[tokio::test]
async fn what_was_given_back_to_a_template_is_not_given_back_again_by_who_still_sees_it_limited() {
    let scene = Scene::set().await;
    let second = scene.operator().await;
    scene.delete().await;
    scene.has(None, None).await;
    drop(second);
    // By chance the same.
    scene.set_by_hand(Some("50M")).await;
    scene.hold();
    let looks = scene.looks();
    let _third = scene.operator().await;
    until("a look at the Deployment", PATIENCE, async || {
        Ok(Look::when(scene.looks() > looks, || format!("{looks}")))
    })
    .await
    .unwrap();
    scene.world.apply(&pinned("25M")).await.unwrap();
    scene.has(Some("25M"), Some("50M")).await;
    scene.world.proxy.heal();
    scene.delete().await;
    scene.has(Some("50M"), None).await;
    let theirs = Some("50M");
    scene.has_been_through([None, Some("50M"), None, theirs, Some("25M"), theirs]).await;
}

/// An operator that has looked at the template, and hears nothing new of it from now on.
async fn looked_once() -> (Scene, Operator) {
    let scene = Scene::set().await;
    let unseen = |enforced: &str| enforced.contains("did not answer as it should");
    scene.blind();
    let operator = scene.operator().await;
    scene.status("that it cannot look", |_, enforced| unseen(enforced)).await;
    scene.hold();
    scene.status("that it has looked", |_, enforced| !unseen(enforced)).await;
    scene.world.proxy.forget();
    (scene, operator)
}

#[tokio::test]
async fn what_somebody_else_has_done_in_a_template_is_not_undone_by_who_has_not_seen_it() {
    let set = "somebody else has set the limit of its pod template to \"33M\"";
    let removed = "somebody else has removed the limit of its pod template";
    for (theirs, told) in [(Some("33M"), set), (None, removed)] {
        let (scene, _operator) = looked_once().await;
        scene.set_by_hand(theirs).await;
        scene.pin(Some("25M")).await;
        scene.status("whose limit it is", |_, enforced| enforced.contains(told)).await;
        assert_ne!(scene.writes(), 0, "it has seen {theirs:?} before it wrote");
        scene.has(theirs, Some("")).await;
        scene.world.proxy.heal();
        scene.delete().await;
        scene.has(theirs, None).await;
        scene.has_been_through([None, Some("50M"), theirs]).await;
    }
}

#[tokio::test]
async fn a_change_of_something_else_costs_a_cut_one_more_look_and_is_no_error() {
    let (scene, operator) = looked_once().await;
    let label = Patch::Merge(json!({"metadata": {"labels": {"somebody": "else"}}}));
    scene.deployments.patch(OTHER, &PatchParams::default(), &label).await.unwrap();
    scene.pin(Some("25M")).await;
    scene.has(Some("25M"), Some("")).await;
    assert_eq!((scene.looks(), scene.writes()), (1, 2));
    let metrics = operator.metrics().await.unwrap();
    let outcomes = ["outdated", "changed", "conflict", "error"]
        .map(|outcome| metrics.value("flowmanager_rollouts_total", &[&format!("outcome=\"{outcome}\"")]));
    assert_eq!(outcomes, [1.0, 1.0, 0.0, 0.0].map(Some));
}

#[tokio::test]
async fn the_limit_of_a_policy_that_is_gone_is_not_rolled_out_again_by_who_still_sees_it() {
    let scene = Scene::set().await;
    let second = scene.operator().await;
    scene.delete().await;
    scene.has(None, None).await;
    drop(second);
    let _third = scene.starts_into_the_past().await;
    // Another one of this name.
    scene.world.apply(&pinned("25M")).await.unwrap();
    scene.world.proxy.heal();
    scene.has(Some("25M"), Some("")).await;
    scene.delete().await;
    scene.has(None, None).await;
    scene.has_been_through([None, Some("50M"), None, Some("25M"), None]).await;
}

#[tokio::test]
async fn a_limit_in_a_template_is_not_raised_by_who_sees_a_policy_as_it_was() {
    let scene = Scene::set().await;
    let second = scene.operator().await;
    scene.pin(Some("25M")).await;
    scene.has(Some("25M"), Some("")).await;
    drop(second);
    let _third = scene.starts_into_the_past().await;
    scene.world.proxy.heal();
    scene.status_tells("25M").await;
    scene.delete().await;
    scene.has(None, None).await;
    scene.has_been_through([None, Some("50M"), Some("25M"), None]).await;
}

#[tokio::test]
async fn a_limit_in_a_template_is_not_given_back_by_who_starts_from_a_list_without_its_policy() {
    let scene = Scene::with_a_past().await;
    let _second = scene.starts_without_the_policy().await;
    scene.pin(Some("25M")).await;
    scene.world.proxy.heal();
    scene.has(Some("25M"), Some("")).await;
    scene.delete().await;
    scene.has(None, None).await;
    scene.has_been_through([None, Some("50M"), Some("25M"), None]).await;
}

#[tokio::test]
async fn a_template_is_given_back_once_a_policy_that_was_never_heard_of_is_deleted() {
    let scene = Scene::with_a_past().await;
    let _second = scene.starts_without_the_policy().await;
    kubectl(&format!("-n {} delete flowpolicy {NAME} --wait=false", scene.world.namespace)).await.unwrap();
    scene.has(None, None).await;
    scene.world.proxy.heal();
    scene.world.is_as_before(NAME).await.unwrap();
    scene.has_been_through([None, Some("50M"), None]).await;
}
