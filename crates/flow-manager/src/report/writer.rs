use super::alike::are_alike;
use super::announcer::{Announcement, Announcer};
use super::board::Board;
use super::write_status::write_status;
use super::{Standing, events, status};
use crate::cluster::{CachedPolicy, PolicyId};
use flow_policy::{FlowPolicy, FlowPolicyStatus};
use jiff::Timestamp;
use kube::runtime::reflector::Store;
use kube::{Api, Client, Resource};
use prometheus_client::metrics::counter::Counter;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The least time between two writes of one policy.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);

/// The longest time between two tries at a write that fails.
const MAX_BACKOFF: Duration = Duration::from_mins(1);

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Which statuses are to be written, and what was written last.
pub(super) struct Writer {
    client: Client,
    policies: Store<CachedPolicy>,
    board: Arc<Board>,
    errors: Counter,
    records: HashMap<PolicyId, Record>,
    queue: VecDeque<PolicyId>,
    /// The policies that are queued or being written.
    busy: HashSet<PolicyId>,
}

/// What was done for one policy.
struct Record {
    uid: Option<String>,
    /// The status that was written last, as long as the cache of policies lags behind it.
    written: Option<Box<FlowPolicyStatus>>,
    /// The newest standing by which there was nothing to write, and the policy as it was stored then.
    settled: Option<(Arc<CachedPolicy>, Arc<Standing>)>,
    announcer: Announcer,
    failures: u32,
    not_before: Instant,
}

/// A status to be written, and the Events that go with it.
pub(super) struct Write {
    id: PolicyId,
    api: Api<FlowPolicy>,
    status: FlowPolicyStatus,
    announcements: Vec<Announcement>,
}

/// What became of a [`Write`].
pub(super) struct Outcome {
    id: PolicyId,
    status: FlowPolicyStatus,
    result: Result<(), Error>,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Refused(#[from] kube::Error),
    #[error("no answer within {} s", REQUEST_TIMEOUT.as_secs())]
    Timeout,
}

impl Writer {
    pub(super) fn new(
        client: Client,
        policies: Store<CachedPolicy>,
        board: Arc<Board>,
        errors: Counter,
    ) -> Self {
        Self {
            client,
            policies,
            board,
            errors,
            records: HashMap::new(),
            queue: VecDeque::new(),
            busy: HashSet::new(),
        }
    }

    /// Queues the policies with news whose time has come.
    pub(super) fn look(&mut self, now: Instant) {
        self.take(|record| now >= record.not_before);
    }

    /// Queues all policies with news, except where the last write failed: one more try would, too.
    pub(super) fn look_at_all(&mut self) {
        self.take(|record| record.failures == 0);
    }

    /// Lets go of what is of no more use.
    pub(super) fn forget_old(&mut self, now: Instant) {
        self.records.values_mut().for_each(|record| record.announcer.forget_old(now));
    }

    fn take(&mut self, is_due: impl Fn(&Record) -> bool) {
        for id in self.board.take_forgotten() {
            self.records.remove(&id);
        }
        let (records, busy) = (&self.records, &self.busy);
        let due = |id: &PolicyId| !busy.contains(id) && records.get(id).is_none_or(&is_due);
        let due = self.board.take_fresh(due);
        self.busy.extend(due.iter().cloned());
        self.queue.extend(due);
    }

    /// The next write: queued policies whose status would not change are passed over.
    pub(super) fn next(&mut self) -> Option<Write> {
        while let Some(id) = self.queue.pop_front() {
            match self.write(&id) {
                Some(write) => return Some(write),
                None => self.busy.remove(&id),
            };
        }
        None
    }

