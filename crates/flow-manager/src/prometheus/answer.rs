use super::error::{QueryError, legible};
use flow_control::Finite;
use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::error::Category;
use std::fmt;

/// An answer of the [HTTP API](https://prometheus.io/docs/prometheus/latest/querying/api/). Its `infos` are
/// hints on the query and do not make it doubtful.
#[derive(Deserialize)]
struct Answer {
    data: Option<Data>,
    error: Option<String>,
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Scalar(Sample),
    Vector(Vector),
    Matrix(IgnoredAny),
    String(IgnoredAny),
}

/// A time, which is that of the evaluation, and a value.
#[derive(Deserialize)]
struct Sample(IgnoredAny, String);

/// A vector, of which no more than one series is kept.
struct Vector {
    series: usize,
    first: Option<Series>,
}

#[derive(Deserialize)]
struct Series {
    value: Option<Sample>,
    histogram: Option<IgnoredAny>,
}

/// The one finite number in an answer to an instant query.
pub(super) fn number(status: StatusCode, body: &[u8]) -> Result<Finite, QueryError> {
    match status.as_u16() {
        200..=299 => parse(body)?.number(status),
        300..=399 => Err(QueryError::Redirected { status: status.as_u16() }),
        401 | 403 => Err(QueryError::Denied { status: status.as_u16() }),
        _ => Err(failure(status, body)),
    }
}

/// What an answer means whose HTTP status is a failure. Only a real Prometheus can say that the query is wrong:
/// what else answers at a wrong URL does not speak its JSON.
fn failure(status: StatusCode, body: &[u8]) -> QueryError {
    let told = parse(body).ok().and_then(|answer| answer.error);
    match told {
        Some(error) if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
            QueryError::Rejected { status: status.as_u16(), message: legible(&error) }
        }
        told => {
            let meaning = status.canonical_reason().unwrap_or("unknown status");
            let message = legible(told.as_deref().unwrap_or(meaning));
            QueryError::Unavailable { status: status.as_u16(), message }
        }
    }
}

fn parse(body: &[u8]) -> Result<Answer, QueryError> {
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        Category::Data => QueryError::Malformed { problem: legible(&error.to_string()) },
        Category::Syntax | Category::Eof | Category::Io => QueryError::NotJson,
    })
}

impl Answer {
    fn number(self, status: StatusCode) -> Result<Finite, QueryError> {
        if let Some(error) = self.error {
            return Err(QueryError::Rejected { status: status.as_u16(), message: legible(&error) });
        }
        if let Some(warnings) = self.warnings.filter(|warnings| !warnings.is_empty()) {
            return Err(QueryError::Partial { warnings: legible(&warnings.join("; ")) });
        }
        match self.data.ok_or_else(|| malformed("it has no data"))? {
            Data::Scalar(sample) => sample.number(),
            Data::Vector(vector) => vector.number(),
            Data::Matrix(_) => Err(QueryError::WrongType { found: "matrix" }),
            Data::String(_) => Err(QueryError::WrongType { found: "string" }),
        }
    }
}

impl Vector {
    fn number(self) -> Result<Finite, QueryError> {
        match (self.series, self.first) {
            (1, Some(Series { value: Some(sample), .. })) => sample.number(),
            (1, Some(Series { histogram: Some(_), .. })) => Err(QueryError::WrongType { found: "histogram" }),
            (1, Some(_)) => Err(malformed("a series has no value")),
            (0, _) | (_, None) => Err(QueryError::NoSeries),
            (series, _) => Err(QueryError::Ambiguous { series }),
        }
    }
}

impl Sample {
    fn number(&self) -> Result<Finite, QueryError> {
        let Self(_, text) = self;
        let number: f64 = text.parse().map_err(|_| malformed("a value is not a number"))?;
        Finite::new(number).map_err(|_| QueryError::NotFinite { value: legible(text) })
    }
}

fn malformed(problem: &str) -> QueryError {
    QueryError::Malformed { problem: problem.to_owned() }
}

impl<'de> Deserialize<'de> for Vector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(CountSeries)
    }
}

/// Keeps the first series and counts the others, however many there are.
struct CountSeries;

impl<'de> Visitor<'de> for CountSeries {
    type Value = Vector;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of series")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vector, A::Error> {
        let first = list.next_element()?;
        let mut series = usize::from(first.is_some());
        while list.next_element::<IgnoredAny>()?.is_some() {
            series += 1;
        }
        Ok(Vector { series, first })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ONE: &str = r#"{"metric":{},"value":[1.5,"42.5"]}"#;

    fn vector(series: &str) -> String {
        format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}"#)
    }

    fn read(body: &str) -> Result<f64, QueryError> {
        number(StatusCode::OK, body.as_bytes()).map(Finite::get)
    }

    #[test]
    fn exactly_one_finite_sample_is_a_number() {
        let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"42.5"]}}"#;
        let chatty = r#"{"infos":["fyi"],"warnings":null,"data":{"stats":{},"result":[{"value":[1,"42.5"]}],"resultType":"vector"},"status":"success"}"#;
        for body in [&vector(ONE), scalar, chatty] {
            assert_eq!(read(body), Ok(42.5), "{body}");
        }
    }

    #[test]
    fn every_way_in_which_prometheus_writes_a_number_is_understood() {
        for (text, number) in
            [("0", 0.0), ("-1.5", -1.5), ("1e+06", 1e6), ("1.7976931348623157e+308", f64::MAX)]
        {
            assert_eq!(read(&vector(&format!(r#"{{"value":[1,"{text}"]}}"#))), Ok(number), "{text}");
        }
    }

    #[test]
    fn a_number_too_large_to_be_represented_is_not_finite() {
        let error = read(&vector(r#"{"value":[1,"1e999"]}"#)).unwrap_err();
        assert_eq!(error.to_string(), "the query returned 1e999, which is not a finite number");
    }

    #[test]
    fn series_are_counted_and_not_kept() {
        let many = vec![ONE; 20_000].join(",");
        assert_eq!(read(&vector(&many)), Err(QueryError::Ambiguous { series: 20_000 }));
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
        let bodies = without_a_result.map(str::to_owned).into_iter().chain(series.map(vector));
        for body in bodies {
            let error = read(&body).unwrap_err();
            assert_eq!(error.category(), "malformed", "{body}: {error}");
        }
    }

    #[test]
    fn an_answer_cut_off_anywhere_is_no_answer() {
        let whole = vector(ONE);
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), Err(QueryError::NotJson), "{end}");
        }
    }

    #[test]
    fn depth_is_no_danger() {
        let deep = vector(&"[".repeat(500_000));
        assert_eq!(read(&deep), Err(QueryError::NotJson));
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
            let _ = number(StatusCode::from_u16(status).unwrap(), &body);
        }

        #[test]
        fn no_json_makes_it_panic(json in json()) {
            let _ = number(StatusCode::OK, json.to_string().as_bytes());
        }

        #[test]
        fn every_finite_number_is_read_as_it_was_written(written in prop::num::f64::NORMAL | prop::num::f64::ZERO) {
            prop_assert_eq!(read(&vector(&format!(r#"{{"value":[1,"{written:e}"]}}"#))), Ok(written));
        }
    }
}
