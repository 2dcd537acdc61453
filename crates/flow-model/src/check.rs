//! What a scenario must be for the model to run it.

use crate::scenario::{Error, Scenario};
use crate::spec::{
    Asks, Capacity, Fault, LinkSpec, ObjectiveSpec, PodSpec, PolicySpec, ProbeSpec, Source, TargetSpec,
    TrafficSpec, Walk,
};
use crate::units::{Rate, Span};
use flow_control::Bandwidth;
use std::ops::RangeInclusive;
use std::time::Duration;

const TICK: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);
const TENTH: Duration = Duration::from_millis(100);
/// A slower link would take longer to empty its buffer than anybody waits.
const SLOWEST: Rate = Rate(Bandwidth::from_bps(8_000));
const FASTEST: Rate = Rate(Bandwidth::from_mbps(1_000_000));
/// The most pods in all.
const SENDERS: usize = 1_000;

/// A sentence that names the field, what was found in it, and what is allowed.
type Problem = String;
type Checked = Result<(), Problem>;

impl Scenario {
    /// This scenario, if the model can run it.
    pub(crate) fn checked(self) -> Result<Self, Error> {
        match self.check() {
            Ok(()) => Ok(self),
            Err(problem) => Err(self.wrong(problem)),
        }
    }

    pub(crate) fn wrong(&self, problem: Problem) -> Error {
        Error::Wrong { name: self.name.clone(), problem }
    }

    fn check(&self) -> Checked {
        span("lasts", self.lasts, &(SECOND..=DAY))?;
        span("warmUp", self.warm_up, &(Duration::ZERO..=self.lasts.0.saturating_sub(SECOND)))?;
        some("links", self.links.len())?;
        some("policies", self.policies.len())?;
        each("links", &self.links, |path, link| link.check(path))?;
        let links = self.links.len();
        each("policies", &self.policies, |path, policy| policy.check(path, links))?;
        let targets = self.policies.iter().flat_map(|policy| &policy.targets);
        let senders = targets.flat_map(|target| &target.pods).map(|pods| pods.count);
        within("the number of all pods", &senders.fold(0, usize::saturating_add), &(1..=SENDERS))
    }
}

impl LinkSpec {
    fn check(&self, path: &str) -> Checked {
        span(&format!("{path}.buffer"), self.buffer, &(TICK..=SECOND * 60))?;
        span(&format!("{path}.base"), self.base, &(Duration::from_micros(1)..=SECOND * 60))?;
        let path = format!("{path}.capacity");
        match &self.capacity {
            Capacity::Constant(capacity) => rate(&format!("{path}.constant"), *capacity),
            Capacity::Steps(steps) => {
                some(&format!("{path}.steps"), steps.len())?;
                each(&format!("{path}.steps"), steps, |path, step| rate(&format!("{path}.is"), step.is))
            }
            Capacity::Walk(walk) => walk.check(&format!("{path}.walk")),
        }
    }
}

impl Walk {
    fn check(&self, path: &str) -> Checked {
        rate(&format!("{path}.high"), self.high)?;
        within(&format!("{path}.low"), &self.low.0, &(SLOWEST.0..=self.high.0))?;
        span(&format!("{path}.every"), self.every, &(TENTH..=DAY))
    }
}

impl PolicySpec {
    fn check(&self, path: &str, links: usize) -> Checked {
        span(&format!("{path}.interval"), self.interval, &(TENTH / 2..=DAY))?;
        if let TrafficSpec::Query(every) = self.traffic {
            span(&format!("{path}.traffic.query"), every, &(TENTH..=DAY))?;
        }
        each(&format!("{path}.objectives"), &self.objectives, |path, objective| {
            objective.check(path, links)
        })?;
        some(&format!("{path}.targets"), self.targets.len())?;
        each(&format!("{path}.targets"), &self.targets, |path, target| target.check(path, links))
    }
}

impl TargetSpec {
    fn check(&self, path: &str, links: usize) -> Checked {
        rate(&format!("{path}.max"), self.max)?;
        within(&format!("{path}.min"), &self.min.0, &(SLOWEST.0..=self.max.0))?;
        some(&format!("{path}.pods"), self.pods.len())?;
        each(&format!("{path}.pods"), &self.pods, |path, pods: &PodSpec| {
            within(&format!("{path}.count"), &pods.count, &(0..=SENDERS))?;
            link(path, pods.link, links)
        })
    }
}

