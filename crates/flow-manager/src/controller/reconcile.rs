use super::concerned::{Concerned, namespaces};
use super::error::Error;
use super::known::all_policies_reconciled;
use super::metrics::ReconcileMetrics;
use super::retry::Retries;
use super::startup::Startup;
use crate::cluster::{CachedPolicy, Caches, PolicyId};
use crate::enforce::Enforcer;
use crate::regulator::{Plan, Regulators, Services, remembered};
use crate::report::{Reporter, Standing};
use crate::rollout::Rollouts;
use flow_policy::{FlowPolicy, names};
use kube::api::PartialObjectMetaExt;
use kube::runtime::controller::Action;
use kube::runtime::finalizer::{self, Event, finalizer};
use kube::{Api, Client, Resource, ResourceExt};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How long the deletion of a policy waits for its pods and workloads before it tries again.
const RESTORE_TIMEOUT: Duration = Duration::from_secs(10);

/// The same while it waits for all claims to be known, and other policies may wait for it: not all are reconciled at the same
/// time.
const START_TIMEOUT: Duration = Duration::from_secs(1);

/// How many policies are given their finalizer at the same time: of thousands that are new, each sends a request, and an
/// API server that is asked for all at once answers none of them in time.
const TAKEN_UP_AT_ONCE: usize = 64;

/// What reconciling needs.
pub struct Context {
    client: Client,
    pub(super) caches: Caches,
    regulators: Regulators,
    pub(super) enforcer: Enforcer,
    rollouts: Rollouts,
    reporter: Reporter,
    pub(super) metrics: ReconcileMetrics,
    pub(super) retries: Retries,
    pub(super) concerned: Concerned,
    startup: Startup,
    taking_up: Semaphore,
}

/// Makes the regulators fit one policy: checked, its targets looked up, or given back if it is being deleted.
pub async fn reconcile(policy: Arc<CachedPolicy>, context: Arc<Context>) -> Result<Action, Error> {
    // Before that, a target may seem to have no pods.
    context.caches.ready().await;
    let _turn = context.turn(&policy).await;
    // All policies wait at the start, and the room that the rest needs is large.
    Box::pin(reconcile_now(policy, Arc::clone(&context))).await
}

async fn reconcile_now(policy: Arc<CachedPolicy>, context: Arc<Context>) -> Result<Action, Error> {
    let began = Instant::now();
    let api = Api::namespaced(context.client.clone(), &policy.id().namespace);
    // A finalizer is a matter of metadata alone.
    let metadata = policy.meta().clone().into_response_partial::<FlowPolicy>();
    let (policy, context) = (&*policy, &*context);
    let reconciled = finalizer(&api, names::FINALIZER, Arc::new(metadata), |event| async move {
        match event {
            Event::Apply(_) => apply(policy, context).await,
            Event::Cleanup(_) => clean_up(policy, context).await,
        }
    });
    let reconciled = reconciled.await;
    context.metrics.took(began.elapsed());
    let action = match reconciled {
        // A policy that is gone has lost its finalizer before.
        Err(finalizer::Error::RemoveFinalizer(kube::Error::Api(status))) if status.code == 404 => {
            Action::await_change()
        }
        result => result.map_err(unwrap_finalizer_error)?,
    };
    context.retries.succeeded(policy.id());
    Ok(action)
}

async fn apply(policy: &CachedPolicy, context: &Context) -> Result<Action, Error> {
    let (id, generation) = (policy.id(), policy.meta().generation);
    match policy.checked() {
        Ok(checked) => {
            let plan = Plan::resolve(&context.caches, policy, Arc::clone(checked));
            let safe = remembered(policy, &plan);
            context.regulators.set(id.clone(), plan, &safe);
        }
        Err(problem) => {
            context.regulators.remove(id).await;
            let problem = problem.clone();
            context.reporter.report(id, Standing::Invalid { generation, problem });
        }
    }
    context.startup.reconciled(policy.meta());
    Ok(Action::await_change())
}

async fn clean_up(policy: &CachedPolicy, context: &Context) -> Result<Action, Error> {
    let id = policy.id();
    context.regulators.remove(id).await;
    context.reporter.forget(id);
    // Its claims are known: there are none. Only now may pods that it limited before a restart be restored.
    context.startup.reconciled(policy.meta());
    let namespaces = namespaces(policy);
    let (pods, workloads) = (context.enforcer.restored(&namespaces), context.rollouts.restored(&namespaces));
    let timeout = if context.startup.is_over() { RESTORE_TIMEOUT } else { START_TIMEOUT };
    let restored = tokio::time::timeout(timeout, async { tokio::join!(pods, workloads) });
    restored.await.map_err(|_| Error::NotRestored(timeout))?;
    Ok(Action::await_change())
}

fn unwrap_finalizer_error(error: finalizer::Error<Error>) -> Error {
    match error {
        finalizer::Error::ApplyFailed(error) | finalizer::Error::CleanupFailed(error) => error,
        other => Error::Finalizer(Box::new(other)),
    }
}

