use super::{Path, Paths};
use crate::prometheus::{Latest, Queries, Query};
use crate::report::ObjectiveView;
use flow_control::{Moment, Observation, Reading, Unknown};
use flow_policy::{Histogram, Indicator, Objective, Question, Source};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The shortest time between two questions to Prometheus for one query: scrapes are rarely closer, and the
/// answer between two scrapes is the same.
const MIN_QUERY_INTERVAL: Duration = Duration::from_secs(1);

/// Where indicators come from; shared by all policies, so that equal probes and queries run once.
pub struct Sources {
    /// The paths that are probed.
    pub paths: Arc<Paths>,
    /// The queries that each Prometheus is asked, by its name.
    pub prometheus: BTreeMap<String, Queries>,
}

/// The indicator of one objective, measured for as long as this is held.
pub struct Feed {
    objective: Objective,
    input: Input,
}

enum Input {
    Path(Arc<Path>),
    Query(Query),
    Histogram(Query, Histogram),
    /// There is nothing to ask; why, also as a sentence.
    Nothing(Unknown, String),
}

impl Sources {
    /// Begins to measure what `objective` asks for, with Prometheus asked every `interval`.
    #[must_use]
    pub fn feed(&self, objective: &Objective, interval: Duration) -> Feed {
        let input = match &objective.source {
            Source::Probe(probe) => Input::Path(self.paths.open(probe)),
            Source::Prometheus { source, question } => self.ask(source, question, objective, interval),
        };
        Feed { objective: objective.clone(), input }
    }

    fn ask(&self, source: &str, question: &Question, objective: &Objective, interval: Duration) -> Input {
        let Some(queries) = self.prometheus.get(source) else {
            return Input::Nothing(Unknown::NoSource, self.not_configured(source, &objective.name));
        };
        let Some(query) = question.promql(objective.indicator, objective.bound) else {
            let problem = format!("a histogram gives no {}", objective.indicator.name());
            return Input::Nothing(Unknown::SourceFailed, problem);
        };
        let query = queries.subscribe(&query, interval.max(MIN_QUERY_INTERVAL));
        match question {
            Question::Query(_) => Input::Query(query),
            Question::Histogram(histogram) => Input::Histogram(query, histogram.clone()),
        }
    }

    fn not_configured(&self, source: &str, objective: &str) -> String {
        let names: Vec<_> = self.prometheus.keys().map(String::as_str).collect();
        let known =
            if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
        format!("{objective}: the operator has no Prometheus of the name {source:?}; {known}")
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
            Self::Query(query) => shown(query.latest(now)),
            Self::Histogram(query, histogram) => shown(of_histogram(query.latest(now), histogram)),
            Self::Nothing(unknown, why) => (Err(*unknown), None, Some(why.clone())),
        }
    }
}

fn shown(Latest { reading, measured, detail }: Latest) -> (Reading, Option<Moment>, Option<String>) {
    (reading, measured, detail)
}

/// What the answer to the query of a histogram means.
fn of_histogram(latest: Latest, histogram: &Histogram) -> Latest {
    match latest.reading {
        Err(Unknown::NoSeries) => {
            // How many there are, the answer does not tell.
            let need = usize::try_from(histogram.observations).unwrap_or(usize::MAX);
            let reading = Err(Unknown::TooFewSamples { have: 0, need });
            Latest { reading, detail: Some(histogram.too_few()), ..latest }
        }
        Err(Unknown::NotFinite) => Latest { detail: Some(Histogram::BEYOND_BUCKETS.to_owned()), ..latest },
        _ => latest,
    }
}