impl ObjectiveSpec {
    fn check(&self, path: &str, links: usize) -> Checked {
        link(path, self.link, links)?;
        let path_of = |field: &str| format!("{path}.asks.{field}");
        match self.asks {
            Asks::Jitter { samples, .. } => within(&path_of("jitter.samples"), &samples, &(5..=1000))?,
            Asks::Latency { samples, permille, .. } => {
                within(&path_of("latency.samples"), &samples, &(5..=1000))?;
                within(&path_of("latency.permille"), &permille, &(1..=1000))?;
            }
            Asks::Loss { samples, max } => {
                within(&path_of("loss.samples"), &samples, &(5..=1000))?;
                share(&path_of("loss.max"), max)?;
            }
        }
        each(&format!("{path}.faults"), &self.faults, |path, fault: &Fault| {
            share(&format!("{path}.loss"), fault.loss)
        })?;
        match &self.by {
            Source::Probe(probe) => probe.check(&format!("{path}.by.probe")),
            Source::Prometheus(scrape) => {
                let path = format!("{path}.by.prometheus");
                span(&format!("{path}.every"), scrape.every, &(TENTH..=DAY))?;
                span(&format!("{path}.window"), scrape.window, &(TENTH..=SECOND * 3600))
            }
        }
    }
}

impl ProbeSpec {
    fn check(&self, path: &str) -> Checked {
        span(&format!("{path}.interval"), self.interval, &(TICK..=SECOND * 60))?;
        share(&format!("{path}.lost"), self.lost)?;
        share(&format!("{path}.outliers"), self.outliers)
    }
}

fn each<T>(list: &str, items: &[T], check: impl Fn(&str, &T) -> Checked) -> Checked {
    items.iter().enumerate().try_for_each(|(position, item)| check(&format!("{list}[{position}]"), item))
}

fn some(list: &str, count: usize) -> Checked {
    if count == 0 { Err(format!("{list}: found nothing; at least one is needed")) } else { Ok(()) }
}

fn link(path: &str, link: usize, links: usize) -> Checked {
    within(&format!("{path}.link"), &link, &(0..=links.saturating_sub(1)))
}

fn rate(field: &str, found: Rate) -> Checked {
    within(field, &found.0, &(SLOWEST.0..=FASTEST.0))
}

fn share(field: &str, found: f64) -> Checked {
    within(field, &found, &(0.0..=1.0))
}

fn within<T: PartialOrd + std::fmt::Display>(field: &str, found: &T, allowed: &RangeInclusive<T>) -> Checked {
    if allowed.contains(found) {
        return Ok(());
    }
    Err(format!("{field}: found {found}; allowed is {} to {}", allowed.start(), allowed.end()))
}

/// The same of times, which have another way of being shown.
fn span(field: &str, found: Span, allowed: &RangeInclusive<Duration>) -> Checked {
    if allowed.contains(&found.0) {
        return Ok(());
    }
    Err(format!("{field}: found {:?}; allowed is {:?} to {:?}", found.0, allowed.start(), allowed.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "why: generated
links: [{capacity: {constant: 100M}}]
policies:
  - objectives: [{asks: {jitter: {max: 3ms}}}]
    targets: [{pods: [{sends: tcp}]}]";

    fn problem(from: &str, to: &str) -> String {
        assert!(WHOLE.contains(from), "{from}");
        Scenario::parse("mine".to_owned(), &WHOLE.replace(from, to)).unwrap_err().to_string()
    }

    #[test]
    fn what_the_model_cannot_run_is_named_with_what_is_allowed() {
        assert!(Scenario::parse("mine".to_owned(), WHOLE).is_ok());
        for (from, to, said) in [
            ("why: generated", "why: x\nlasts: 0s", "lasts: found 0ns; allowed is 1s to 86400s"),
            ("why: generated", "why: x\nlasts: 5s", "warmUp: found 10s; allowed is 0ns to 4s"),
            ("[{capacity: {constant: 100M}}]", "[]", "links: found nothing; at least one is needed"),
            ("100M", "0", "links[0].capacity.constant: found 0; allowed is 8k to 1T"),
            (
                "{constant: 100M}",
                "{steps: []}",
                "links[0].capacity.steps: found nothing; at least one is needed",
            ),
            (
                "{constant: 100M}",
                "{walk: {low: 1M, high: 2M, every: 0s, stride: 1M}}",
                "links[0].capacity.walk.every: found 0ns; allowed is 100ms to 86400s",
            ),
            (
                "sends: tcp",
                "sends: tcp, link: 1",
                "policies[0].targets[0].pods[0].link: found 1; allowed is 0 to 0",
            ),
            ("sends: tcp", "sends: tcp, count: 0", "the number of all pods: found 0; allowed is 1 to 1000"),
            (
                "max: 3ms",
                "max: 3ms, samples: 0",
                "policies[0].objectives[0].asks.jitter.samples: found 0; allowed is 5 to 1000",
            ),
        ] {
            assert_eq!(problem(from, to), format!("mine: {said}"), "{to}");
        }
    }

    #[test]
    fn a_number_without_end_is_refused_where_it_is_read() {
        assert!(problem("3ms", "1e18m").contains("found \"1e18m\""), "{}", problem("3ms", "1e18m"));
        assert!(problem("100M", "1P").contains("found \"1P\""), "{}", problem("100M", "1P"));
    }
}
