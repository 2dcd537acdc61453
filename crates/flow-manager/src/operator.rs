//! The operator: what lasts as long as the process, and what is built anew for each term in which it leads.

use crate::clock::Clock;
use crate::cluster::{self, Caches, WatchMetrics};
use crate::controller::{self, Context, ReconcileMetrics};
use crate::enforce::{Backend, EnforceMetrics, Enforcer};
use crate::observe::Sources;
use crate::regulator::Services;
use crate::report::{Reporter, StandingMetrics};
use crate::serve::Readiness;
use kube::Client;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What lasts as long as the process: the ways to the world, and the metrics.
pub struct Operator {
    /// The way to the API server.
    pub client: Client,
    /// Who makes limits take effect.
    pub backend: Backend,
    /// The time of decisions.
    pub clock: Clock,
    /// Where indicators come from.
    pub sources: Arc<Sources>,
    /// What the process waits for.
    pub readiness: Readiness,
    /// Counts watches that failed.
    pub watches: WatchMetrics,
    /// Counts what is written to pods.
    pub writes: EnforceMetrics,
    /// How policies stand.
    pub standings: StandingMetrics,
    /// Counts reconciliations.
    pub reconciliations: ReconcileMetrics,
}

impl Operator {
    /// Looks after all policies until `term` is over. All that is known of them comes from the cluster, as after a
    /// start of the process, so that whoever led before leaves nothing behind but what is written there.
    pub async fn lead(&self, term: CancellationToken) {
        let (caches, watches) = cluster::watch(&self.client, &self.readiness, &self.watches);
        let enforcer = self.enforcer(&caches);
        let reporter = Reporter::new(&self.standings);
        let context = self.context(caches.clone(), enforcer.clone(), reporter.clone());
        let reporting = reporter.run(self.client.clone(), caches.policies.clone(), term.clone());
        tokio::join!(enforcer.run(term.clone()), reporting, controller::run(context, watches, term.clone()),);
        cluster::watches_no_more(&self.readiness);
    }

    fn enforcer(&self, caches: &Caches) -> Enforcer {
        let (client, backend) = (self.client.clone(), self.backend.clone());
        Enforcer::new(client, caches.pods.clone(), backend, self.clock, self.writes.clone())
    }

    fn context(&self, caches: Caches, enforcer: Enforcer, reporter: Reporter) -> Context {
        let services = Services { clock: self.clock, sources: Arc::clone(&self.sources), enforcer, reporter };
        Context::new(self.client.clone(), caches, services, self.reconciliations.clone())
    }
}
