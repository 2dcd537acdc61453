use super::super::queries::Latest;
use super::super::{Access, CredentialFiles, Queries, Query, QueryMetrics};
use super::server::{PATIENCE, client_of, guarded_client};
use crate::clock::Clock;
use crate::serve::Readiness;
use prometheus_client::registry::Registry;
use std::time::Duration;

/// Queries to a source, and what the operator tells of them.
pub(super) struct Operator {
    pub(super) queries: Queries,
    pub(super) clock: Clock,
    readiness: Readiness,
    metrics: QueryMetrics,
    registry: Registry,
}

impl Operator {
    pub(super) fn new(url: &str) -> Self {
        Self::with_timeout(url, PATIENCE)
    }

    pub(super) fn with_timeout(url: &str, timeout: Duration) -> Self {
        let (mut registry, readiness, clock) = (Registry::default(), Readiness::default(), Clock::start());
        let metrics = QueryMetrics::register(&mut registry);
        let client = client_of(url, timeout, CredentialFiles::default());
        let queries = Queries::new("default", client, clock, metrics.clone(), readiness.clone());
        Self { queries, clock, readiness, metrics, registry }
    }

    /// Queries to one more source.
    pub(super) fn other(&self, name: &str, url: &str) -> Queries {
        self.guarded(name, url, Access::default())
    }

    /// Queries to one more source, which not everybody may ask for everything.
    pub(super) fn guarded(&self, name: &str, url: &str, access: Access) -> Queries {
        let client = guarded_client(url, access);
        Queries::new(name, client, self.clock, self.metrics.clone(), self.readiness.clone())
    }

    /// What a policy asks for.
    pub(super) fn subscribe(&self, query: &str, interval: Duration) -> Query {
        self.queries.subscribe("factory", query, interval).unwrap()
    }

    pub(super) fn subscribe_all(&self, query: &str, interval: Duration) -> Query {
        self.queries.subscribe_all("factory", query, interval).unwrap()
    }

    pub(super) fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }

    pub(super) async fn until_latest(&self, query: &Query, is: impl Fn(&Latest) -> bool) -> Latest {
        eventually(|| Some(query.latest(self.clock.now())).filter(&is)).await
    }

    pub(super) fn readyz(&self) -> String {
        format!("{:?}", self.readiness)
    }

    pub(super) fn is_ready(&self) -> bool {
        !self.readyz().contains("prometheus")
    }
}

/// Waits until `look` finds something.
pub(super) async fn eventually<T>(look: impl Fn() -> Option<T>) -> T {
    let search = async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, search).await.expect("it never comes")
}
