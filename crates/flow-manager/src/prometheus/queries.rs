use super::client::Client;
use super::error::QueryError;
use super::health::Health;
use super::metrics::QueryMetrics;
use crate::clock::Clock;
use crate::serve::Readiness;
use flow_control::{Finite, Moment, Reading, Unknown};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How many queries may be under way at once, so that none pile up at a slow Prometheus.
const CONCURRENCY: usize = 16;

/// A number is stale once it is older than this many intervals and the time that an answer may take.
const MAX_AGE_INTERVALS: u32 = 3;

/// The queries that are asked now, each once per interval, however many policies want it.
pub struct Queries(Arc<Hub>);

/// A query that is asked for as long as somebody holds on to it.
pub struct Query(Arc<Subscription>);

/// What a query says now.
#[derive(Clone, Debug, PartialEq)]
pub struct Latest {
    /// The number, or why there is none.
    pub reading: Reading,
    /// When the question behind it was asked.
    pub measured: Option<Moment>,
    /// Why there is no number, as a sentence.
    pub detail: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    query: Arc<str>,
    interval: Duration,
}

struct Hub {
    client: Client,
    clock: Clock,
    metrics: QueryMetrics,
    health: Health,
    permits: Semaphore,
    open: Mutex<HashMap<Key, Weak<Subscription>>>,
}

struct Subscription {
    hub: Arc<Hub>,
    interval: Duration,
    newest: Mutex<Option<Outcome>>,
    _asking: DropGuard,
}

struct Outcome {
    asked: Moment,
    answer: Result<Finite, QueryError>,
}

impl Queries {
    /// No query yet; `client` will be asked, and what becomes of it counted and told.
    #[must_use]
    pub fn new(client: Client, clock: Clock, metrics: QueryMetrics, readiness: Readiness) -> Self {
        let health = Health::new(readiness, metrics.clone());
        let permits = Semaphore::new(CONCURRENCY);
        Self(Arc::new(Hub { client, clock, metrics, health, permits, open: Mutex::default() }))
    }

    /// The query, asked every `interval` from now on if it was not before. Panics outside of a tokio runtime.
    #[must_use]
    pub fn subscribe(&self, query: &str, interval: Duration) -> Query {
        let mut open = self.0.open();
        let key = Key { query: query.into(), interval };
        if let Some(subscription) = open.get(&key).and_then(Weak::upgrade) {
            return Query(subscription);
        }
        let subscription = Subscription::start(&self.0, key.clone());
        open.insert(key, Arc::downgrade(&subscription));
        Query(subscription)
    }
}

impl Query {
    /// What the query says `now`.
    #[must_use]
    pub fn latest(&self, now: Moment) -> Latest {
        let Some(Outcome { asked, answer }) = &*self.0.newest() else {
            return Latest { reading: Err(Unknown::NoData), measured: None, detail: None };
        };
        let age = now.since(*asked);
        let (reading, detail) = match answer {
            Ok(_) if age > self.0.max_age() => (Err(Unknown::Stale { age }), None),
            Ok(number) => (Ok(*number), None),
            Err(error) => (Err(error.unknown()), Some(error.to_string())),
        };
        Latest { reading, measured: Some(*asked), detail }
    }
}

impl Subscription {
    fn start(hub: &Arc<Hub>, key: Key) -> Arc<Self> {
        let (runtime, stop) = (Handle::current(), CancellationToken::new());
        let subscription = Arc::new(Self {
            hub: Arc::clone(hub),
            interval: key.interval,
            newest: Mutex::default(),
            _asking: stop.clone().drop_guard(),
        });
        let asking = ask_repeatedly(Arc::clone(hub), key, Arc::downgrade(&subscription));
        runtime.spawn(stop.run_until_cancelled_owned(asking));
        subscription
    }

    fn max_age(&self) -> Duration {
        self.interval.saturating_mul(MAX_AGE_INTERVALS).saturating_add(self.hub.client.timeout())
    }

    fn learn(&self, outcome: Outcome) {
        self.hub.health.learn(outcome.asked, self.hub.clock.now(), &outcome.answer);
        *self.newest() = Some(outcome);
    }

    fn newest(&self) -> MutexGuard<'_, Option<Outcome>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut open = self.hub.open();
        open.retain(|_, subscription| subscription.strong_count() > 0);
        if open.is_empty() {
            self.hub.health.rest();
        }
    }
}

impl Hub {
    async fn ask(&self, query: &str) -> Outcome {
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await;
        let (asked, started) = (self.clock.now(), Instant::now());
        let answer = self.client.query(query).await;
        self.metrics.asked(&answer, started.elapsed());
        Outcome { asked, answer }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Key, Weak<Subscription>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks until nobody holds the subscription any more. A question that comes late delays those after it.
async fn ask_repeatedly(hub: Arc<Hub>, key: Key, subscription: Weak<Subscription>) {
    loop {
        let next = Instant::now() + jittered(key.interval);
        let outcome = hub.ask(&key.query).await;
        let Some(subscription) = subscription.upgrade() else { return };
        subscription.learn(outcome);
        drop(subscription);
        sleep_until(next).await;
    }
}

/// `interval`, longer or shorter by up to a tenth, so that queries do not fall into step.
fn jittered(interval: Duration) -> Duration {
    // Each state is keyed at random, which is random enough here.
    let random = RandomState::new().hash_one(interval) % 201;
    interval.saturating_mul(u32::try_from(900 + random).unwrap_or(1000)) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn intervals_differ_by_up_to_a_tenth() {
        let intervals: HashSet<_> = (0..1000).map(|_| jittered(Duration::from_secs(10))).collect();
        assert!(intervals.len() > 100, "{intervals:?}");
        assert!(
            intervals.iter().all(|interval| (9000..=11_000).contains(&interval.as_millis())),
            "{intervals:?}"
        );
    }
}
