use super::concerned::{by_namespace, by_object};
use super::error::Error;
use super::reconcile::{Context, reconcile};
use crate::cluster::{PolicyId, Watches};
use flow_policy::FlowPolicy;
use futures::StreamExt;
use kube::runtime::controller::{Action, Controller};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::{Predicate, PredicateConfig, WatchStreamExt, predicates};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Reconciles policies when they change, and when something that concerns them does, until `term` is over. What is
/// being done then is dropped, and with it every regulator: each step can be cut off at any point.
pub async fn run(context: Context, watches: Watches, term: CancellationToken) {
    let context = Arc::new(context);
    let starting = Arc::clone(&context);
    let start = async move { starting.started().await };
    term.run_until_cancelled(async { tokio::join!(start, reconcile_all(context, watches)) }).await;
}

async fn reconcile_all(context: Arc<Context>, watches: Watches) {
    let policies = &context.caches.policies;
    let enforcer = context.enforcer.clone();
    let pods = watches.pods.inspect(move |pod| pod.as_ref().map_or((), |pod| enforcer.seen(pod)));
    let everywhere = context.enforcer.clone();
    let (forgetful, also) = (Arc::clone(&context), Arc::clone(&context));
    let refilled = watches.refilled.then(move |()| forget_gone(Arc::clone(&forgetful)));
    let refilled = refilled.inspect(move |()| everywhere.look_at_all());
    let touched = watches.policies.then(move |policy| forget_if_gone(Arc::clone(&also), policy));
    // Status is ours: what we write there must not wake us.
    let spec =
        predicates::generation::<FlowPolicy>.combine(predicates::finalizers).combine(predicates::annotations);
    let specs = touched.boxed().predicate_filter(spec, PredicateConfig::default());
    Controller::for_stream(specs, policies.clone())
        .watches_stream(pods, by_object(policies))
        .watches_stream(watches.deployments, by_object(policies))
        .watches_stream(watches.replica_sets, by_object(policies))
        .watches_stream(watches.stateful_sets, by_object(policies))
        .watches_stream(watches.daemon_sets, by_object(policies))
        .watches_stream(watches.namespaces, by_namespace(policies))
        .reconcile_all_on(refilled.boxed())
        .run(reconcile, retry, Arc::clone(&context))
        .for_each(|_| std::future::ready(()))
        .await;
}

async fn forget_gone(context: Arc<Context>) {
    context.forget_gone().await;
}

async fn forget_if_gone<E>(context: Arc<Context>, touched: Result<FlowPolicy, E>) -> Result<FlowPolicy, E> {
    let policies = &context.caches.policies;
    if touched.as_ref().is_ok_and(|policy| policies.get(&ObjectRef::from_obj(policy)).is_none()) {
        context.forget_gone().await;
    }
    touched
}

#[expect(clippy::needless_pass_by_value, reason = "kube's signature of an error policy")]
fn retry(policy: Arc<FlowPolicy>, error: &Error, context: Arc<Context>) -> Action {
    let id = PolicyId::of(&policy);
    let wait = context.retries.failed(id.clone());
    context.metrics.failed(error.category());
    tracing::warn!(policy = %id, %error, retry_seconds = wait.as_secs_f64(), "policy not reconciled");
    Action::requeue(wait)
}