    fn write(&mut self, id: &PolicyId) -> Option<Write> {
        let standing = self.board.get(id)?;
        let policy = self.policies.get(&id.reference())?;
        let record = self.record(id, &policy);
        if record.is_settled(&policy, &standing) {
            record.settled = Some((policy, standing));
            return None;
        }
        let (board, client) = (Arc::clone(&self.board), self.client.clone());
        let record = self.record(id, &policy);
        record.catch_up(&policy);
        let old = record.written.as_deref().or(policy.status()).cloned().unwrap_or_default();
        let new = status(&old, &standing, Timestamp::now());
        board.tell(id, &new.conditions);
        if new == old {
            record.settled = Some((policy, standing));
            return None;
        }
        record.settled = None;
        let about = policy.object_ref(&());
        let news = events(&old, &new, &standing).into_iter();
        let now = Instant::now();
        let announce = |news| record.announcer.announce(&about, news, now);
        let announcements = news.filter_map(announce).collect();
        let api = Api::namespaced(client, &id.namespace);
        Some(Write { id: id.clone(), api, status: new, announcements })
    }

    /// The record of a policy; a new one if another policy of that name was there before.
    fn record(&mut self, id: &PolicyId, policy: &CachedPolicy) -> &mut Record {
        let uid = &policy.meta().uid;
        if self.records.get(id).is_some_and(|record| record.uid != *uid) {
            self.records.remove(id);
        }
        self.records.entry(id.clone()).or_insert_with(|| Record {
            uid: uid.clone(),
            written: None,
            settled: None,
            announcer: Announcer::default(),
            failures: 0,
            not_before: Instant::now(),
        })
    }

    /// Notes what became of a write, and when the next may follow.
    pub(super) fn settle(&mut self, outcome: Outcome, now: Instant) {
        let Outcome { id, status, result } = outcome;
        self.busy.remove(&id);
        let Some(record) = self.records.get_mut(&id) else { return };
        match result {
            Ok(()) => {
                record.written = Some(Box::new(status));
                record.failures = 0;
                record.not_before = now + WRITE_INTERVAL;
            }
            Err(error) if error.is_gone() => self.board.forget(&id),
            Err(error) => {
                let wait = backoff(record.failures);
                record.failures = record.failures.saturating_add(1);
                record.not_before = now + wait;
                tracing::warn!(policy = %id, %error, retry_seconds = wait.as_secs(), "status not written");
                self.errors.inc();
                self.board.refresh(id);
            }
        }
    }
}

impl Record {
    /// Forgets what was written once the cache has it.
    fn catch_up(&mut self, policy: &CachedPolicy) {
        if self.written.as_deref() == policy.status() {
            self.written = None;
        }
    }

    /// Whether there is nothing to write for a `standing`, as there was nothing for the one before.
    fn is_settled(&self, policy: &Arc<CachedPolicy>, standing: &Standing) -> bool {
        let settled = self.settled.as_ref();
        settled.is_some_and(|(stored, before)| Arc::ptr_eq(stored, policy) && are_alike(before, standing))
    }
}

fn backoff(failures: u32) -> Duration {
    let factor = 2_u32.saturating_pow(failures);
    WRITE_INTERVAL.saturating_mul(factor).min(MAX_BACKOFF)
}

impl Error {
    /// Whether the policy was deleted.
    fn is_gone(&self) -> bool {
        matches!(self, Self::Refused(kube::Error::Api(status)) if status.is_not_found())
    }
}

impl Write {
    /// Writes the status, and then publishes the Events. An Event that is lost is not tried again.
    pub(super) async fn send(self) -> Outcome {
        let result = self.patch().await;
        if result.is_ok() {
            for announcement in self.announcements {
                if let Err(error) = in_time(announcement.publish(self.api.clone().into_client())).await {
                    tracing::warn!(policy = %self.id, %error, "Event not published");
                }
            }
        }
        Outcome { id: self.id, status: self.status, result }
    }

    async fn patch(&self) -> Result<(), Error> {
        in_time(write_status(&self.api, &self.id.name, &self.status)).await
    }
}

async fn in_time<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, Error> {
    Ok(timeout(REQUEST_TIMEOUT, request).await.map_err(|_| Error::Timeout)??)
}

#[cfg(test)]
mod tests {
    use super::super::Standing;
    use super::super::fixture::{cache, cut, id, well};
    use super::*;
    use kube::client::Body;

