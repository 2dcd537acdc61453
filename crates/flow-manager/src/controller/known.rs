use super::startup::{Startup, Version, version};
use crate::cluster::Caches;
use flow_policy::FlowPolicy;
use kube::api::{ListParams, ObjectMeta, PartialObjectMeta};
use kube::core::ObjectList;
use kube::{Api, Client, Resource};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How many policies are listed at once.
const PAGE: u32 = 500;
/// How long a page may take.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the policies of the first list are waited for before there is another one: longer than a start with 10,000 takes,
/// which must not be held up.
const START: Duration = Duration::from_mins(1);
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Returns once all policies that there are have been reconciled, so that all claims are known.
///
/// The caches may have been filled with an old list: a policy that has limited pods since is missing there, or has another
/// spec. So the API server is asked once more, and again while one that it tells of is not reconciled: that one may have been
/// deleted by now.
pub(super) async fn all_policies_reconciled(client: Client, caches: &Caches, startup: &Startup) {
    caches.ready().await;
    let first: Vec<_> = caches.policies.state().iter().filter_map(|policy| claiming(policy.meta())).collect();
    // Of those that are not reconciled by then, the ones that are still there are listed too.
    let _ = timeout(START, startup.all_reconciled(first)).await;
    let (policies, mut wait) = (Api::all(client), FIRST_WAIT);
    while !are_reconciled(&policies, startup, wait).await {
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Whether all policies that the API server tells of are reconciled before `wait` is over.
async fn are_reconciled(policies: &Api<FlowPolicy>, startup: &Startup, wait: Duration) -> bool {
    match listed(policies).await {
        Ok(listed) => timeout(wait, startup.all_reconciled(listed)).await.is_ok(),
        Err(problem) => {
            tracing::warn!(problem, "policies cannot be listed; limits that nobody claims stay");
            sleep(wait).await;
            false
        }
    }
}

/// The policies that may claim something, as they are now.
async fn listed(policies: &Api<FlowPolicy>) -> Result<Vec<Version>, String> {
    let (mut found, mut params) = (Vec::new(), ListParams::default().limit(PAGE));
    loop {
        let page = page(policies, &params).await?;
        found.extend(page.items.iter().filter_map(|policy| claiming(&policy.metadata)));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = ListParams::default().limit(PAGE).continue_token(&token),
            None => return Ok(found),
        }
    }
}

async fn page(
    policies: &Api<FlowPolicy>,
    params: &ListParams,
) -> Result<ObjectList<PartialObjectMeta<FlowPolicy>>, String> {
    match timeout(PAGE_TIMEOUT, policies.list_metadata(params)).await {
        Ok(page) => page.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PAGE_TIMEOUT.as_secs())),
    }
}

