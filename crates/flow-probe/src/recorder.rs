//! A sink for tests.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use crate::event::{Event, Sink};

/// Keeps all events, and lets a test wait for them.
#[derive(Default, Debug)]
pub(crate) struct Recorder {
    events: Mutex<Vec<Event>>,
    grown: Condvar,
}

impl Recorder {
    pub(crate) fn all(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, kind: impl Fn(&Event) -> bool) -> usize {
        self.all().iter().filter(|event| kind(event)).count()
    }

    /// Waits until there are `n` events of that kind, and returns those.
    pub(crate) fn wait_for(&self, n: usize, kind: impl Fn(&Event) -> bool) -> Vec<Event> {
        let matching = |events: &[Event]| events.iter().filter(|event| kind(event)).count();
        let (events, timeout) = self
            .grown
            .wait_timeout_while(self.events.lock().unwrap(), Duration::from_secs(20), |events| {
                matching(events) < n
            })
            .unwrap();
        let tail = || events.iter().rev().take(20).collect::<Vec<_>>();
        assert!(!timeout.timed_out(), "waited in vain; the latest of {} events: {:#?}", events.len(), tail());
        events.iter().filter(|event| kind(event)).cloned().collect()
    }
}

impl Sink for Recorder {
    fn record(&self, event: Event) {
        self.events.lock().unwrap().push(event);
        self.grown.notify_all();
    }
}
