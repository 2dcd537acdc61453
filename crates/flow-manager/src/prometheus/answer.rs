use super::error::{QueryError, legible};
use super::range::Row;
use super::vector::{Series, Vector};
use flow_control::Finite;
use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::error::Category;
use std::fmt;
use std::time::Duration;

/// An answer of the [HTTP API](https://prometheus.io/docs/prometheus/latest/querying/api/). Its `infos` are
/// hints on the query and do not make it doubtful.
#[derive(Deserialize)]
#[serde(bound = "V: Deserialize<'de>, M: Deserialize<'de>")]
struct Answer<V, M> {
    status: Option<String>,
    data: Option<Data<V, M>>,
    error: Option<String>,
    warnings: Option<Vec<String>>,
}

/// What is in an answer, with a vector read as `V` and a matrix as `M`.
#[derive(Deserialize)]
#[serde(
    tag = "resultType",
    content = "result",
    rename_all = "lowercase",
    bound = "V: Deserialize<'de>, M: Deserialize<'de>"
)]
enum Data<V, M> {
    Scalar(Sample),
    Vector(V),
    Matrix(M),
    String(IgnoredAny),
}

/// The time of the evaluation, in seconds since 1970, and a value.
#[derive(Debug, Deserialize)]
pub(super) struct Sample(f64, String);

/// How far the time of an evaluation may be from now. Clocks that nobody has set right are that far apart, and some
/// servers evaluate half a minute ago, where all data are there.
const TOLERANCE: Duration = Duration::from_mins(1);

/// A vector, of which no more than one series is kept.
struct Counted {
    series: usize,
    first: Option<Series>,
}

/// The one finite number in an answer to an instant query that came at `now_s`, in seconds since 1970.
pub(super) fn number(status: StatusCode, body: &[u8], now_s: f64) -> Result<Finite, QueryError> {
    let series = match data::<Counted, IgnoredAny>(status, body)? {
        Data::Scalar(sample) => Series::unlabelled(sample),
        Data::Vector(vector) => vector.one()?,
        other => return Err(other.is_wrong()),
    };
    let number = series.number()?;
    series.is_of(now_s)?;
    Ok(number)
}

/// All series in an answer to an instant query that came at `now_s`. A scalar is one without labels.
pub(super) fn vector(status: StatusCode, body: &[u8], now_s: f64) -> Result<Vector, QueryError> {
    let series = match data::<Vec<Series>, IgnoredAny>(status, body)? {
        Data::Scalar(sample) => vec![Series::unlabelled(sample)],
        Data::Vector(series) => series,
        other => return Err(other.is_wrong()),
    };
    series.iter().try_for_each(|one| one.is_of(now_s))?;
    Ok(Vector::new(series))
}

/// The series in an answer to a range query.
pub(super) fn matrix(status: StatusCode, body: &[u8]) -> Result<Vec<Row>, QueryError> {
    match data::<IgnoredAny, Vec<Row>>(status, body)? {
        Data::Matrix(rows) => Ok(rows),
        other => Err(other.is_wrong()),
    }
}

fn data<V, M>(status: StatusCode, body: &[u8]) -> Result<Data<V, M>, QueryError>
where
    V: DeserializeOwned,
    M: DeserializeOwned,
{
    match status.as_u16() {
        200..=299 => parse::<V, M>(body)?.data(status),
        300..=399 => Err(QueryError::Redirected { status: status.as_u16() }),
        401 | 403 => Err(QueryError::Denied { status: status.as_u16() }),
        _ => Err(failure(status, body)),
    }
}

/// What an answer means whose HTTP status is a failure. Only a real Prometheus can say that the query is wrong:
/// what else answers at a wrong URL does not speak its JSON.
fn failure(status: StatusCode, body: &[u8]) -> QueryError {
    let told = parse::<IgnoredAny, IgnoredAny>(body).ok().and_then(|answer| answer.error);
    match told {
        Some(error) if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
            QueryError::Rejected { status: status.as_u16(), message: error }
        }
        told => {
            let meaning = status.canonical_reason().unwrap_or("unknown status");
            let message = told.unwrap_or_else(|| meaning.to_owned());
            QueryError::Unavailable { status: status.as_u16(), message }
        }
    }
}

fn parse<V, M>(body: &[u8]) -> Result<Answer<V, M>, QueryError>
where
    V: DeserializeOwned,
    M: DeserializeOwned,
{
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        Category::Data => QueryError::Malformed { problem: error.to_string() },
        Category::Syntax | Category::Eof | Category::Io => QueryError::NotJson,
    })
}