/// The version of a policy, unless it is being deleted and so claims nothing.
fn claiming(policy: &ObjectMeta) -> Option<Version> {
    version(policy).filter(|_| policy.deletion_timestamp.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api_server::answers::{answer, failure};
    use crate::cluster::{CachedPolicy, Inventory};
    use http::{Request, Response, StatusCode};
    use kube::client::Body;
    use kube::runtime::reflector::{self, store::Writer};
    use kube::runtime::watcher::Event;
    use serde_json::{Value, json};
    use std::sync::Arc;
    use tokio::task::JoinHandle;
    use tokio::time::Instant;
    use tower_test::mock::Handle;

    /// Who asks for the policies at a start.
    struct Scene {
        startup: Arc<Startup>,
        asking: JoinHandle<()>,
        api: Handle<Request<Body>, Response<Body>>,
        _cache: Writer<CachedPolicy>,
    }

    /// The policy with this UID and generation.
    fn policy(uid: &str, generation: i64) -> Value {
        json!({"name": "robot", "namespace": "factory", "uid": uid, "generation": generation})
    }

    fn deleted(mut policy: Value) -> Value {
        policy["deletionTimestamp"] = json!("2026-11-24T12:00:00Z");
        policy
    }

    /// A list of these policies, which goes on with `next`.
    fn list<const N: usize>(policies: [Value; N], next: &str) -> Response<Body> {
        let items = policies.map(|metadata| json!({"metadata": metadata}));
        let list = json!({"metadata": {"resourceVersion": "7", "continue": next}, "items": items.as_slice()});
        answer(StatusCode::OK, &list)
    }

    impl Scene {
        fn with(known: impl IntoIterator<Item = Value>) -> Self {
            let (service, api) = tower_test::mock::pair();
            let (reader, mut cache) = reflector::store();
            for metadata in known {
                let policy = json!({"metadata": metadata, "spec": {"objectives": [], "targets": []}});
                cache.apply_watcher_event(&Event::Apply(serde_json::from_value(policy).unwrap()));
            }
            let mut caches = Caches::from(Inventory::default());
            caches.policies = reader;
            let startup = Arc::new(Startup::default());
            let (client, awaited) = (Client::new(service, "factory"), Arc::clone(&startup));
            let asking =
                tokio::spawn(async move { all_policies_reconciled(client, &caches, &awaited).await });
            Self { startup, asking, api, _cache: cache }
        }

        /// Answers the next request, and returns its query.
        async fn answer(&mut self, answer: Response<Body>) -> String {
            let (request, answering) = self.api.next_request().await.expect("the policies are known");
            assert_eq!(request.uri().path(), "/apis/flow.fustli.io/v1alpha1/flowpolicies");
            let accepts = request.headers()["accept"].to_str().unwrap();
            assert!(accepts.contains("as=PartialObjectMetadataList"), "{accepts}");
            answering.send_response(answer);
            request.uri().query().unwrap_or_default().to_owned()
        }

        async fn tell<const N: usize>(&mut self, policies: [Value; N]) {
            self.answer(list(policies, "")).await;
        }

        fn reconcile(&self, policy: Value) {
            self.startup.reconciled(&serde_json::from_value(policy).unwrap());
        }

        /// How long nothing is asked.
        async fn silence(&mut self, answer: Response<Body>) -> Duration {
            let began = Instant::now();
            self.answer(answer).await;
            began.elapsed()
        }

        /// Waits until all policies are known, with no other request.
        async fn ends(mut self) {
            timeout(Duration::from_hours(1), self.asking).await.expect("not known").unwrap();
            assert!(self.api.next_request().await.is_none(), "it asked once more");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_policies_are_asked_for_once_those_that_are_cached_are_reconciled() {
        let mut scene = Scene::with([policy("u1", 1)]);
        assert!(timeout(START / 2, scene.api.next_request()).await.is_err());
        scene.reconcile(policy("u1", 1));
        scene.tell([policy("u1", 1)]).await;
        scene.ends().await;
    }

    #[tokio::test(start_paused = true)]
    async fn one_list_is_enough_where_no_policy_stays() {
        for known in [None, Some(deleted(policy("u1", 2)))] {
            let mut scene = Scene::with(known);
            let waited = scene.silence(list([deleted(policy("u1", 2))], "")).await;
            assert_eq!(waited, Duration::ZERO);
            scene.ends().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_list_is_asked_for() {
        let query = Scene::with([]).answer(list([], "")).await;
        assert!(query.contains("limit=500") && !query.contains("resourceVersion"), "{query}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_policy_that_is_missing_in_the_cache_is_waited_for() {
        let mut scene = Scene::with([]);
        scene.tell([policy("u1", 1)]).await;
        scene.tell([policy("u1", 1)]).await;
        scene.reconcile(policy("u1", 1));
        scene.ends().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_policy_that_is_deleted_without_having_been_cached_is_waited_for_no_more() {
        let ends: [fn() -> Response<Body>; 2] = [|| list([], ""), || list([deleted(policy("u1", 2))], "")];
        for end in ends {
            let mut scene = Scene::with([]);
            scene.tell([policy("u1", 1)]).await;
            scene.answer(end()).await;
            scene.ends().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn another_policy_of_the_same_name_and_another_spec_are_waited_for() {
        for newer in [policy("u2", 1), policy("u1", 2)] {
            let mut scene = Scene::with([policy("u1", 1)]);
            scene.reconcile(policy("u1", 1));
            scene.tell([newer.clone()]).await;
            scene.reconcile(policy("u1", 1));
            scene.tell([newer.clone()]).await;
            scene.reconcile(newer);
            scene.ends().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_fails_is_not_taken_for_an_empty_one() {
        let mut scene = Scene::with([]);
        for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::FORBIDDEN, StatusCode::GONE] {
            scene.answer(failure(status, "no")).await;
        }
        scene.answer(list([], "more")).await;
        scene.answer(failure(StatusCode::GONE, "the rest has expired")).await;
        let unanswered = scene.api.next_request().await;
        scene.tell([policy("u1", 1)]).await;
        drop(unanswered);
        scene.reconcile(policy("u1", 1));
        scene.ends().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_has_as_many_pages_as_the_api_server_says() {
        let mut scene = Scene::with([]);
        scene.answer(list([policy("u1", 1)], "second")).await;
        assert!(scene.answer(list([], "third")).await.contains("continue=second"));
        assert!(scene.answer(list([policy("u2", 1)], "")).await.contains("continue=third"));
        scene.reconcile(policy("u1", 1));
        scene.answer(list([policy("u1", 1)], "")).await;
        scene.ends().await;
    }

    #[tokio::test(start_paused = true)]
    async fn lists_come_with_longer_and_longer_waits_between_them() {
        let mut scene = Scene::with([policy("u1", 1)]);
        let mut waits = Vec::new();
        for number in 0..8 {
            let told = list([policy("u1", 1)], "");
            let told = if number == 3 { failure(StatusCode::INTERNAL_SERVER_ERROR, "no") } else { told };
            waits.push(scene.silence(told).await.as_secs());
        }
        assert_eq!(waits, [60, 1, 2, 4, 8, 16, 30, 30]);
    }
}
