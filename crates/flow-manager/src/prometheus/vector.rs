use super::answer::Sample;
use super::error::QueryError;
use super::selector::{Matcher, Test};
use flow_control::Finite;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::HashMap;

/// The labels that tell the series of our own metrics apart.
const TELLING: [&str; 2] = ["target", "service"];

/// All series of a metric, to be selected from.
#[derive(Debug)]
pub(super) struct Vector {
    series: Vec<Series>,
    /// Where the series are that have this value of a telling label.
    places: HashMap<(&'static str, String), Vec<usize>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Series {
    #[serde(default)]
    metric: HashMap<String, String>,
    value: Option<Sample>,
    histogram: Option<IgnoredAny>,
}

/// The number of one series, and the pod that it is of, if it names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodSeries {
    /// The value of the label `pod`.
    pub pod: Option<String>,
    /// The number.
    pub number: Finite,
}

impl Vector {
    pub(super) fn new(series: Vec<Series>) -> Self {
        let mut places: HashMap<_, Vec<usize>> = HashMap::new();
        for (place, one) in series.iter().enumerate() {
            for label in TELLING {
                if let Some(value) = one.metric.get(label) {
                    places.entry((label, value.clone())).or_default().push(place);
                }
            }
        }
        Self { series, places }
    }

    /// The value of the only series that all matchers accept.
    pub(super) fn number(&self, matchers: &[Matcher]) -> Result<Finite, QueryError> {
        let mut accepted = self.candidates(matchers).filter(|series| series.is_accepted(matchers));
        let Some(first) = accepted.next() else { return Err(QueryError::NoSeries) };
        match 1 + accepted.count() {
            1 => first.number(),
            series => Err(QueryError::Ambiguous { series }),
        }
    }

    /// All series, in the order of their pods: at least one, and each of them a number.
    pub(super) fn by_pod(&self) -> Result<Vec<PodSeries>, QueryError> {
        let mut series = self.series.iter().map(Series::of_pod).collect::<Result<Vec<_>, _>>()?;
        series.sort_by(|one, other| one.pod.cmp(&other.pod));
        if series.is_empty() { Err(QueryError::NoSeries) } else { Ok(series) }
    }

    /// The series that have the telling label that the matchers ask for; all, where they ask for none.
    fn candidates(&self, matchers: &[Matcher]) -> Box<dyn Iterator<Item = &Series> + '_> {
        match matchers.iter().find_map(telling) {
            Some(key) => {
                let places = self.places.get(&key).into_iter().flatten();
                Box::new(places.filter_map(|place| self.series.get(*place)))
            }
            None => Box::new(self.series.iter()),
        }
    }
}

/// The telling label whose value a matcher knows.
fn telling(matcher: &Matcher) -> Option<(&'static str, String)> {
    let label = TELLING.into_iter().find(|label| *label == matcher.label)?;
    match &matcher.test {
        Test::Is(value) if !value.is_empty() => Some((label, value.clone())),
        _ => None,
    }
}

impl Series {
    fn is_accepted(&self, matchers: &[Matcher]) -> bool {
        let value = |label: &str| self.metric.get(label).map_or("", String::as_str);
        matchers.iter().all(|matcher| matcher.accepts(value(&matcher.label)))
    }

    /// The one series that a number without labels is.
    pub(super) fn unlabelled(sample: Sample) -> Self {
        Self { metric: HashMap::new(), value: Some(sample), histogram: None }
    }

    fn of_pod(&self) -> Result<PodSeries, QueryError> {
        Ok(PodSeries { pod: self.metric.get("pod").cloned(), number: self.number()? })
    }

    /// Fails where it is of another time than `now_s`.
    pub(super) fn is_of(&self, now_s: f64) -> Result<(), QueryError> {
        self.value.as_ref().map_or(Ok(()), |sample| sample.is_of(now_s))
    }

    /// The number that this series has.
    pub(super) fn number(&self) -> Result<Finite, QueryError> {
        match (&self.value, &self.histogram) {
            (Some(sample), _) => sample.number(),
            (None, Some(_)) => Err(QueryError::WrongType { found: "histogram" }),
            (None, None) => Err(QueryError::Malformed { problem: "a series has no value".to_owned() }),
        }
    }
}