impl<V, M> Answer<V, M> {
    fn data(self, status: StatusCode) -> Result<Data<V, M>, QueryError> {
        if let Some(error) = self.error {
            return Err(QueryError::Rejected { status: status.as_u16(), message: error });
        }
        if let Some(warnings) = self.warnings.filter(|warnings| !warnings.is_empty()) {
            return Err(QueryError::Partial { warnings: warnings.join("; ") });
        }
        if self.status.is_some_and(|status| status != "success") {
            return Err(malformed("its status is not success"));
        }
        self.data.ok_or_else(|| malformed("it has no data"))
    }
}

impl<V, M> Data<V, M> {
    const fn is_wrong(&self) -> QueryError {
        let found = match self {
            Self::Scalar(_) => "scalar",
            Self::Vector(_) => "vector",
            Self::Matrix(_) => "matrix",
            Self::String(_) => "string",
        };
        QueryError::WrongType { found }
    }
}

impl Counted {
    fn one(self) -> Result<Series, QueryError> {
        match (self.series, self.first) {
            (1, Some(series)) => Ok(series),
            (0, _) | (_, None) => Err(QueryError::NoSeries),
            (series, _) => Err(QueryError::Ambiguous { series }),
        }
    }
}

impl Sample {
    pub(super) fn number(&self) -> Result<Finite, QueryError> {
        let Self(_, text) = self;
        let number: f64 = text.parse().map_err(|_| malformed("a value is not a number"))?;
        Finite::new(number).map_err(|_| QueryError::NotFinite { value: legible(text) })
    }

    /// Fails where the evaluation was at another time than `now_s`.
    pub(super) fn is_of(&self, now_s: f64) -> Result<(), QueryError> {
        let Self(at_s, _) = self;
        let ahead = Duration::try_from_secs_f64(at_s - now_s).map(|by| (by, "after"));
        let (by, side) = ahead
            .or_else(|_| Duration::try_from_secs_f64(now_s - at_s).map(|by| (by, "before")))
            .map_err(|_| malformed("a time is not a number"))?;
        let is_near = by <= TOLERANCE;
        if is_near { Ok(()) } else { Err(QueryError::OtherTime { seconds: by.as_secs(), side }) }
    }
}

fn malformed(problem: &str) -> QueryError {
    QueryError::Malformed { problem: problem.to_owned() }
}

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(CountSeries)
    }
}

/// Keeps the first series and counts the others, however many there are.
struct CountSeries;

impl<'de> Visitor<'de> for CountSeries {
    type Value = Counted;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of series")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Counted, A::Error> {
        let first = list.next_element()?;
        let mut series = usize::from(first.is_some());
        while list.next_element::<IgnoredAny>()?.is_some() {
            series += 1;
        }
        Ok(Counted { series, first })
    }
}

#[cfg(test)]
mod tests {
    use super::super::vector::PodSeries;
    use super::*;
    use proptest::prelude::*;

    const ONE: &str = r#"{"metric":{},"value":[1.5,"42.5"]}"#;

