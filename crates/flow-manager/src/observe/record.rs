use super::alarm::{Alarm, Bells, Level};
use super::first_sign::FirstSign;
use super::path_metrics::Delays;
use crate::clock::Clock;
use crate::report::too_old;
use flow_control::{
    BaseRtt, LastQueued, Moment, NewestProbes, Queueing, Reading, Sample, Selection, Unknown, Window,
};
use flow_policy::Indicator;
use flow_probe::{Event, ProbeSpec, Problem, Sink};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How many samples a path remembers: the most that an objective may ask for.
const WINDOW: usize = 1000;

/// How long a probe is waited for.
pub(super) const TIMEOUT: Duration = ProbeSpec::DEFAULT_TIMEOUT;

/// What a path says of one indicator.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    /// What users see.
    pub(super) reading: Reading,
    /// The same, of what was sent after the limits took effect.
    pub(super) settled: Reading,
    /// When the newest probe behind it was sent.
    pub(super) measured: Option<Moment>,
    /// The queue on the way, where it is a sign.
    pub(super) queueing: Option<Queueing>,
    /// Why the path cannot be probed, where that is known.
    pub(super) problem: Option<String>,
}

/// What the probes of a path have told so far.
pub(super) struct Record {
    clock: Clock,
    /// How old what is known may become.
    max_age: Duration,
    state: Mutex<State>,
}

struct State {
    window: Window,
    base: BaseRtt,
    /// What the newest answer took longer than the base.
    queueing: Duration,
    newest: NewestProbes,
    alarms: Vec<Alarm>,
    problem: Option<Problem>,
}

impl Record {
    pub(super) fn new(clock: Clock, max_age: Duration) -> Self {
        Self { clock, max_age, state: Mutex::new(State::new()) }
    }

    /// What `indicator` says now, of which a queue may be the first `sign`, where the limits took effect at
    /// `settled_since`.
    pub(super) fn read(
        &self,
        indicator: Indicator,
        sign: Option<FirstSign>,
        now: Moment,
        settled_since: Moment,
        queued: &mut LastQueued,
    ) -> Seen {
        let mut state = self.lock();
        if let Some(problem @ Problem::Forbidden { .. }) = &state.problem {
            let (reading, problem) = (Err(Unknown::NotAllowed), Some(problem.to_string()));
            return Seen { reading, settled: reading, measured: None, queueing: None, problem };
        }
        let reading = self.indicator(&mut state.window, indicator, now, None);
        let queueing = sign.and_then(|sign| state.queueing(sign, self.max_age, now, settled_since));
        let since = queued.since(queueing, now, settled_since);
        let settled = self.indicator(&mut state.window, indicator, now, Some(since));
        let problem = state.problem.as_ref().filter(|_| reading.is_err()).map(ToString::to_string);
        let problem =
            problem.or_else(|| reading.err().and_then(|unknown| too_old(unknown, self.max_age(indicator))));
        Seen { reading, settled, measured: state.window.newest(), queueing, problem }
    }

    /// Lets `bell` ring when the queue gives the first `sign`, and when it gives a faint one.
    pub(super) fn ring(&self, sign: FirstSign, bell: &Arc<Notify>) {
        let mut state = self.lock();
        for percent in [Queueing::FAINT_PERCENT, 100] {
            Alarm::set(&mut state.alarms, Level { sign, percent }, bell);
        }
    }

    /// The delays of the path, once it has answered.
    pub(super) fn delays(&self) -> Option<Delays> {
        let state = self.lock();
        Some(Delays { base: state.base.get()?, queueing: state.queueing })
    }

    /// How old the newest probe that counts may be.
    fn max_age(&self, indicator: Indicator) -> Duration {
        match indicator {
            Indicator::Loss { .. } => self.max_age + TIMEOUT,
            _ => self.max_age,
        }
    }

    fn indicator(
        &self,
        window: &mut Window,
        indicator: Indicator,
        now: Moment,
        since: Option<Moment>,
    ) -> Reading {
        let newest = |samples| {
            let newest = Selection::newest(samples, now, self.max_age(indicator));
            since.map_or(newest, |since| newest.sent_since(since))
        };
        match indicator {
            Indicator::Jitter { samples, method } => window.jitter(newest(samples), method),
            Indicator::Latency { samples, permille } => window.latency(newest(samples), permille),
            // A loss is known only once its timeout is over. Of the first probes under new limits, those that are answered
            // are known at once, and no loss yet.
            Indicator::Loss { samples } => {
                let known_after = since.map_or(Duration::ZERO, |_| TIMEOUT);
                window.loss(newest(samples).known_after(known_after))
            }
            Indicator::Throughput | Indicator::Value => Err(Unknown::NoData),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, sent_at: Instant, rtt: Option<Duration>) {
        // Without the lock: who is woken reads the path at once.
        let bells = self.lock().take(self.clock.moment(sent_at), rtt);
        for bells in bells {
            bells.ring();
        }
    }
}

impl Sink for Record {
    fn record(&self, event: Event) {
        match event {
            Event::Answered { sent_at, rtt, .. } => self.take(sent_at, Some(rtt)),
            Event::Lost { sent_at } => self.take(sent_at, None),
            Event::Failed { problem, .. } => self.lock().problem = Some(problem),
            Event::Sent { .. }
            | Event::Late { .. }
            | Event::Duplicate { .. }
            | Event::Discarded { .. }
            | Event::Stray => {}
        }
    }
}

impl State {
    fn new() -> Self {
        Self {
            window: Window::new(WINDOW),
            base: BaseRtt::default(),
            queueing: Duration::ZERO,
            newest: NewestProbes::default(),
            alarms: Vec::new(),
            problem: None,
        }
    }

    /// Takes in the outcome of a probe, and returns the bells to ring for it.
    fn take(&mut self, sent: Moment, rtt: Option<Duration>) -> Vec<Arc<Bells>> {
        self.window.push(Sample { sent, rtt });
        if let Some(rtt) = rtt {
            self.queueing = self.base.observe(rtt, sent);
            self.problem = None;
        }
        let took = rtt.unwrap_or(TIMEOUT);
        self.newest.observe(sent, rtt, TIMEOUT);
        let Some(base) = self.base.get() else { return Vec::new() };
        let Some(delay) = self.newest.delay(base) else { return Vec::new() };
        self.alarms.iter_mut().filter_map(|alarm| alarm.rings(delay, base, sent + took)).collect()
    }

    /// The queue, unless what is known of it is older than `max_age`.
    fn queueing(
        &self,
        sign: FirstSign,
        max_age: Duration,
        now: Moment,
        settled_since: Moment,
    ) -> Option<Queueing> {
        self.newest.known().filter(|known| now.since(*known) <= max_age)?;
        let base = self.base.get()?;
        self.newest.queueing(base, sign.allowed(base), settled_since)
    }
}

#[cfg(test)]
mod tests;