    /// A writer of the policy `robot`, whose requests nobody answers.
    fn writer() -> Writer {
        let (service, _) = tower_test::mock::pair::<http::Request<Body>, http::Response<Body>>();
        Writer::new(Client::new(service, "default"), cache(&["robot"]), Arc::default(), Counter::default())
    }

    fn outcome(write: &Write, result: Result<(), Error>) -> Outcome {
        Outcome { id: write.id.clone(), status: write.status.clone(), result }
    }

    impl Writer {
        fn next_at(&mut self, now: Instant) -> Option<Write> {
            self.look(now);
            self.next()
        }

        fn put(&self, standing: super::super::Snapshot) {
            self.board.put(&id("robot"), Standing::Running(standing));
        }
    }

    #[tokio::test]
    async fn the_first_status_is_due_at_once_and_the_next_a_second_later() {
        let (mut writer, start) = (writer(), Instant::now());
        writer.put(well());
        let first = writer.next_at(start).unwrap();
        writer.put(cut(412e-6, 400, 1));
        assert!(writer.next_at(start + WRITE_INTERVAL).is_none(), "a write is under way");
        writer.settle(outcome(&first, Ok(())), start);
        assert!(writer.next_at(start + WRITE_INTERVAL / 2).is_none());
        let second = writer.next_at(start + WRITE_INTERVAL).unwrap();
        assert_eq!(second.status.limit.as_deref(), Some("400M"));
    }

    #[tokio::test]
    async fn what_was_written_is_not_written_again_though_the_cache_lags() {
        let (mut writer, start) = (writer(), Instant::now());
        writer.put(well());
        let first = writer.next_at(start).unwrap();
        writer.settle(outcome(&first, Ok(())), start);
        writer.put(well());
        assert!(writer.next_at(start + WRITE_INTERVAL).is_none());
        writer.put(cut(412e-6, 400, 1));
        assert!(writer.next_at(start + WRITE_INTERVAL).is_some());
    }

    #[tokio::test]
    async fn what_was_written_is_kept_until_the_cache_has_it() {
        let (mut writer, start) = (writer(), Instant::now());
        writer.put(well());
        let first = writer.next_at(start).unwrap();
        writer.settle(outcome(&first, Ok(())), start);
        let stored = CachedPolicy::clone(&writer.policies.state()[0]);
        for (status, is_kept) in [(None, true), (Some(first.status), false)] {
            let stored = stored.clone().with_status(status);
            let record = writer.record(&id("robot"), &stored);
            record.catch_up(&stored);
            assert_eq!(record.written.is_some(), is_kept);
        }
    }

    #[tokio::test]
    async fn a_write_that_fails_is_tried_again_later_and_later() {
        let (mut writer, start) = (writer(), Instant::now());
        writer.put(well());
        let mut now = start;
        for wait in [1, 2, 4].map(Duration::from_secs) {
            let write = writer.next_at(now).unwrap();
            writer.settle(outcome(&write, Err(Error::Timeout)), now);
            assert!(writer.next_at(now + wait - Duration::from_millis(1)).is_none(), "{wait:?}");
            now += wait;
        }
        assert_eq!(backoff(u32::MAX), MAX_BACKOFF);
    }

    #[tokio::test]
    async fn a_policy_of_the_same_name_is_another_one() {
        let (mut writer, start) = (writer(), Instant::now());
        writer.put(well());
        let first = writer.next_at(start).unwrap();
        writer.settle(outcome(&first, Ok(())), start);
        writer.board.forget(&id("robot"));
        writer.put(well());
        assert!(writer.next_at(start).is_some());
    }

    #[tokio::test]
    async fn a_policy_that_the_cache_lacks_is_left_alone() {
        let mut writer = writer();
        writer.board.put(&id("unknown"), Standing::Running(well()));
        assert!(writer.next_at(Instant::now()).is_none());
        assert!(writer.records.is_empty() && writer.busy.is_empty());
    }
}
