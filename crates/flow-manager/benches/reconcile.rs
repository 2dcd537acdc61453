//! What one reconcile of a policy costs, in time and allocations, as the controller does it: `reconcile OUT`.
//!
//! The API server is a mock that fills the caches once; a policy that has its finalizer asks nothing of it. What the
//! regulator then makes of a changed plan happens in its own task, and is not counted.

#![allow(
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a bench tells, and may panic"
)]

use flow_cost::median;
use flow_manager::clock::Clock;
use flow_manager::cluster::{CachedPolicy, Caches, WatchMetrics, Watches, watch};
use flow_manager::controller::{Context, ReconcileMetrics, reconcile};
use flow_manager::enforce::{Backend, EnforceMetrics, Enforcer};
use flow_manager::observe::{Paths, Sources};
use flow_manager::regulator::{DecisionMetrics, Plan, Services};
use flow_manager::report::{Reporter, StandingMetrics};
use flow_manager::rollout::{RolloutMetrics, Rollouts};
use flow_manager::serve::Readiness;
use flow_policy::{FlowPolicy, Policy, names};
use flow_probe::Prober;
use futures::StreamExt;
use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Runtime;
use tower_test::mock::Handle;

/// How many Deployments the cluster has, and how many pods each of them.
const DEPLOYMENTS: usize = 64;
const PODS_OF_EACH: usize = 4;
/// How many times everything is done.
const TIMES: usize = 201;

/// What one thing costs, typically.
struct Cost {
    what: &'static str,
    targets: usize,
    nanos: u64,
    allocations: u64,
}

