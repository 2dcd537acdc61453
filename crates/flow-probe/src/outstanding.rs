//! Which probes are under way, and what became of the latest.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::clock::{Departure, Receipt};
use crate::event::{Discard, Event, Sink};

/// A lost probe is remembered this long beyond its timeout, to know a late answer from a stray one.
const MEMORY: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Waiting,
    Answered,
    Lost,
    Discarded,
}

#[derive(Debug)]
struct Probe {
    departure: Departure,
    fate: Fate,
}

impl Probe {
    fn sent_at(&self) -> Instant {
        self.departure.at.monotonic
    }
}

/// The latest probes of one target in the order of sending.
///
/// Holds at most the probes of `timeout` + 2 s: at 1 ms and 10 s that is 12,000 of 56 bytes.
#[derive(Debug)]
pub(crate) struct Outstanding {
    timeout: Duration,
    /// Sequence number of the first of `probes`.
    first: u64,
    /// No probe before this sequence number is waiting.
    waiting_from: u64,
    /// Highest sequence number answered so far.
    newest_answered: Option<u64>,
    probes: VecDeque<Probe>,
}

impl Outstanding {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { timeout, first: 0, waiting_from: 0, newest_answered: None, probes: VecDeque::new() }
    }

    /// The sequence number that the next [`Self::sent`] gives.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.first.saturating_add(self.probes.len().try_into().unwrap_or(u64::MAX))
    }

    /// Remembers a probe, which now waits for its answer.
    pub(crate) fn sent(&mut self, departure: Departure) {
        self.probes.push_back(Probe { departure, fate: Fate::Waiting });
    }

    /// Takes an answer.
    pub(crate) fn answered(&mut self, sequence: u64, receipt: &Receipt, sink: &dyn Sink) {
        let Some(probe) = self.index(sequence).and_then(|index| self.probes.get_mut(index)) else {
            return sink.record(Event::Stray);
        };
        let sent_at = probe.sent_at();
        match (probe.fate, receipt.rtt(&probe.departure)) {
            (Fate::Discarded, _) => {}
            (Fate::Answered, _) => sink.record(Event::Duplicate { sent_at }),
            (Fate::Waiting, Err(reason)) => {
                probe.fate = Fate::Discarded;
                sink.record(Event::Discarded { sent_at, reason });
            }
            (Fate::Waiting, Ok(rtt)) if rtt < self.timeout => {
                probe.fate = Fate::Answered;
                let reordered = self.newest_answered.is_some_and(|newest| sequence < newest);
                self.newest_answered = self.newest_answered.max(Some(sequence));
                sink.record(Event::Answered { sent_at, rtt, reordered });
            }
            (fate, rtt) => {
                probe.fate = Fate::Answered;
                if fate == Fate::Waiting {
                    sink.record(Event::Lost { sent_at });
                }
                let elapsed = receipt.read.monotonic.saturating_duration_since(sent_at);
                sink.record(Event::Late { sent_at, rtt: rtt.unwrap_or(elapsed) });
            }
        }
    }

    /// Gives up the probes that had no answer within the timeout, and forgets old ones.
    ///
    /// Read what the sockets hold first: an answer may have come in time and not been read yet.
    pub(crate) fn expire(&mut self, now: Instant, sink: &dyn Sink) {
        while self.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.settle_next(Fate::Lost, |sent_at| Event::Lost { sent_at }, sink);
        }
        let memory = self.timeout + MEMORY;
        while self.probes.front().is_some_and(|p| now.saturating_duration_since(p.sent_at()) > memory) {
            self.probes.pop_front();
            self.first += 1;
        }
    }

    /// Discards the probes still waiting: their answers can no longer be told.
    pub(crate) fn abandon(&mut self, reason: Discard, sink: &dyn Sink) {
        while self.next_deadline().is_some() {
            self.settle_next(Fate::Discarded, |sent_at| Event::Discarded { sent_at, reason }, sink);
        }
    }

    /// When the oldest waiting probe is lost.
    pub(crate) fn next_deadline(&mut self) -> Option<Instant> {
        loop {
            let probe = self.probes.get(self.index(self.waiting_from)?)?;
            if probe.fate == Fate::Waiting {
                return Some(probe.sent_at() + self.timeout);
            }
            self.waiting_from += 1;
        }
    }

    fn settle_next(&mut self, fate: Fate, event: impl Fn(Instant) -> Event, sink: &dyn Sink) {
        if let Some(probe) = self.index(self.waiting_from).and_then(|index| self.probes.get_mut(index)) {
            probe.fate = fate;
            sink.record(event(probe.sent_at()));
        }
        self.waiting_from += 1;
    }

    fn index(&self, sequence: u64) -> Option<usize> {
        usize::try_from(sequence.checked_sub(self.first)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Stamp;
    use crate::recorder::Recorder;

    const TIMEOUT: Duration = Duration::from_secs(1);

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn departure(at: Stamp) -> Departure {
        Departure { at, took: Duration::ZERO }
    }

    fn after(start: Stamp, elapsed: Duration) -> Stamp {
        Stamp { monotonic: start.monotonic + elapsed, system: start.system + elapsed }
    }

    /// Ten probes, 20 ms apart, the first sent at `start`.
    fn ten_probes() -> (Stamp, Outstanding, Recorder) {
        let (start, mut outstanding) = (Stamp::now(), Outstanding::new(TIMEOUT));
        (0..10).for_each(|n| outstanding.sent(departure(after(start, ms(20 * n)))));
        (start, outstanding, Recorder::default())
    }

    /// An answer that was received and read at `at`.
    fn receipt(at: Stamp) -> Receipt {
        Receipt { received: at.system, read: at, residence: Duration::ZERO }
    }

    #[test]
    fn answer_in_time_is_answered_and_the_next_a_duplicate() {
        let (start, mut outstanding, events) = ten_probes();
        for _ in 0..2 {
            outstanding.answered(0, &receipt(after(start, ms(3))), &events);
        }
        let sent_at = start.monotonic;
        let answered = Event::Answered { sent_at, rtt: ms(3), reordered: false };
        assert_eq!(events.all(), [answered, Event::Duplicate { sent_at }]);
    }

    #[test]
    fn answer_overtaken_is_reordered() {
        let (start, mut outstanding, events) = ten_probes();
        for sequence in [1, 0, 2] {
            outstanding.answered(sequence, &receipt(after(start, ms(50))), &events);
        }
        let reordered = |event| match event {
            Event::Answered { reordered, .. } => reordered,
            other => panic!("{other:?}"),
        };
        assert_eq!(events.all().into_iter().map(reordered).collect::<Vec<_>>(), [false, true, false]);
    }

    #[test]
    fn answer_after_the_timeout_is_lost_then_late_and_the_next_a_duplicate() {
        let (start, mut outstanding, events) = ten_probes();
        outstanding.expire(start.monotonic + TIMEOUT, &events);
        for _ in 0..2 {
            outstanding.answered(0, &receipt(after(start, ms(1500))), &events);
        }
        let sent_at = start.monotonic;
        let late = Event::Late { sent_at, rtt: ms(1500) };
        assert_eq!(events.all(), [Event::Lost { sent_at }, late, Event::Duplicate { sent_at }]);
    }

    #[test]
    fn late_answer_read_before_the_loss_was_noticed_is_lost_and_late_too() {
        let (start, mut outstanding, events) = ten_probes();
        outstanding.answered(0, &receipt(after(start, ms(1500))), &events);
        let sent_at = start.monotonic;
        assert_eq!(events.all(), [Event::Lost { sent_at }, Event::Late { sent_at, rtt: ms(1500) }]);
    }

    #[test]
    fn answer_received_in_time_but_read_late_is_answered() {
        let (start, mut outstanding, events) = ten_probes();
        let read = after(start, ms(1500));
        let receipt = Receipt { received: start.system + ms(3), read, residence: Duration::ZERO };
        outstanding.answered(0, &receipt, &events);
        outstanding.expire(start.monotonic + ms(1010), &events);
        assert_eq!(
            events.all(),
            [Event::Answered { sent_at: start.monotonic, rtt: ms(3), reordered: false }]
        );
    }

    #[test]
    fn answer_to_nothing_remembered_is_stray() {
        let (start, mut outstanding, events) = ten_probes();
        outstanding.answered(10, &receipt(start), &events);
        outstanding.answered(u64::MAX, &receipt(start), &events);
        outstanding.expire(start.monotonic + TIMEOUT + MEMORY + ms(1), &events);
        outstanding.answered(0, &receipt(start), &events);
        assert_eq!(events.count(|event| *event == Event::Stray), 3);
    }

    #[test]
    fn abandoned_probes_are_neither_answered_nor_lost() {
        let (start, mut outstanding, events) = ten_probes();
        outstanding.abandon(Discard::AddressChanged, &events);
        outstanding.answered(0, &receipt(after(start, ms(3))), &events);
        outstanding.expire(start.monotonic + ms(5000), &events);
        assert_eq!(events.all().len(), 10);
        assert_eq!(events.count(|event| matches!(event, Event::Discarded { .. })), 10);
    }

    #[test]
    fn memory_is_bounded_by_time() {
        let (start, mut outstanding, events) = (Stamp::now(), Outstanding::new(TIMEOUT), Recorder::default());
        for n in 0..10_000 {
            let now = after(start, ms(n));
            outstanding.expire(now.monotonic, &events);
            outstanding.sent(departure(now));
            assert!(outstanding.probes.len() <= 3002);
        }
    }

    proptest! {
        /// Whatever arrives in whatever order: one outcome per probe.
        #[test]
        fn each_probe_has_exactly_one_outcome(steps in prop::collection::vec((0..60u64, 0..3000u64), 0..200)) {
            let (start, mut outstanding, events) = ten_probes();
            let mut now = Duration::ZERO;
            for (sequence, pause) in steps {
                now += ms(pause) / 20;
                outstanding.answered(sequence, &receipt(after(start, ms(200) + now)), &events);
                outstanding.expire((start.monotonic + now).max(start.monotonic), &events);
            }
            outstanding.expire(start.monotonic + now + TIMEOUT + ms(500), &events);
            let outcome = |event: &Event| {
                matches!(event, Event::Answered { .. } | Event::Lost { .. } | Event::Discarded { .. })
            };
            prop_assert_eq!(events.count(outcome), 10);
        }
    }
}
