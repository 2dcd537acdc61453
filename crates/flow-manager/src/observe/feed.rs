use super::first_sign::FirstSign;
use super::record::Seen;
use super::{Path, Paths};
use crate::prometheus::{Latest, Queries, Query};
use crate::report::ObjectiveView;
use flow_control::{Bound, LastQueued, Moment, Observation, Queueing, Reading, Role, Unknown};
use flow_policy::{Histogram, Indicator, Objective, Question, Source};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

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
    indicator: Indicator,
    role: Role,
    priority: u16,
    bound: Bound,
    input: Input,
    queued: LastQueued,
}

enum Input {
    /// And the queue on it that is the first sign of a violation.
    Path(Arc<Path>, Option<FirstSign>),
    Query(Query),
    Histogram(Query, Histogram),
    /// There is nothing to ask; why, also as a sentence.
    Nothing(Unknown, String),
}

impl Sources {
    /// Begins to measure what `objective` of a policy in `namespace` asks for, with Prometheus asked every `interval`.
    #[must_use]
    pub fn feed(&self, namespace: &str, objective: &Objective, interval: Duration) -> Feed {
        let input = match &objective.source {
            Source::Probe(probe) => {
                let sign = FirstSign::of(objective.indicator, objective.bound);
                Input::Path(self.paths.open(probe), sign)
            }
            Source::Prometheus { source, question } => match self.queries(source) {
                Ok(queries) => ask(queries, namespace, question, objective, interval),
                Err(problem) => Input::Nothing(Unknown::NoSource, format!("{}: {problem}", objective.name)),
            },
        };
        let Objective { indicator, role, priority, bound, .. } = *objective;
        Feed { indicator, role, priority, bound, input, queued: LastQueued::default() }
    }

    /// The queries that the Prometheus of that name is asked; if the operator was given none, that and which it has, as a
    /// sentence.
    pub fn queries(&self, source: &str) -> Result<&Queries, String> {
        self.prometheus.get(source).ok_or_else(|| {
            let names: Vec<_> = self.prometheus.keys().map(String::as_str).collect();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            format!("the operator has no Prometheus of the name {source:?}; it has {known}")
        })
    }
}

fn ask(
    queries: &Queries,
    namespace: &str,
    question: &Question,
    objective: &Objective,
    interval: Duration,
) -> Input {
    let Some(query) = question.promql(objective.indicator, objective.bound) else {
        let problem = format!("a histogram gives no {}", objective.indicator.name());
        return Input::Nothing(Unknown::SourceFailed, problem);
    };
    match (queries.subscribe(namespace, &query, interval.max(MIN_QUERY_INTERVAL)), question) {
        (Ok(query), Question::Query(_)) => Input::Query(query),
        (Ok(query), Question::Histogram(histogram)) => Input::Histogram(query, histogram.clone()),
        (Err(refused), _) => Input::Nothing(Unknown::NotAllowed, refused.to_string()),
    }
}

/// What an input says of an objective.
struct Told {
    reading: Reading,
    settled: Reading,
    measured: Option<Moment>,
    period: Duration,
    window: Duration,
    queueing: Option<Queueing>,
    /// What there is to add for people.
    detail: Option<String>,
}

impl Feed {
    /// What is known `now`, where the limits took effect at `settled_since`, which may be yet to come: for the decision,
    /// and for people.
    #[must_use]
    pub fn read(&mut self, now: Moment, settled_since: Moment) -> (Observation, ObjectiveView) {
        let told = self.input.read(self.indicator, now, settled_since, &mut self.queued);
        let Told { reading, settled, measured, period, window, queueing, detail } = told;
        let Self { role, priority, bound, .. } = *self;
        let is_measured = matches!(reading, Ok(_) | Err(Unknown::Stale { .. }));
        let view = ObjectiveView {
            reading,
            judgement: bound.judge(reading),
            measured: measured.filter(|_| is_measured),
            queueing,
            detail,
        };
        (Observation { role, priority, bound, reading, measured, settled, period, window, queueing }, view)
    }

    /// Lets `bell` ring at the first sign that the objective will be violated, if it is decisive and there is such a sign:
    /// for as long as somebody holds on to the bell.
    pub fn ring(&self, bell: &Arc<Notify>) {
        if let (Input::Path(path, Some(sign)), Role::Control) = (&self.input, self.role) {
            path.ring(*sign, bell);
        }
    }
}

impl Input {
    fn read(
        &self,
        indicator: Indicator,
        now: Moment,
        settled_since: Moment,
        queued: &mut LastQueued,
    ) -> Told {
        match self {
            Self::Path(path, sign) => {
                Told::by_path(path.read(indicator, *sign, now, settled_since, queued), path.interval())
            }
            Self::Query(query) => Told::by_query(query.latest(now), query.window(), settled_since),
            Self::Histogram(query, histogram) => {
                let latest = of_histogram(query.latest(now), histogram);
                Told::by_query(latest, histogram.window, settled_since)
            }
            Self::Nothing(unknown, why) => Told::nothing(*unknown, why.clone()),
        }
    }
}

