use super::{Path, Paths};
use crate::prometheus::{Queries, Query};
use crate::report::ObjectiveView;
use flow_control::{Moment, Observation, Reading, Unknown};
use flow_policy::{Indicator, Objective, Question, Source};
use std::sync::Arc;
use std::time::Duration;

/// The shortest time between two questions to Prometheus for one query: scrapes are rarely closer, and the
/// answer between two scrapes is the same.
const MIN_QUERY_INTERVAL: Duration = Duration::from_secs(1);

/// Where indicators come from; shared by all policies, so that equal probes and queries run once.
pub struct Sources {
    /// The paths that are probed.
    pub paths: Arc<Paths>,
    /// The queries that Prometheus is asked, where the operator knows a Prometheus.
    pub queries: Option<Queries>,
}

/// The indicator of one objective, measured for as long as this is held.
pub struct Feed {
    objective: Objective,
    input: Input,
}

enum Input {
    Path(Arc<Path>),
    Query(Query),
    NoPrometheus,
}

impl Sources {
    /// Begins to measure what `objective` asks for, with Prometheus asked every `interval`.
    #[must_use]
    pub fn feed(&self, objective: &Objective, interval: Duration) -> Feed {
        let input = match (&objective.source, &self.queries) {
            (Source::Probe(probe), _) => Input::Path(self.paths.open(probe)),
            (Source::Prometheus { question: Question::Query(query), .. }, Some(queries)) => {
                Input::Query(queries.subscribe(query, interval.max(MIN_QUERY_INTERVAL)))
            }
            (Source::Prometheus { .. }, _) => Input::NoPrometheus,
        };
        Feed { objective: objective.clone(), input }
    }
}

impl Feed {
    /// What is known `now`: for the decision, and for people.
    #[must_use]
    pub fn read(&self, now: Moment) -> (Observation, ObjectiveView) {
        let (reading, measured, detail) = self.input.read(self.objective.indicator, now);
        let Objective { role, priority, bound, .. } = self.objective;
        let view = ObjectiveView { reading, judgement: bound.judge(reading), detail };
        (Observation { role, priority, bound, reading, measured }, view)
    }
}

impl Input {
    fn read(&self, indicator: Indicator, now: Moment) -> (Reading, Option<Moment>, Option<String>) {
        match self {
            Self::Path(path) => {
                let (reading, measured) = path.read(indicator, now);
                (reading, measured, reading.is_err().then(|| path.problem()).flatten())
            }
            Self::Query(query) => {
                let latest = query.latest(now);
                (latest.reading, latest.measured, latest.detail)
            }
            Self::NoPrometheus => {
                let detail = "the operator was given no Prometheus (--prometheus-url)";
                (Err(Unknown::SourceFailed), None, Some(detail.to_owned()))
            }
        }
    }
}
