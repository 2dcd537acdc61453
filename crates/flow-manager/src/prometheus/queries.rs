use super::access::Refused;
use super::asking::{Answer, Asked, Asking, Outcome, Question, lock, until_due};
use super::cadence::Cadence;
use super::client::Client;
use super::error::QueryError;
use super::health::Health;
use super::metrics::{QueryMetrics, SourceMetrics};
use super::selector::{Matcher, Selector};
use super::sight::Sight;
use super::vector::PodSeries;
use crate::clock::Clock;
use crate::report::too_old;
use crate::serve::Readiness;
use flow_control::{Finite, Moment, Reading, Unknown};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How many queries may be under way at once, so that none pile up at a slow Prometheus.
const CONCURRENCY: usize = 16;

/// A number is stale once it is older than this many intervals and the time that an answer may take.
const MAX_AGE_INTERVALS: u32 = 3;

/// What one Prometheus is asked now: each query once per interval, however many policies want it. Those that only
/// select from a metric of our probes are answered together, from one request for the metric.
pub struct Queries(Arc<Hub>);

/// A query that is asked for as long as somebody holds on to it.
pub struct Query {
    text: Arc<str>,
    /// Which of the series that come back is meant, where there are several.
    matchers: Vec<Matcher>,
    /// What seemed to be wrong with it before it was asked.
    doubt: Option<String>,
    window: Duration,
    listener: Mutex<Listener>,
    found: Mutex<Option<Found>>,
}

/// What a query says now.
#[derive(Clone, Debug, PartialEq)]
pub struct Latest {
    /// The number, or why there is none.
    pub reading: Reading,
    /// When the question behind it was asked.
    pub measured: Option<Moment>,
    /// The time from one measurement to the next: that between changes of the number, as far as they tell, but at least
    /// that between the newest two answers, and the interval at which it is wanted.
    pub period: Duration,
    /// Why there is no number, as a sentence.
    pub detail: Option<String>,
}

struct Hub {
    source: String,
    client: Client,
    clock: Clock,
    metrics: SourceMetrics,
    health: Health,
    permits: Semaphore,
    open: Mutex<HashMap<Question, Weak<Subscription>>>,
    /// The metrics that have too many series to be asked for as a whole.
    too_large: Mutex<HashSet<Arc<str>>>,
}

/// A question that is asked for as long as somebody listens.
struct Subscription {
    hub: Arc<Hub>,
    question: Question,
    asking: Asking,
    _stop: DropGuard,
}

/// One that listens to the answers to a question.
struct Listener {
    subscription: Arc<Subscription>,
    interval: Duration,
}

/// What was found in an answer: to select from a large one takes long.
#[derive(Clone)]
struct Found {
    asked: Moment,
    /// How long before it the one before was asked for; nothing, where there was none.
    after: Duration,
    cadence: Cadence,
    number: Result<Finite, QueryError>,
}

