//! What every regulator uses, as tests have it.

use super::metrics::DecisionMetrics;
use super::registry::Services;
use crate::clock::Clock;
use crate::cluster::Caches;
use crate::enforce::{Backend, EnforceMetrics, Enforcer};
use crate::observe::{Paths, Sources};
use crate::report::{Reporter, StandingMetrics};
use crate::rollout::{RolloutMetrics, Rollouts};
use flow_probe::Prober;
use flow_probe::metrics::Metrics;
use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::sync::Arc;
use tower_test::mock::Handle;

/// Services that read `caches`, and the API server that they write to. Rollouts are not allowed.
pub(crate) fn services(
    caches: Caches,
    backend: Backend,
) -> (Services, Handle<Request<Body>, Response<Body>>) {
    // The same provider that the operator installs; another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (service, api) = tower_test::mock::pair();
    let (clock, registry) = (Clock::start(), &mut Registry::default());
    let (client, writes) = (Client::new(service, "factory"), EnforceMetrics::register(registry));
    let pods = caches.pods.clone();
    let rollouts = Rollouts::new(client.clone(), caches, false, RolloutMetrics::register(registry));
    let enforcer = Enforcer::new(client, pods, backend, "shapers".to_owned(), clock, writes);
    let paths = Arc::new(Paths::new(Prober::start().unwrap(), clock, Metrics::register(registry)));
    let sources = Arc::new(Sources { paths, prometheus: BTreeMap::new() });
    let reporter = Reporter::new(&StandingMetrics::register(registry, clock, false));
    let metrics = DecisionMetrics::register(registry);
    (Services { clock, sources, enforcer, rollouts, reporter, metrics }, api)
}
