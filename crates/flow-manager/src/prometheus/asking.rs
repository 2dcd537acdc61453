use super::client::Client;
use super::error::QueryError;
use super::selector::Matcher;
use super::vector::{PodSeries, Vector};
use flow_control::{Finite, Moment};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// What is asked in one request, and on whose behalf, where that makes a difference.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub(super) tenant: Option<Arc<str>>,
    pub(super) asked: Asked,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Asked {
    /// The one number that a query gives.
    Number(Arc<str>),
    /// All series of a metric, for all that select from it.
    Vector(Arc<str>),
}

/// What comes back.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Number(Finite),
    Vector(Arc<Vector>),
}

/// The newest answer, and when the question behind it was asked.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) asked: Moment,
    pub(super) answer: Result<Answer, QueryError>,
}

/// A question that is asked again and again, as often as the least patient of those who listen wants.
pub(super) struct Asking {
    newest: Mutex<Option<Outcome>>,
    /// How many want it how often.
    wanted: Mutex<BTreeMap<Duration, usize>>,
    interval: watch::Sender<Duration>,
}

impl Question {
    pub(super) async fn put(&self, client: &Client) -> Result<Answer, QueryError> {
        let tenant = self.tenant.as_deref();
        match &self.asked {
            Asked::Number(query) => client.query(tenant, query).await.map(Answer::Number),
            Asked::Vector(query) => client.vector(tenant, query).await.map(Arc::new).map(Answer::Vector),
        }
    }
}

impl Answer {
    /// The number in this answer for whoever wants the one series that all `matchers` accept.
    pub(super) fn number(&self, matchers: &[Matcher]) -> Result<Finite, QueryError> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Vector(vector) => vector.number(matchers),
        }
    }

    /// All series in this answer.
    pub(super) fn by_pod(&self) -> Result<Vec<PodSeries>, QueryError> {
        match self {
            Self::Number(number) => Ok(vec![PodSeries { pod: None, number: *number }]),
            Self::Vector(vector) => vector.by_pod(),
        }
    }
}

impl Asking {
    pub(super) fn new() -> Self {
        let (interval, _) = watch::channel(Duration::MAX);
        Self { newest: Mutex::default(), wanted: Mutex::default(), interval }
    }

    /// How often to ask now.
    pub(super) fn interval(&self) -> watch::Receiver<Duration> {
        self.interval.subscribe()
    }

    /// Counts one more that wants it every `interval`.
    pub(super) fn join(&self, interval: Duration) {
        let mut wanted = lock(&self.wanted);
        *wanted.entry(interval).or_default() += 1;
        self.adapt(&wanted);
    }

    /// Counts one less.
    pub(super) fn leave(&self, interval: Duration) {
        let mut wanted = lock(&self.wanted);
        if let Some(listeners) = wanted.get_mut(&interval) {
            *listeners = listeners.saturating_sub(1);
        }
        wanted.retain(|_, listeners| *listeners > 0);
        self.adapt(&wanted);
    }

    fn adapt(&self, wanted: &BTreeMap<Duration, usize>) {
        let shortest = wanted.keys().next().copied().unwrap_or(Duration::MAX);
        self.interval.send_if_modified(|present| std::mem::replace(present, shortest) != shortest);
    }

    pub(super) fn newest(&self) -> Option<Outcome> {
        lock(&self.newest).clone()
    }

    pub(super) fn learn(&self, outcome: Outcome) {
        *lock(&self.newest) = Some(outcome);
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until a question asked at `asked` is to be asked again, by the interval that holds then.
pub(super) async fn until_due(asked: Instant, interval: &mut watch::Receiver<Duration>) {
    loop {
        let due = asked.checked_add(jittered(*interval.borrow_and_update()));
        let due =
            async { if let Some(due) = due { sleep_until(due).await } else { std::future::pending().await } };
        tokio::select! {
            () = due => return,
            changed = interval.changed() => if changed.is_err() { return },
        }
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

    #[test]
    fn the_least_patient_sets_the_interval_for_as_long_as_it_listens() {
        let (asking, second, minute) = (Asking::new(), Duration::from_secs(1), Duration::from_mins(1));
        let interval = asking.interval();
        asking.join(minute);
        asking.join(second);
        asking.join(second);
        assert_eq!(*interval.borrow(), second);
        asking.leave(second);
        assert_eq!(*interval.borrow(), second);
        asking.leave(second);
        assert_eq!(*interval.borrow(), minute);
    }
}
