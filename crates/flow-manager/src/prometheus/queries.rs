use super::client::Client;
use super::error::QueryError;
use super::metrics::QueryMetrics;
use crate::clock::Clock;
use crate::serve::Readiness;
use flow_control::{Finite, Moment, Reading, Unknown};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How many queries may be under way at once.
const CONCURRENCY: usize = 16;
/// An answer is stale once it is older than this many intervals.
const MAX_AGE_INTERVALS: u32 = 3;
const PART: &str = "prometheus";

/// The queries that are asked now, each once per interval, however many policies want it.
pub struct Queries {
    asker: Arc<Asker>,
    open: Mutex<HashMap<(String, Duration), Weak<Shared>>>,
}

/// A query that is asked for as long as somebody holds on to it.
pub struct Query(Arc<Shared>);

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

/// Asks one source.
struct Asker {
    client: Client,
    clock: Clock,
    metrics: QueryMetrics,
    readiness: Readiness,
    permits: Semaphore,
}

/// The newest answer, and when the question was asked.
type Answer = Arc<Mutex<Option<(Moment, Result<Finite, QueryError>)>>>;

struct Shared {
    interval: Duration,
    answer: Answer,
    _asking: DropGuard,
}

impl Queries {
    /// No query yet; `client` will be asked, and what becomes of it counted and told.
    #[must_use]
    pub fn new(client: Client, clock: Clock, metrics: QueryMetrics, readiness: Readiness) -> Self {
        let asker = Asker { client, clock, metrics, readiness, permits: Semaphore::new(CONCURRENCY) };
        Self { asker: Arc::new(asker), open: Mutex::default() }
    }

    /// The query, asked every `interval` from now on if it was not before. Needs a tokio runtime.
    #[must_use]
    pub fn subscribe(&self, query: &str, interval: Duration) -> Query {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, shared| shared.strong_count() > 0);
        let key = (query.to_owned(), interval);
        if let Some(shared) = open.get(&key).and_then(Weak::upgrade) {
            return Query(shared);
        }
        let (stop, answer) = (CancellationToken::new(), Answer::default());
        let asking = ask_repeatedly(Arc::clone(&self.asker), key.clone(), Arc::clone(&answer));
        tokio::spawn(stop.clone().run_until_cancelled_owned(asking));
        let shared = Arc::new(Shared { interval, answer, _asking: stop.drop_guard() });
        open.insert(key, Arc::downgrade(&shared));
        Query(shared)
    }
}

impl Query {
    /// What the query says `now`.
    #[must_use]
    pub fn latest(&self, now: Moment) -> Latest {
        let answer = self.0.answer.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((asked, answer)) = &*answer else {
            return Latest { reading: Err(Unknown::NoData), measured: None, detail: None };
        };
        let age = now.since(*asked);
        let (reading, detail) = match answer {
            _ if age > self.0.interval * MAX_AGE_INTERVALS => (Err(Unknown::Stale { age }), None),
            Ok(number) => (Ok(*number), None),
            Err(error) => (Err(error.unknown()), Some(error.to_string())),
        };
        Latest { reading, measured: Some(*asked), detail }
    }
}

async fn ask_repeatedly(asker: Arc<Asker>, (query, period): (String, Duration), answer: Answer) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let newest = asker.ask(&query).await;
        *answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(newest);
    }
}

impl Asker {
    async fn ask(&self, query: &str) -> (Moment, Result<Finite, QueryError>) {
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await;
        let (asked, started) = (self.clock.now(), Instant::now());
        let answer = self.client.query(query).await;
        self.metrics.asked(&answer, started.elapsed());
        match &answer {
            Err(error) if error.is_source_down() => self.readiness.wait(PART, error.to_string()),
            _ => self.readiness.done(PART),
        }
        (asked, answer)
    }
}
