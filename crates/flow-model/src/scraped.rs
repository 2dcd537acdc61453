use crate::clock::Every;
use crate::critical::Path;
use crate::feed::Rank;
use crate::indicator::Indicator;
use crate::link::Link;
use crate::spec::ScrapeSpec;
use flow_control::{Moment, Observation, Reading, Sample, Selection, Unknown, Window};
use std::time::Duration;

/// How often the application measures.
const MEASURES: Duration = Duration::from_millis(20);
/// How often the operator asks Prometheus, whether that was scraped anew or not, and when first.
const ASKS: Duration = Duration::from_secs(1);
const FIRST_ASKED: Duration = Duration::from_millis(730);

/// What a critical application tells of itself, by way of a Prometheus.
#[derive(Clone, Debug)]
pub(crate) struct Scraped {
    path: Path,
    indicator: Indicator,
    rank: Rank,
    spec: ScrapeSpec,
    measures: Every,
    scrapes: Every,
    asks: Every,
    window: Window,
    exposed: Reading,
    answered: Reading,
    asked: Option<Moment>,
}

impl Scraped {
    pub(crate) fn new(path: Path, indicator: Indicator, rank: Rank, spec: ScrapeSpec) -> Self {
        let samples = spec.window.0.as_millis() / MEASURES.as_millis();
        Self {
            path,
            indicator,
            rank,
            spec,
            measures: Every::new(MEASURES),
            scrapes: Every::after(spec.every.0, spec.every.0),
            asks: Every::after(FIRST_ASKED, ASKS),
            window: Window::new(usize::try_from(samples).unwrap_or(usize::MAX)),
            exposed: Err(Unknown::NoData),
            answered: Err(Unknown::NoData),
            asked: None,
        }
    }

    pub(crate) fn step(&mut self, links: &[Link], now: Moment) {
        if self.measures.is_due(now) {
            let rtt = self.path.send(links, now);
            self.window.push(Sample { sent: now, rtt });
        }
        if self.scrapes.is_due(now) {
            self.exposed =
                self.indicator.read(&mut self.window, Selection::newest(usize::MAX, now, self.spec.window.0));
        }
        if self.asks.is_due(now) {
            (self.answered, self.asked) = (self.exposed, Some(now));
        }
    }

    /// An answer tells of the present limits once what it tells was scraped under them.
    pub(crate) fn observe(&self, settled: Option<Moment>, _now: Moment) -> Observation {
        let period = self.spec.every.0.max(ASKS);
        let is_settled = settled.zip(self.asked).is_some_and(|(since, asked)| asked >= since + period);
        let settled = if is_settled { self.answered } else { Err(Unknown::NoData) };
        let (Rank { role, priority }, bound) = (self.rank, self.indicator.bound);
        Observation {
            settled,
            period,
            window: self.spec.window.0,
            ..Observation::new(role, priority, bound, self.answered, self.asked)
        }
    }
}
