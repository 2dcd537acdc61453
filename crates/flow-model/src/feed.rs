use crate::clock::Every;
use crate::critical::Path;
use crate::dice::Dice;
use crate::indicator::Indicator;
use crate::link::Link;
use crate::scraped::Scraped;
use crate::spec::{ObjectiveSpec, ProbeSpec, Source};
use flow_control::{
    BaseRtt, LastQueued, Moment, NewestProbes, Observation, Queueing, Reading, Role, Sample, Selection,
    Unknown, Window,
};
use std::collections::VecDeque;
use std::time::Duration;

/// How long an answer is waited for.
const TIMEOUT: Duration = Duration::from_secs(1);
/// Indicators are stale after so many intervals, but not before the least age.
const MAX_AGE_INTERVALS: u32 = 3;
const MIN_AGE: Duration = Duration::from_millis(500);

/// Where the readings of an objective come from.
#[derive(Clone, Debug)]
pub(crate) enum Feed {
    Probed(Box<Probed>),
    Scraped(Box<Scraped>),
}

impl Feed {
    pub(crate) fn new(spec: &ObjectiveSpec, dice: Dice) -> Self {
        let (path, indicator) = (Path::new(spec, dice.clone()), Indicator::new(spec.asks));
        let rank = Rank { role: spec.role, priority: spec.priority };
        match &spec.by {
            Source::Probe(probe) => Self::Probed(Box::new(Probed::new(path, indicator, rank, probe, dice))),
            Source::Prometheus(scrape) => {
                Self::Scraped(Box::new(Scraped::new(path, indicator, rank, *scrape)))
            }
        }
    }

    /// Goes one step on, and returns whether a queue has just become longer than is allowed.
    pub(crate) fn step(&mut self, links: &[Link], now: Moment) -> bool {
        match self {
            Self::Probed(probed) => probed.step(links, now),
            Self::Scraped(scraped) => {
                scraped.step(links, now);
                false
            }
        }
    }

    /// What the operator sees, where the limits have been in force since `settled`, for all that it knows.
    pub(crate) fn observe(&mut self, settled: Option<Moment>, now: Moment) -> Observation {
        match self {
            Self::Probed(probed) => probed.observe(settled, now),
            Self::Scraped(scraped) => scraped.observe(settled, now),
        }
    }
}

/// What an objective weighs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rank {
    pub(crate) role: Role,
    pub(crate) priority: u16,
}

/// The probes of a path.
#[derive(Clone, Debug)]
pub(crate) struct Probed {
    path: Path,
    indicator: Indicator,
    rank: Rank,
    spec: ProbeSpec,
    dice: Dice,
    every: Every,
    /// Those of which nothing is known yet, and when it will be.
    on_the_way: Vec<(Moment, Sample)>,
    /// The newest ones in the order in which they became known.
    known: VecDeque<Sample>,
    base: BaseRtt,
    newest: NewestProbes,
    queued_at: LastQueued,
    /// How many of the levels of a queue that matter it is beyond.
    queued: usize,
}

impl Probed {
    fn new(path: Path, indicator: Indicator, rank: Rank, spec: &ProbeSpec, dice: Dice) -> Self {
        Self {
            path,
            indicator,
            rank,
            spec: spec.clone(),
            dice,
            every: Every::new(spec.interval.0),
            on_the_way: Vec::new(),
            known: VecDeque::new(),
            base: BaseRtt::default(),
            newest: NewestProbes::default(),
            queued_at: LastQueued::default(),
            queued: 0,
        }
    }

    fn step(&mut self, links: &[Link], now: Moment) -> bool {
        if self.every.is_due(now) {
            self.send(links, now);
        }
        let (known, still): (Vec<_>, Vec<_>) = self.on_the_way.drain(..).partition(|(at, _)| now >= *at);
        self.on_the_way = still;
        for (_, sample) in &known {
            self.learn(*sample, now);
        }
        !known.is_empty() && self.has_crossed(now)
    }

    fn send(&mut self, links: &[Link], now: Moment) {
        let true_rtt = self.path.send(links, now);
        let lost = self.dice.chance(self.spec.lost) || self.spec.silent.iter().any(|span| span.covers(now));
        let rtt = true_rtt.map(|rtt| rtt + self.noise()).filter(|rtt| !lost && *rtt < TIMEOUT);
        self.on_the_way.push((now + rtt.unwrap_or(TIMEOUT), Sample { sent: now, rtt }));
    }

    fn noise(&mut self) -> Duration {
        let usual = self.spec.noise.0.mul_f64(self.dice.normal().abs());
        let is_outlier = self.dice.chance(self.spec.outliers);
        usual + if is_outlier { self.spec.outlier.0.mul_f64(self.dice.uniform()) } else { Duration::ZERO }
    }

    fn learn(&mut self, sample: Sample, now: Moment) {
        if let Some(rtt) = sample.rtt {
            self.base.observe(rtt, now);
        }
        self.newest.observe(sample.sent, sample.rtt, TIMEOUT);
        self.known.push_back(sample);
        if self.known.len() > self.indicator.samples {
            self.known.pop_front();
        }
    }

    fn has_crossed(&mut self, now: Moment) -> bool {
        let before = self.queued;
        let levels = |queue: Queueing| [queue.faint(), queue.allowed].map(|level| queue.delay > level);
        let beyond = self.queueing(None, now).map_or([false; 2], levels);
        self.queued = beyond.into_iter().filter(|beyond| *beyond).count();
        self.queued > before
    }

    fn observe(&mut self, settled: Option<Moment>, now: Moment) -> Observation {
        let queueing = self.queueing(settled, now);
        let settled = settled.map(|settled| self.queued_at.since(queueing, now, settled));
        let since =
            |settled: Moment| self.read(|of| of.sent_since(settled).known_after(self.known_after()), now);
        Observation {
            settled: settled.map_or(Err(Unknown::NoData), since),
            period: self.spec.interval.0,
            queueing,
            ..Observation::new(
                self.rank.role,
                self.rank.priority,
                self.indicator.bound,
                self.read(|of| of, now),
                self.known.iter().map(|sample| sample.sent).max(),
            )
        }
    }

    fn read(&self, select: impl Fn(Selection) -> Selection, now: Moment) -> Reading {
        let mut window = Window::new(self.indicator.samples);
        self.known.iter().for_each(|sample| window.push(*sample));
        let newest = Selection::newest(self.indicator.samples, now, self.max_age());
        self.indicator.read(&mut window, select(newest))
    }

    /// Of the first probes under new limits, those that are lost are known later than those that are answered.
    const fn known_after(&self) -> Duration {
        if self.indicator.is_loss() { TIMEOUT } else { Duration::ZERO }
    }

    fn queueing(&self, settled: Option<Moment>, now: Moment) -> Option<Queueing> {
        let base = self.base.get()?;
        let allowed = self.indicator.first_sign(base)?;
        let is_stale = now.since(self.newest.known()?) > self.max_age();
        // A moment that never comes stands for limits that are not known to be in force.
        let since = settled.unwrap_or(Moment::after_epoch(Duration::MAX));
        self.newest.queueing(base, allowed, since).filter(|_| !is_stale)
    }

    fn max_age(&self) -> Duration {
        let age = (self.spec.interval.0 * MAX_AGE_INTERVALS).max(MIN_AGE);
        if self.indicator.is_loss() { age + TIMEOUT } else { age }
    }
}