impl Told {
    fn by_path(seen: Seen, period: Duration) -> Self {
        let Seen { reading, settled, measured, queueing, problem } = seen;
        Self { reading, settled, measured, period, window: Duration::ZERO, queueing, detail: problem }
    }

    fn by_query(latest: Latest, window: Duration, settled_since: Moment) -> Self {
        let Latest { reading, measured, period, detail } = latest;
        // What is answered may have been scraped a whole period before.
        let is_settled = measured.is_some_and(|measured| measured >= settled_since + period);
        let settled = if is_settled { reading } else { Err(Unknown::NoData) };
        Self { reading, settled, measured, period, window, queueing: None, detail }
    }

    const fn nothing(unknown: Unknown, why: String) -> Self {
        let (reading, period, window) = (Err(unknown), Duration::ZERO, Duration::ZERO);
        Self { reading, settled: reading, measured: None, period, window, queueing: None, detail: Some(why) }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::prometheus::{Access, Client, CredentialFiles, QueryMetrics, Source as Server};
    use crate::serve::Readiness;
    use flow_control::Finite;
    use flow_policy::Policy;
    use flow_policy::spec::{HistogramTypeSpec, TimeUnitSpec};
    use flow_probe::Prober;
    use flow_probe::metrics::Metrics;
    use prometheus_client::registry::Registry;
    use reqwest::header::HeaderMap;
    use serde_json::{Value, json};

    fn objective(prometheus: &Value) -> Objective {
        let spec = json!({
            "objectives": [{"name": "rate", "prometheus": prometheus, "value": {"min": "1"}}],
            "targets": [{"kind": "Deployment", "name": "a", "limit": {"min": "10M", "max": "100M"}}],
        });
        Policy::try_from(&serde_json::from_value(spec).unwrap()).unwrap().objectives.remove(0)
    }

    /// Sources of these names, none of which answers.
    fn sources(names: &[&str]) -> Sources {
        // It fails where another test was first, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (mut registry, clock) = (Registry::default(), Clock::start());
        let paths = Paths::new(Prober::start().unwrap(), clock, Metrics::register(&mut registry));
        let metrics = QueryMetrics::register(&mut registry);
        let (timeout, headers) = (Duration::from_secs(1), HeaderMap::new());
        let credentials = CredentialFiles::default();
        let queries = |name: &&str| {
            // One is for policies of another namespace.
            let namespaces = (*name == "theirs").then(|| "office".parse().unwrap()).into_iter().collect();
            let access = Access { namespaces, ..Access::default() };
            let (url, headers, credentials) =
                ("http://127.0.0.1:1".to_owned(), headers.clone(), credentials.clone());
            let client = Client::new(&Server { url, timeout, headers, credentials, access }).unwrap();
            let queries = Queries::new(name, client, clock, metrics.clone(), Readiness::default());
            ((*name).to_owned(), queries)
        };
        Sources { paths: Arc::new(paths), prometheus: names.iter().map(queries).collect() }
    }

    fn read(names: &[&str], prometheus: &Value) -> ObjectiveView {
        let mut feed = sources(names).feed("factory", &objective(prometheus), Duration::from_secs(1));
        feed.read(Moment::default(), Moment::default()).1
    }

    #[tokio::test]
    async fn a_source_that_nobody_has_configured_is_named_with_those_that_there_are() {
        let view = read(&["default", "edge"], &json!({"source": "egde", "query": "up"}));
        assert_eq!(view.reading, Err(Unknown::NoSource));
        let said = "rate: the operator has no Prometheus of the name \"egde\"; it has default, edge";
        assert_eq!(view.detail.as_deref(), Some(said));
        let none = read(&[], &json!({"query": "up"}));
        assert!(none.detail.unwrap().ends_with("of the name \"default\"; it has none"));
    }

    #[tokio::test]
    async fn a_source_that_is_not_for_the_policys_namespace_is_refused_and_named() {
        let view = read(&["default", "theirs"], &json!({"source": "theirs", "query": "up"}));
        assert_eq!((view.reading, view.measured), (Err(Unknown::NotAllowed), None));
        let said = "the operator's administrator does not let policies of the namespace \"factory\" ask the \
                    Prometheus \"theirs\"";
        assert_eq!(view.detail.as_deref(), Some(said));
    }

    #[tokio::test]
    async fn a_source_that_is_configured_is_asked() {
        let view = read(&["default", "edge"], &json!({"source": "edge", "query": "up"}));
        assert_eq!((view.reading, view.detail, view.measured), (Err(Unknown::NoData), None, None));
    }

    #[test]
    fn an_answer_is_settled_if_it_was_asked_for_a_period_after_the_limits_took_effect() {
        let at = |seconds| Moment::after_epoch(Duration::from_secs(seconds));
        let (number, period, window) =
            (Ok(Finite::default()), Duration::from_secs(15), Duration::from_secs(30));
        let told = |reading, since| {
            let latest = Latest { reading, measured: Some(at(25)), period, detail: None };
            Told::by_query(latest, window, at(since))
        };
        assert_eq!([told(number, 10).settled, told(number, 11).settled], [number, Err(Unknown::NoData)]);
        assert_eq!(told(Err(Unknown::NoSeries), 10).settled, Err(Unknown::NoSeries));
        let unsettled = told(number, 11);
        assert_eq!((unsettled.reading, unsettled.period, unsettled.window), (number, period, window));
    }

    #[tokio::test]
    async fn a_query_looks_as_far_back_as_its_range_and_a_histogram_as_its_window() {
        let window = |prometheus: &Value, indicator: &str| {
            let mut objective = json!({"name": "rate", "prometheus": prometheus});
            let asked = if indicator == "value" { json!({"min": "1"}) } else { json!({"max": "1ms"}) };
            objective[indicator] = asked;
            let target = json!({"kind": "Deployment", "name": "a", "limit": {"min": "10M", "max": "100M"}});
            let spec = json!({"objectives": [objective], "targets": [target]});
            let policy = Policy::try_from(&serde_json::from_value(spec).unwrap()).unwrap();
            let mut feed =
                sources(&["default"]).feed("factory", &policy.objectives[0], Duration::from_secs(1));
            feed.read(Moment::default(), Moment::default()).0.window
        };
        assert_eq!(window(&json!({"query": "x"}), "value"), Duration::ZERO);
        assert_eq!(window(&json!({"query": "rate(x[45s])"}), "value"), Duration::from_secs(45));
        let histogram = json!({"histogram": {"selector": "rtt", "window": "40s"}});
        assert_eq!(window(&histogram, "latency"), Duration::from_secs(40));
    }

    #[tokio::test]
    async fn only_a_decisive_objective_with_a_first_sign_rings() {
        let rings = |role: &str, indicator: &str, samples: u64| {
            let mut objective =
                json!({"name": "robot", "role": role, "probe": {"host": "127.0.0.1", "port": 9}});
            let max = if indicator == "loss" { "0.1" } else { "1ms" };
            objective[indicator] = json!({"max": max, "samples": samples});
            let other = json!({"name": "rate", "prometheus": {"query": "x"}, "value": {"min": "1"}});
            let target = json!({"kind": "Deployment", "name": "a", "limit": {"min": "10M", "max": "100M"}});
            let spec = json!({"objectives": [objective, other], "targets": [target]});
            let policy = Policy::try_from(&serde_json::from_value(spec).unwrap()).unwrap();
            let (sources, bell) = (sources(&["default"]), Arc::default());
            let feeds = policy
                .objectives
                .iter()
                .map(|objective| sources.feed("factory", objective, Duration::from_secs(1)));
            let feeds: Vec<_> = feeds.collect();
            for feed in &feeds {
                feed.ring(&bell);
            }
            Arc::weak_count(&bell)
        };
        assert_eq!(rings("Control", "jitter", 20), 2, "at two levels");
        assert_eq!(rings("Watch", "jitter", 20), 0);
        assert_eq!(rings("Control", "loss", 100), 0);
    }

    #[test]
    fn an_answer_of_a_histogram_is_told_in_its_own_words() {
        let histogram = Histogram {
            selector: "rtt".to_owned(),
            type_: HistogramTypeSpec::Classic,
            unit: TimeUnitSpec::Seconds,
            window: Duration::from_secs(30),
            observations: 20,
        };
        let (measured, period) = (None, Duration::from_secs(1));
        let latest = |reading| Latest { reading, measured, period, detail: Some("what it was".to_owned()) };
        let few = of_histogram(latest(Err(Unknown::NoSeries)), &histogram);
        assert_eq!(few.reading, Err(Unknown::TooFewSamples { have: 0, need: 20 }));
        assert_eq!(few.detail.unwrap(), "the histogram has fewer than 20 observations in 30s");
        let beyond = of_histogram(latest(Err(Unknown::NotFinite)), &histogram);
        assert_eq!(beyond.reading, Err(Unknown::NotFinite));
        assert_eq!(beyond.detail.as_deref(), Some(Histogram::BEYOND_BUCKETS));
        for other in [Err(Unknown::SourceFailed), Ok(Finite::default())] {
            assert_eq!(of_histogram(latest(other), &histogram), latest(other));
        }
    }
}