    fn body(series: &str) -> String {
        format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}"#)
    }

    /// The number in an answer that comes one second after 1970 began.
    fn read(body: &str) -> Result<f64, QueryError> {
        number(StatusCode::OK, body.as_bytes(), 1.0).map(Finite::get)
    }

    #[test]
    fn an_answer_of_another_time_is_no_answer_on_whichever_side_of_now_it_is() {
        let (status, body) = (StatusCode::OK, body(r#"{"metric":{"pod":"a"},"value":[1000.5,"42.5"]}"#));
        let read = |now_s| {
            let (number, vector) =
                (number(status, body.as_bytes(), now_s), vector(status, body.as_bytes(), now_s));
            assert_eq!(number.as_ref().err(), vector.as_ref().err(), "one and many are told the same");
            number
        };
        for now_s in [940.5, 1000.0, 1060.5] {
            assert!(read(now_s).is_ok(), "{now_s}");
        }
        assert_eq!(read(1060.6), Err(QueryError::OtherTime { seconds: 60, side: "before" }));
        assert_eq!(read(1600.5), Err(QueryError::OtherTime { seconds: 600, side: "before" }));
        assert_eq!(read(400.5), Err(QueryError::OtherTime { seconds: 600, side: "after" }));
        assert_eq!(read(f64::MAX).unwrap_err().category(), "malformed");
    }

    #[test]
    fn exactly_one_finite_sample_is_a_number() {
        let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"42.5"]}}"#;
        let chatty = r#"{"infos":["fyi"],"warnings":null,"data":{"stats":{},"result":[{"value":[1,"42.5"]}],"resultType":"vector"},"status":"success"}"#;
        for body in [&body(ONE), scalar, chatty] {
            assert_eq!(read(body), Ok(42.5), "{body}");
        }
    }

    #[test]
    fn every_way_in_which_prometheus_writes_a_number_is_understood() {
        for (text, number) in
            [("0", 0.0), ("-1.5", -1.5), ("1e+06", 1e6), ("1.7976931348623157e+308", f64::MAX)]
        {
            assert_eq!(read(&body(&format!(r#"{{"value":[1,"{text}"]}}"#))), Ok(number), "{text}");
        }
    }

    #[test]
    fn a_number_too_large_to_be_represented_is_not_finite() {
        let error = read(&body(r#"{"value":[1,"1e999"]}"#)).unwrap_err();
        assert_eq!(error.to_string(), "the query returned 1e999, which is not a finite number");
    }

    #[test]
    fn all_series_are_told_with_the_pods_that_they_are_of() {
        let read = |body: &str| vector(StatusCode::OK, body.as_bytes(), 1.0).unwrap().by_pod();
        let one =
            |pod: Option<&str>| PodSeries { pod: pod.map(str::to_owned), number: Finite::new(42.5).unwrap() };
        let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"42.5"]}}"#;
        assert_eq!(read(scalar), Ok(vec![one(None)]));
        let of_a_pod = r#"{"metric":{"pod":"a"},"value":[1.5,"42.5"]}"#;
        assert_eq!(read(&body(&format!("{ONE},{of_a_pod}"))), Ok(vec![one(None), one(Some("a"))]));
    }

    #[test]
    fn one_series_without_a_number_spoils_all() {
        let read = |series: &str| vector(StatusCode::OK, body(series).as_bytes(), 1.0).unwrap().by_pod();
        assert_eq!(read(""), Err(QueryError::NoSeries));
        let spoilt = read(&format!(r#"{ONE},{{"metric":{{"pod":"a"}},"value":[1,"NaN"]}}"#));
        assert_eq!(spoilt, Err(QueryError::NotFinite { value: "NaN".to_owned() }));
    }

    #[test]
    fn series_are_counted_and_not_kept() {
        let many = vec![ONE; 20_000].join(",");
        assert_eq!(read(&body(&many)), Err(QueryError::Ambiguous { series: 20_000 }));
    }

    #[test]
    fn json_that_is_none_of_prometheus_is_malformed() {
        let without_a_result = [
            "7",
            "[]",
            "null",
            "{}",
            r#"{"status":"success"}"#,
            r#"{"data":null}"#,
            r#"{"data":{"resultType":"vector"}}"#,
            r#"{"data":{"resultType":"vector","result":{}}}"#,
            r#"{"data":{"resultType":"tensor","result":[]}}"#,
            r#"{"data":{"resultType":"scalar","result":[1]}}"#,
            r#"{"data":{"resultType":"scalar","result":[1,42.5]}}"#,
        ];
        let series = ["7", "{}", r#"{"value":[1]}"#, r#"{"value":[1,"x"]}"#];
        let bodies = without_a_result.map(str::to_owned).into_iter().chain(series.map(body));
        for body in bodies {
            let error = read(&body).unwrap_err();
            assert_eq!(error.category(), "malformed", "{body}: {error}");
        }
    }

    #[test]
    fn data_of_an_answer_that_says_it_failed_is_no_number() {
        let failed = body(ONE).replace("success", "error");
        assert_eq!(read(&failed).unwrap_err().category(), "malformed");
    }

    #[test]
    fn an_answer_cut_off_anywhere_is_no_answer() {
        let whole = body(ONE);
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), Err(QueryError::NotJson), "{end}");
        }
    }

    #[test]
    fn depth_is_no_danger() {
        let deep = |field: &str| body(&format!(r#"{{"{field}":{}"#, "[".repeat(500_000)));
        assert_eq!(read(&deep("histogram")), Err(QueryError::NotJson));
        assert_eq!(read(&deep("value")).unwrap_err().category(), "malformed");
    }

    /// JSON whose keys and values are those that mean something here, in any combination.
    fn json() -> impl Strategy<Value = serde_json::Value> {
        let word = prop::sample::select(vec![
            "status",
            "success",
            "error",
            "data",
            "resultType",
            "result",
            "vector",
            "scalar",
            "value",
            "NaN",
            "1",
        ]);
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<f64>().prop_map(serde_json::Value::from),
            word.clone().prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(5, 64, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
                prop::collection::hash_map(word.clone().prop_map(str::to_owned), inner, 0..4)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(status in 100_u16..1000, body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = number(StatusCode::from_u16(status).unwrap(), &body, 1.0);
        }

        #[test]
        fn no_json_makes_it_panic(json in json()) {
            let _ = number(StatusCode::OK, json.to_string().as_bytes(), 1.0);
        }

        #[test]
        fn every_finite_number_is_read_as_it_was_written(written in prop::num::f64::NORMAL | prop::num::f64::ZERO) {
            prop_assert_eq!(read(&body(&format!(r#"{{"value":[1,"{written:e}"]}}"#))), Ok(written));
        }
    }
}