impl Queries {
    /// No query yet; `client` will be asked, and what becomes of it counted and told by the name of the `source`.
    #[must_use]
    pub fn new(
        source: &str,
        client: Client,
        clock: Clock,
        metrics: QueryMetrics,
        readiness: Readiness,
    ) -> Self {
        let metrics = metrics.of(source);
        let health = Health::new(source, readiness, metrics.clone());
        let (source, permits) = (source.to_owned(), Semaphore::new(CONCURRENCY));
        let (open, too_large) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Hub { source, client, clock, metrics, health, permits, open, too_large }))
    }

    /// The query of a policy in `namespace`, asked every `interval` from now on, or oftener where somebody else wants it
    /// so. Panics outside of a tokio runtime.
    pub fn subscribe(&self, namespace: &str, query: &str, interval: Duration) -> Result<Query, Refused> {
        let query = self.admit(namespace, query)?;
        let Sight { doubt, selector, window } = Sight::of(&query);
        let text: Arc<str> = query.into();
        let batched = selector.and_then(|selector| self.batched(namespace, selector));
        let (asked, matchers) = batched.unwrap_or_else(|| (Asked::Number(Arc::clone(&text)), Vec::new()));
        let question = self.question(namespace, asked);
        if let Some(doubt) = doubt.as_deref().filter(|_| !self.0.is_asked(&question)) {
            tracing::warn!(source = self.0.source, %text, doubt, "a query will be asked, but looks wrong");
        }
        let listener = Mutex::new(Hub::listen(&self.0, question, interval));
        Ok(Query { text, matchers, doubt, window, listener, found: Mutex::default() })
    }

    /// The query for all series that it gives, asked as [others](Self::subscribe). Panics outside of a tokio runtime.
    pub fn subscribe_all(&self, namespace: &str, query: &str, interval: Duration) -> Result<Query, Refused> {
        let text: Arc<str> = self.admit(namespace, query)?.into();
        let (matchers, doubt, window) = (Vec::new(), None, Sight::of(&text).window);
        let question = self.question(namespace, Asked::Vector(Arc::clone(&text)));
        let listener = Mutex::new(Hub::listen(&self.0, question, interval));
        Ok(Query { text, matchers, doubt, window, listener, found: Mutex::default() })
    }

    fn admit<'a>(&self, namespace: &str, query: &'a str) -> Result<Cow<'a, str>, Refused> {
        self.0.client.access().admit(&self.0.source, namespace, query)
    }

    /// The whole metric to ask for in place of a selection, as far as the namespace may see it.
    fn batched(&self, namespace: &str, selector: Selector) -> Option<(Asked, Vec<Matcher>)> {
        let metric: Arc<str> = self.admit(namespace, &selector.metric).ok()?.into();
        let fits = !lock(&self.0.too_large).contains(&metric);
        fits.then_some((Asked::Vector(metric), selector.matchers))
    }

    fn question(&self, namespace: &str, asked: Asked) -> Question {
        let tenant = self.0.client.access().tells_tenants_apart().then(|| namespace.into());
        Question { tenant, asked }
    }
}

impl Query {
    /// What the query says `now`.
    #[must_use]
    pub fn latest(&self, now: Moment) -> Latest {
        let mut listener = lock(&self.listener);
        let Some(outcome) = listener.subscription.asking.newest() else {
            let (reading, period) = (Err(Unknown::NoData), listener.interval);
            return Latest { reading, measured: None, period, detail: self.doubt.clone() };
        };
        listener.fall_back(&self.text, &outcome);
        let Found { asked, after, cadence, number } = self.find(outcome);
        let period = after.max(cadence.period()).max(listener.interval);
        let age = now.since(asked);
        let (reading, detail) = match number {
            Ok(_) if age > listener.max_age() => {
                let stale = Unknown::Stale { age };
                (Err(stale), too_old(stale, listener.max_age()))
            }
            Ok(number) => (Ok(number), None),
            Err(error) => (Err(error.unknown()), Some(error.to_string())),
        };
        Latest { reading, measured: Some(asked), period, detail }
    }

    /// How far back each answer looks; zero where that cannot be told.
    #[must_use]
    pub const fn window(&self) -> Duration {
        self.window
    }

    /// All series of the newest answer, each with its label `pod`, and when the question was asked. `None` where there
    /// is no answer later than `last`, or none but numbers.
    #[must_use]
    pub fn by_pod(&self, last: Option<Moment>) -> Option<(Moment, Vec<PodSeries>)> {
        let Outcome { asked, answer } = lock(&self.listener).subscription.asking.newest()?;
        let is_new = last.is_none_or(|last| asked > last);
        let series = is_new.then(|| answer.and_then(|answer| answer.by_pod()))?.ok()?;
        Some((asked, series))
    }

    /// What is in an answer for this query.
    fn find(&self, Outcome { asked, answer }: Outcome) -> Found {
        let mut found = lock(&self.found);
        if let Some(found) = found.as_ref().filter(|found| found.asked == asked) {
            return found.clone();
        }
        let number = answer.and_then(|answer| answer.number(&self.matchers));
        let next = Found::next(found.as_ref(), asked, number);
        found.insert(next).clone()
    }
}

