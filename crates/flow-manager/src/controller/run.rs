use super::concerned::Concerned;
use super::error::Error;
use super::reconcile::{Context, reconcile};
use crate::cluster::{CachedPolicy, Changed, Object, Refilled, Watches};
use futures::{Stream, StreamExt, stream};
use kube::runtime::controller::{Action, Config, Controller};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::{Predicate, PredicateConfig, WatchStreamExt, predicates, watcher};
use kube::{Resource, ResourceExt};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// How many policies are reconciled at the same time. Each that is under way is looked at whenever anything happens, and at a
/// start, which waits for 100,000 pods, that took most of a core for 10,000 policies.
const AT_ONCE: u16 = 256;

/// Reconciles policies when they change, and when something that concerns them does, until `term` is over. What is
/// being done then is dropped, and with it every regulator: each step can be cut off at any point.
pub async fn run(context: Context, watches: Watches, term: CancellationToken) {
    let context = Arc::new(context);
    let starting = Arc::clone(&context);
    let start = async move { starting.know_all_policies().await };
    term.run_until_cancelled(async { tokio::join!(start, reconcile_all(context, watches)) }).await;
}

async fn reconcile_all(context: Arc<Context>, watches: Watches) {
    let policies = context.caches.policies.clone();
    let touching = Arc::clone(&context);
    let touched = watches.policies.then(move |policy| touched(Arc::clone(&touching), policy)).boxed();
    // Status is ours: what we write there must not wake us.
    let spec = predicates::generation::<CachedPolicy>
        .combine(predicates::finalizers)
        .combine(predicates::annotations);
    let specs = touched.predicate_filter(spec, PredicateConfig::default());
    let enforcer = context.enforcer.clone();
    let pods = watches.pods.inspect(move |pod| pod.as_ref().map_or((), |pod| enforcer.seen(&pod.object)));
    let consenting = context.concerned.clone();
    Controller::for_stream(specs, policies)
        .with_config(Config::default().concurrency(AT_ONCE))
        .reconcile_on(around(pods, &context.concerned))
        .reconcile_on(around(watches.replica_sets, &context.concerned))
        .watches_stream(watches.deployments, by_object(&context.concerned))
        .watches_stream(watches.stateful_sets, by_object(&context.concerned))
        .watches_stream(watches.daemon_sets, by_object(&context.concerned))
        .watches_stream(watches.namespaces, move |namespace| consenting.by_namespace(&namespace.name_any()))
        .reconcile_all_on(refilled(watches.refilled, Arc::clone(&context)).boxed())
        .run(reconcile, retry, Arc::clone(&context))
        .for_each(|_| std::future::ready(()))
        .await;
}

async fn touched<E>(context: Arc<Context>, policy: Result<CachedPolicy, E>) -> Result<CachedPolicy, E> {
    if let Ok(policy) = &policy {
        context.touched(policy).await;
    }
    policy
}

/// The policies that a change of such an object concerns.
fn by_object<K: Resource>(concerned: &Concerned) -> impl Fn(K) -> Vec<ObjectRef<CachedPolicy>> + use<K> {
    let concerned = concerned.clone();
    move |object| concerned.by_object(&object.namespace().unwrap_or_default())
}

/// The policies that are concerned by changes, one by one. Most changes concern none: those of a status, and our own.
fn around<T: Object + Send + Sync + 'static>(
    changes: impl Stream<Item = Result<Changed<T>, watcher::Error>> + Send + 'static,
    concerned: &Concerned,
) -> impl Stream<Item = ObjectRef<CachedPolicy>> + Send + 'static {
    let concerned = concerned.clone();
    changes.flat_map(move |change| {
        let change = change.ok().filter(|change| change.concerns_targets);
        stream::iter(change.map_or_else(Vec::new, |change| concerned.by_object(change.object.namespace())))
    })
}

/// Looks at everything that was changed by a cache that was filled anew.
fn refilled(
    refilled: impl Stream<Item = Refilled> + Send + 'static,
    context: Arc<Context>,
) -> impl Stream<Item = ()> + Send + 'static {
    refilled.then(move |part| look_anew(part, Arc::clone(&context)))
}

async fn look_anew(part: Refilled, context: Arc<Context>) {
    match part {
        Refilled::Policies => {
            context.concerned.renew(&context.caches.policies);
            context.forget_gone(|_| true).await;
        }
        Refilled::Pods => context.enforcer.look_at_all(),
        Refilled::Another => {}
    }
}

#[expect(clippy::needless_pass_by_value, reason = "kube's signature of an error policy")]
fn retry(policy: Arc<CachedPolicy>, error: &Error, context: Arc<Context>) -> Action {
    let id = policy.id();
    let wait = context.retries.failed(id.clone());
    context.metrics.failed(error.category());
    tracing::warn!(policy = %id, %error, retry_seconds = wait.as_secs_f64(), "policy not reconciled");
    Action::requeue(wait)
}