impl Context {
    /// The context at the start of the operator.
    #[must_use]
    pub fn new(client: Client, caches: Caches, services: Services, metrics: ReconcileMetrics) -> Self {
        let (enforcer, rollouts) = (services.enforcer.clone(), services.rollouts.clone());
        let reporter = services.reporter.clone();
        let regulators = Regulators::new(Arc::new(services));
        let (retries, concerned, startup) = Default::default();
        Self {
            client,
            caches,
            regulators,
            enforcer,
            rollouts,
            reporter,
            metrics,
            retries,
            concerned,
            startup,
            taking_up: Semaphore::new(TAKEN_UP_AT_ONCE),
        }
    }

    /// Waits until a policy without a finalizer may be given it.
    async fn turn(&self, policy: &CachedPolicy) -> Option<SemaphorePermit<'_>> {
        let has_finalizer = policy.finalizers().iter().any(|name| name == names::FINALIZER);
        if has_finalizer || policy.meta().deletion_timestamp.is_some() {
            return None;
        }
        // The semaphore is never closed.
        self.taking_up.acquire().await.ok()
    }

    /// Waits until all claims are known. From then on limits that nobody claims are given back.
    pub(super) async fn know_all_policies(&self) {
        all_policies_reconciled(self.client.clone(), &self.caches, &self.startup).await;
        self.startup.end();
        self.enforcer.all_policies_known();
        self.rollouts.all_policies_known();
    }

    /// Takes note of a policy that was listed, changed or deleted.
    pub(super) async fn touched(&self, policy: &CachedPolicy) {
        let id = policy.id();
        let is_there = self.caches.policies.get(&id.reference()).is_some();
        self.concerned.note(policy, is_there);
        if !is_there {
            self.forget_gone(|other| other == id).await;
            self.startup.gone(policy.meta());
        }
    }

    /// Gives up the limits of policies that are gone and were never cleaned up: somebody else took their finalizer away, or
    /// nobody saw their end.
    pub(super) async fn forget_gone(&self, may_be_gone: impl Fn(&PolicyId) -> bool) {
        let policies = &self.caches.policies;
        let is_there = |id: &PolicyId| policies.get(&id.reference()).is_some();
        for id in self.regulators.remove_gone(|id| may_be_gone(id) && !is_there(id)).await {
            tracing::warn!(policy = %id, "the policy is gone without having been deleted the usual way");
            self.reporter.forget(&id);
            self.retries.succeeded(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Inventory;
    use crate::enforce::Backend;
    use crate::regulator::fixture;
    use futures::FutureExt;
    use kube::client::Body;
    use prometheus_client::registry::Registry;
    use serde_json::json;
    use tokio::time::timeout;
    use tower_test::mock::Handle;

    fn policy(number: usize) -> Arc<CachedPolicy> {
        let metadata = json!({"name": format!("policy-{number}"), "namespace": "factory"});
        let policy = json!({"metadata": metadata, "spec": {"objectives": [], "targets": []}});
        Arc::new(serde_json::from_value(policy).unwrap())
    }

    fn context() -> (Arc<Context>, Handle<http::Request<Body>, http::Response<Body>>) {
        let caches = Caches::from(Inventory::default());
        let (services, _) = fixture::services(caches.clone(), Backend::Cilium);
        let (service, api) = tower_test::mock::pair();
        let metrics = ReconcileMetrics::register(&mut Registry::default());
        let context = Context::new(Client::new(service, "factory"), caches, services, metrics);
        (Arc::new(context), api)
    }

    #[tokio::test]
    async fn a_policy_that_waits_for_the_start_takes_little_room() {
        let (context, _api) = context();
        let waiting = reconcile(policy(0), context);
        assert!(size_of_val(&waiting) < 1024, "{}", size_of_val(&waiting));
    }

    #[tokio::test(start_paused = true)]
    async fn policies_that_are_new_all_at_once_do_not_all_ask_the_api_server_at_once() {
        let (context, mut api) = context();
        for number in 0..3 * TAKEN_UP_AT_ONCE {
            tokio::spawn(reconcile(policy(number), Arc::clone(&context)));
        }
        let mut asked = Vec::new();
        while let Ok(request) = timeout(Duration::from_secs(1), api.next_request()).await {
            asked.push(request);
        }
        assert_eq!(asked.len(), TAKEN_UP_AT_ONCE);
        // Where one is answered, the next one has its turn.
        drop(asked.pop());
        assert!(timeout(Duration::from_secs(1), api.next_request()).await.is_ok());
    }

    #[tokio::test]
    async fn only_a_policy_that_is_to_be_given_its_finalizer_waits_for_a_turn() {
        let (context, _api) = context();
        context.taking_up.forget_permits(TAKEN_UP_AT_ONCE);
        let new = CachedPolicy::clone(&policy(0));
        let (mut taken_up, mut ends) = (new.clone(), new.clone());
        taken_up.meta_mut().finalizers = Some(vec!["another".to_owned(), names::FINALIZER.to_owned()]);
        ends.meta_mut().deletion_timestamp =
            Some(serde_json::from_value(json!("2026-11-24T12:00:00Z")).unwrap());
        for (policy, waits) in [(new, true), (taken_up, false), (ends, false)] {
            assert_eq!(context.turn(&policy).now_or_never().is_none(), waits, "{:?}", policy.meta());
        }
    }
}
