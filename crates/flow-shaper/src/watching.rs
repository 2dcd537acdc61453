//! Watches that go on whatever happens, and how soon one that has failed is tried again.

use std::fmt::Debug;
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use kube::runtime::utils::Backoff;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Error, Resource};
use serde::de::DeserializeOwned;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(4);

/// Waits that double from 500 ms to 4 s, and begin anew once the watch works.
///
/// The usual wait of up to a minute would leave limits unattended for that long after an API server has come back. One
/// request in 4 s from each watch does not hold up its start.
#[derive(Debug, Default)]
struct WatchBackoff {
    failures: u32,
}

impl Iterator for WatchBackoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let wait = FIRST.saturating_mul(2u32.saturating_pow(self.failures)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        Some(wait)
    }
}

impl Backoff for WatchBackoff {
    fn reset(&mut self) {
        self.failures = 0;
    }
}

/// Watches objects, after every failure by [`WatchBackoff`] again.
///
/// Where the API server no longer knows what happened since the last event, all objects are listed anew. kube does that
/// by itself where an event says so (status 410), but not where the answer to the request for the watch does.
pub fn watch<K>(
    api: Api<K>,
    config: watcher::Config,
) -> impl Stream<Item = watcher::Result<watcher::Event<K>>> + Send
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let begin = move || watcher(api.clone(), config.clone()).boxed();
    let events = stream::unfold((begin(), begin), async |(mut events, begin)| {
        let event = events.next().await?;
        if matches!(&event, Err(error) if past_is_gone(error)) {
            events = begin();
        }
        Some((event, (events, begin)))
    });
    events.boxed().backoff(WatchBackoff::default())
}

fn past_is_gone(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchStartFailed(Error::Api(status)) if status.code == 410)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_begin_anew_after_success() {
        let mut backoff = WatchBackoff::default();
        let waits: Vec<u128> = backoff.by_ref().take(5).map(|wait| wait.as_millis()).collect();
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 4_000]);
        backoff.reset();
        assert_eq!(backoff.next(), Some(FIRST));
    }
}
