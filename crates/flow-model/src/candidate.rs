use crate::contender::Control;
use crate::scenario::{Error, Scenario};
use crate::spec::{Asks, ObjectiveSpec, PolicySpec, ProbeSpec, Scope, ScrapeSpec, Source, TargetSpec};
use crate::units::{Rate, Span};
use flow_control::{Bandwidth, EffectCheck, JitterMethod, Law, NoData, Range, Role};
use std::time::Duration;

/// How often a Prometheus scrapes where the scenario does not tell.
const SCRAPES: Duration = Duration::from_secs(15);

/// A policy that is tried in the place of those of a scenario.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The time between decisions.
    pub interval: Duration,
    /// What is asked for critical flows.
    pub objectives: Vec<CandidateObjective>,
    /// Who may be limited.
    pub targets: Vec<CandidateTarget>,
    /// The control law.
    pub law: Law,
    /// What to do where lower limits do not help; `None` to keep them.
    pub effect_check: Option<EffectCheck>,
    /// What to do where nothing is known.
    pub no_data: NoData,
}

/// An objective of a [`Candidate`].
#[derive(Clone, Copy, Debug)]
pub struct CandidateObjective {
    /// Whether it decides.
    pub role: Role,
    /// Its rank.
    pub priority: u16,
    /// The indicator and its bound.
    pub asked: Asked,
    /// Where the indicator comes from.
    pub by: MeasuredBy,
}

/// What is asked of a critical flow.
#[derive(Clone, Copy, Debug)]
pub enum Asked {
    /// The variation of the newest round-trip times.
    Jitter {
        /// The most that is allowed.
        max: Duration,
        /// How it is told as one number.
        method: JitterMethod,
        /// Over how many.
        samples: usize,
    },
    /// A quantile of the newest round-trip times.
    Latency {
        /// The most that is allowed.
        max: Duration,
        /// The quantile in thousandths.
        permille: u16,
        /// Over how many.
        samples: usize,
    },
    /// The share of lost probes.
    Loss {
        /// The most that is allowed, 0 to 1.
        max: f64,
        /// Over how many.
        samples: usize,
    },
}

/// Where an indicator comes from.
#[derive(Clone, Copy, Debug)]
pub enum MeasuredBy {
    /// Probes, so often.
    Probes(Duration),
    /// A histogram of the application, over so long a window, by way of a Prometheus.
    Histogram(Duration),
}

/// A target of a [`Candidate`].
#[derive(Clone, Copy, Debug)]
pub struct CandidateTarget {
    /// The range of its limit.
    pub range: Range,
    /// The limit to begin with.
    pub initial: Bandwidth,
    /// Whether the limit is for all pods together, not for each.
    pub shared: bool,
}

impl Scenario {
    /// This scenario with `candidate` in the place of its policies; run it as [`Contender::Policy`](crate::Contender).
    ///
    /// Its targets get the senders of the scenario's targets, in their order and again from the first one where they
    /// are more; its objectives likewise get the links, faults and sources. Backend and traffic are those of the first
    /// policy. Fails where there are no senders, more targets than the candidate's, or a number that the model cannot use.
    pub fn with(&self, candidate: &Candidate) -> Result<Self, Error> {
        let theirs: Vec<_> = self.policies.iter().flat_map(|policy| &policy.targets).collect();
        if theirs.len() > candidate.targets.len() {
            let (senders, targets) = (theirs.len(), candidate.targets.len());
            return Err(self.wrong(format!(
                "found {senders} targets with senders; allowed are at most {targets}, since the policy has so many"
            )));
        }
        let objectives: Vec<_> = self.policies.iter().flat_map(|policy| &policy.objectives).collect();
        let objectives = repeated(&objectives).zip(&candidate.objectives);
        let targets = theirs.iter().cycle().zip(&candidate.targets);
        let first = self.policies.first();
        let policy = PolicySpec {
            objectives: objectives.map(|(theirs, objective)| objective.spec(theirs)).collect(),
            targets: targets.map(|(theirs, target)| target.spec(theirs)).collect(),
            traffic: first.map(|policy| policy.traffic).unwrap_or_default(),
            backend: first.map(|policy| policy.backend).unwrap_or_default(),
            interval: Span(candidate.interval),
            no_data: first.map(|policy| policy.no_data).unwrap_or_default(),
            control: Some(candidate.control()),
        };
        Self { policies: vec![policy], ..self.clone() }.checked()
    }
}