fn main() {
    let out = std::env::args().skip(1).find(|arg| !arg.starts_with("--")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let costs: Vec<_> = [1, DEPLOYMENTS].into_iter().flat_map(|targets| costs(&runtime, targets)).collect();
    println!("{:<44}{:>8}{:>9}{:>13}", "what", "targets", "ns", "allocations");
    for Cost { what, targets, nanos, allocations } in &costs {
        println!("{what:<44}{targets:>8}{nanos:>9}{allocations:>13}");
    }
    let cases = costs.iter().map(|Cost { what, targets, nanos, allocations }| {
        json!({"what": what, "targets": targets, "median_ns": nanos, "allocations": allocations})
    });
    let report = json!({"pods": DEPLOYMENTS * PODS_OF_EACH, "cases": cases.collect::<Vec<_>>()});
    std::fs::write(out, format!("{report:#}\n")).unwrap();
}

fn costs(runtime: &Runtime, targets: usize) -> [Cost; 4] {
    let (caches, context) = runtime.block_on(start());
    let spec = policy(targets, "100M").spec;
    let [stored, changed] = ["100M", "200M"].map(|max| Arc::new(CachedPolicy::from(policy(targets, max))));
    let check = || Policy::try_from(&spec).unwrap();
    let resolve = |policy| Plan::resolve(&caches, &stored, Arc::new(policy));
    let found: usize = resolve(check()).targets.iter().map(|target| target.found.pods.len()).sum();
    assert_eq!(found, targets * PODS_OF_EACH, "the caches are filled");
    let again = |policy: &Arc<CachedPolicy>| {
        runtime.block_on(reconcile(Arc::clone(policy), Arc::clone(&context))).unwrap();
    };
    let cost = |what, run: &mut dyn FnMut()| {
        let (nanos, allocations) = typical(runtime, run);
        Cost { what, targets, nanos, allocations }
    };
    let mut turn = [&changed, &stored].into_iter().cycle();
    [
        cost("check the spec", &mut || drop(black_box(check()))),
        cost("check the spec, look up the targets", &mut || drop(black_box(resolve(check())))),
        cost("reconcile what has not changed", &mut || again(&stored)),
        cost("reconcile a new range of each limit", &mut || again(turn.next().unwrap())),
    ]
}

/// The median time and the median number of allocations of many runs. What they leave to other tasks is done between.
fn typical(runtime: &Runtime, run: &mut dyn FnMut()) -> (u64, u64) {
    let mut once = |_| {
        let began = Instant::now();
        run();
        let took = u64::try_from(began.elapsed().as_nanos()).unwrap();
        let allocations = allocation_counter::measure(&mut *run).count_total;
        runtime.block_on(tokio::task::yield_now());
        (took, allocations)
    };
    let (times, allocations): (Vec<_>, Vec<_>) = (0..TIMES).map(&mut once).unzip();
    (median(&times).unwrap(), median(&allocations).unwrap())
}

/// The policy in the cluster: one probe, and so many Deployments with this highest limit.
fn policy(targets: usize, max: &str) -> FlowPolicy {
    let target =
        |number| json!({"kind": "Deployment", "name": name(number), "limit": {"min": "10M", "max": max}});
    let probe = json!({"host": "127.0.0.1", "port": 9});
    let stored = json!({
        "apiVersion": "flow.fustli.io/v1alpha1", "kind": "FlowPolicy",
        "metadata": {"name": "robot", "namespace": "factory", "uid": "p", "finalizers": [names::FINALIZER]},
        "spec": {
            "interval": "1s",
            "objectives": [{"name": "jitter", "probe": probe, "jitter": {"max": "1ms"}}],
            "targets": (0..targets).map(target).collect::<Vec<_>>(),
        },
    });
    serde_json::from_value(stored).unwrap()
}

/// The caches, filled, and what reconciling needs.
async fn start() -> (Caches, Arc<Context>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (service, api) = tower_test::mock::pair();
    tokio::spawn(answer(api));
    let (client, registry) = (Client::new(service, "factory"), &mut Registry::default());
    let (caches, watches) = watch(&client, &Readiness::default(), &WatchMetrics::register(registry));
    drive(watches);
    caches.ready().await;
    let services = services(client.clone(), caches.clone(), registry);
    let context = Context::new(client, caches.clone(), services, ReconcileMetrics::register(registry));
    (caches, Arc::new(context))
}

fn services(client: Client, caches: Caches, registry: &mut Registry) -> Services {
    let (clock, pods, writes) = (Clock::start(), caches.pods.clone(), EnforceMetrics::register(registry));
    let enforcer = Enforcer::new(client.clone(), pods, Backend::Cilium, "shapers".to_owned(), clock, writes);
    let rollouts = Rollouts::new(client, caches, false, RolloutMetrics::register(registry));
    let probes = flow_probe::metrics::Metrics::register(registry);
    let paths = Arc::new(Paths::new(Prober::start().unwrap(), clock, probes));
    let sources = Arc::new(Sources { paths, prometheus: BTreeMap::new() });
    let reporter = Reporter::new(&StandingMetrics::register(registry, clock, false));
    let metrics = DecisionMetrics::register(registry);
    Services { clock, sources, enforcer, rollouts, reporter, metrics }
}

fn drive(watches: Watches) {
    let Watches { policies, pods, deployments, replica_sets, stateful_sets, daemon_sets, namespaces, .. } =
        watches;
    tokio::spawn(policies.for_each(|_| std::future::ready(())));
    tokio::spawn(pods.for_each(|_| std::future::ready(())));
    tokio::spawn(deployments.for_each(|_| std::future::ready(())));
    tokio::spawn(replica_sets.for_each(|_| std::future::ready(())));
    tokio::spawn(stateful_sets.for_each(|_| std::future::ready(())));
    tokio::spawn(daemon_sets.for_each(|_| std::future::ready(())));
    tokio::spawn(namespaces.for_each(|_| std::future::ready(())));
}

/// The API server: lists what there is, and has no news.
async fn answer(mut api: Handle<Request<Body>, Response<Body>>) {
    let mut watches = Vec::new();
    while let Some((request, answer)) = api.next_request().await {
        if request.uri().query().is_some_and(|query| query.contains("watch=true")) {
            watches.push(answer);
            continue;
        }
        let list = json!({"metadata": {"resourceVersion": "1"}, "items": items(request.uri().path())});
        answer.send_response(Response::new(Body::from(list.to_string().into_bytes())));
    }
}

fn items(path: &str) -> Vec<Value> {
    let each = 0..DEPLOYMENTS;
    match path.rsplit_once('/').unwrap().1 {
        "deployments" => each.map(|number| object(&name(number), None)).collect(),
        "replicasets" => each.map(|number| object(&revision(number), Some(name(number)))).collect(),
        "pods" => each.flat_map(|number| (0..PODS_OF_EACH).map(move |pod| self::pod(number, pod))).collect(),
        _ => Vec::new(),
    }
}

fn name(number: usize) -> String {
    format!("upload-{number}")
}

fn revision(number: usize) -> String {
    format!("upload-{number}-5d9c8b7f6")
}

fn pod(number: usize, pod: usize) -> Value {
    let mut object = object(&format!("{}-{pod}", revision(number)), Some(revision(number)));
    object["status"] = json!({"phase": "Running", "podIP": "10.0.0.1"});
    object["metadata"]["annotations"] = json!({names::APPLIED_EGRESS_BANDWIDTH: "64M"});
    object
}

/// An object whose uid is its name.
fn object(name: &str, owner: Option<String>) -> Value {
    let owner = owner.map(
        |uid| json!({"apiVersion": "apps/v1", "kind": "X", "name": uid, "uid": uid, "controller": true}),
    );
    let owners: Vec<_> = owner.into_iter().collect();
    json!({"metadata": {"name": name, "namespace": "factory", "uid": name, "ownerReferences": owners}})
}