impl Found {
    fn next(before: Option<&Self>, asked: Moment, number: Result<Finite, QueryError>) -> Self {
        let known = before.map(|before| (asked.since(before.asked), before.cadence));
        let (after, mut cadence) = known.unwrap_or_default();
        match (before.map(|before| &before.number), &number) {
            (Some(Ok(before)), Ok(number)) if before == number => {}
            (Some(Ok(_)), Ok(_)) => cadence.change(asked),
            _ => cadence.lose(),
        }
        Self { asked, after, cadence, number }
    }
}

impl Listener {
    /// Asks for the query alone from now on, if its metric as a whole turns out to be too large.
    fn fall_back(&mut self, query: &Arc<str>, outcome: &Outcome) {
        let hub = Arc::clone(&self.subscription.hub);
        let Question { tenant, asked } = &self.subscription.question;
        if let (Err(QueryError::TooLarge { .. }), Asked::Vector(metric)) = (&outcome.answer, asked) {
            lock(&hub.too_large).insert(Arc::clone(metric));
            let alone = Question { tenant: tenant.clone(), asked: Asked::Number(Arc::clone(query)) };
            *self = Hub::listen(&hub, alone, self.interval);
        }
    }

    fn max_age(&self) -> Duration {
        let timeout = self.subscription.hub.client.timeout();
        self.interval.saturating_mul(MAX_AGE_INTERVALS).saturating_add(timeout)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.subscription.asking.leave(self.interval);
    }
}

impl Subscription {
    fn start(hub: &Arc<Hub>, question: Question) -> Arc<Self> {
        let (runtime, stop, asking) = (Handle::current(), CancellationToken::new(), Asking::new());
        let (interval, hub) = (asking.interval(), Arc::clone(hub));
        let subscription = Arc::new(Self { hub, question, asking, _stop: stop.clone().drop_guard() });
        let repeating = ask_repeatedly(&subscription, interval);
        runtime.spawn(stop.run_until_cancelled_owned(repeating));
        subscription
    }

    fn learn(&self, outcome: Outcome) {
        self.hub.health.learn(outcome.asked, self.hub.clock.now(), outcome.answer.as_ref().err());
        self.asking.learn(outcome);
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut open = lock(&self.hub.open);
        open.retain(|_, subscription| subscription.strong_count() > 0);
        if open.is_empty() {
            self.hub.health.rest();
        }
    }
}

impl Hub {
    fn listen(hub: &Arc<Self>, question: Question, interval: Duration) -> Listener {
        let mut open = lock(&hub.open);
        let present = open.get(&question).and_then(Weak::upgrade);
        let subscription = present.unwrap_or_else(|| {
            let started = Subscription::start(hub, question.clone());
            open.insert(question, Arc::downgrade(&started));
            started
        });
        subscription.asking.join(interval);
        Listener { subscription, interval }
    }

    fn is_asked(&self, question: &Question) -> bool {
        lock(&self.open).get(question).is_some_and(|subscription| subscription.strong_count() > 0)
    }

    async fn ask(&self, question: &Question) -> Outcome {
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await;
        let (asked, started) = (self.clock.now(), Instant::now());
        let answer: Result<Answer, QueryError> = question.put(&self.client).await;
        self.metrics.asked(answer.as_ref().err(), started.elapsed());
        Outcome { asked, answer }
    }
}

/// Asks until nobody listens any more. A question that comes late delays those after it.
fn ask_repeatedly(
    subscription: &Arc<Subscription>,
    mut interval: watch::Receiver<Duration>,
) -> impl Future<Output = ()> + Send + use<> {
    let (hub, question) = (Arc::clone(&subscription.hub), subscription.question.clone());
    let subscription = Arc::downgrade(subscription);
    async move {
        loop {
            let asked = Instant::now();
            let outcome = hub.ask(&question).await;
            let Some(subscription) = subscription.upgrade() else { return };
            subscription.learn(outcome);
            drop(subscription);
            until_due(asked, &mut interval).await;
        }
    }
}