/// Each of `items`, again and again; none, for ever, where there are none.
fn repeated<'a, T>(items: &'a [&'a T]) -> impl Iterator<Item = Option<&'a T>> {
    (0..).map(|position: usize| items.get(position.checked_rem(items.len())?).copied())
}

impl Candidate {
    const fn control(&self) -> Control {
        Control { law: self.law, effect_check: self.effect_check, no_data: self.no_data }
    }
}

impl CandidateObjective {
    fn spec(&self, theirs: Option<&ObjectiveSpec>) -> ObjectiveSpec {
        ObjectiveSpec {
            asks: self.asked.into(),
            role: self.role,
            priority: self.priority,
            by: self.by.source(theirs.map(|theirs| &theirs.by)),
            link: theirs.map_or(0, |theirs| theirs.link),
            faults: theirs.map(|theirs| theirs.faults.clone()).unwrap_or_default(),
        }
    }
}

impl MeasuredBy {
    /// The source, as far as `theirs` of the same kind describes it.
    fn source(self, theirs: Option<&Source>) -> Source {
        match (self, theirs) {
            (Self::Probes(interval), Some(Source::Probe(probe))) => {
                Source::Probe(ProbeSpec { interval: Span(interval), ..probe.clone() })
            }
            (Self::Probes(interval), _) => {
                Source::Probe(ProbeSpec { interval: Span(interval), ..ProbeSpec::default() })
            }
            (Self::Histogram(window), Some(Source::Prometheus(scrape))) => {
                Source::Prometheus(ScrapeSpec { window: Span(window), ..*scrape })
            }
            (Self::Histogram(window), _) => {
                Source::Prometheus(ScrapeSpec { every: Span(SCRAPES), window: Span(window) })
            }
        }
    }
}

impl From<Asked> for Asks {
    fn from(asked: Asked) -> Self {
        match asked {
            Asked::Jitter { max, method, samples } => {
                Self::Jitter { max: Span(max), method: method.into(), samples }
            }
            Asked::Latency { max, permille, samples } => Self::Latency { max: Span(max), permille, samples },
            Asked::Loss { max, samples } => Self::Loss { max, samples },
        }
    }
}

impl CandidateTarget {
    fn spec(&self, theirs: &TargetSpec) -> TargetSpec {
        TargetSpec {
            min: Rate(self.range.min),
            max: Rate(self.range.max),
            initial: Some(Rate(self.initial)),
            scope: if self.shared { Scope::Target } else { Scope::Pod },
            pods: theirs.pods.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Contender, run};
    use flow_control::{Adaptive, NoDataAction};

    const TARGET: CandidateTarget = CandidateTarget {
        range: Range { min: Bandwidth::from_mbps(10), max: Bandwidth::from_mbps(100) },
        initial: Bandwidth::from_mbps(60),
        shared: false,
    };

    fn candidate(targets: usize) -> Candidate {
        let asked =
            Asked::Jitter { max: Duration::from_millis(3), method: JitterMethod::Rfc3550, samples: 30 };
        let by = MeasuredBy::Probes(Duration::from_millis(40));
        Candidate {
            interval: Duration::from_millis(300),
            objectives: vec![CandidateObjective { role: Role::Control, priority: 7, asked, by }],
            targets: vec![TARGET; targets],
            law: Law::Adaptive(Adaptive::STRICT),
            effect_check: None,
            no_data: NoData { after: Duration::from_secs(9), action: NoDataAction::Minimum },
        }
    }

    fn scenario() -> Scenario {
        let text = "why: two targets
links: [{capacity: {constant: 100M}}]
policies:
  - objectives:
      - asks: {latency: {max: 1ms}}
        by: {probe: {interval: 10ms, noise: 5us}}
        faults: [{from: 5s, lasts: 1s}]
    targets:
      - pods: [{sends: tcp, count: 1}]
      - pods: [{sends: tcp, count: 2}]
    traffic: none";
        Scenario::parse("mine".to_owned(), text).unwrap()
    }

    #[test]
    fn senders_and_what_befalls_paths_stay_those_of_the_scenario() {
        let tried = scenario().with(&candidate(3)).unwrap();
        let [policy] = tried.policies.as_slice() else { panic!("one policy") };
        let counts: Vec<_> = policy.targets.iter().map(|target| target.pods[0].count).collect();
        assert_eq!(counts, [1, 2, 1]);
        assert!(matches!(policy.traffic, crate::spec::TrafficSpec::None));
        let objective = &policy.objectives[0];
        assert_eq!((objective.faults.len(), objective.priority), (1, 7));
        let Source::Probe(probe) = &objective.by else { panic!("it is probed") };
        assert_eq!(
            (probe.interval.0, probe.noise.0),
            (Duration::from_millis(40), Duration::from_micros(5)),
            "the interval is the policy's"
        );
    }

    #[test]
    fn a_target_of_the_scenario_that_nobody_limits_is_refused() {
        let error = scenario().with(&candidate(1)).unwrap_err().to_string();
        let said = "mine: found 2 targets with senders; allowed are at most 1, since the policy has so many";
        assert_eq!(error, said);
    }

    #[test]
    fn limits_begin_where_the_candidate_has_them_begin() {
        let tried = scenario().with(&candidate(2)).unwrap();
        let mut first = None;
        let outcome = run(&tried, Contender::Policy, &mut |glimpse| {
            first.get_or_insert((glimpse.limits.clone(), glimpse.elapsed));
        });
        let (limits, at) = first.unwrap();
        assert!(limits.iter().all(|limit| *limit <= 60e6), "{limits:?}");
        assert!(at >= Duration::from_millis(50) && at <= Duration::from_millis(300), "{at:?}");
        assert_eq!(outcome.judged.len(), 1);
    }
}
