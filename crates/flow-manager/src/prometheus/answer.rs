use super::error::QueryError;
use flow_control::Finite;
use serde::Deserialize;
use serde_json::Value;

/// The longest text of Prometheus that is passed on to users.
const MAX_MESSAGE: usize = 200;

/// An answer of the [HTTP API](https://prometheus.io/docs/prometheus/latest/querying/api/).
#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    data: Option<Data>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Value,
}

/// The one finite number in the body of a successful answer to an instant query.
pub(super) fn number(body: &[u8]) -> Result<Finite, QueryError> {
    let answer: Answer =
        serde_json::from_slice(body).map_err(|_| QueryError::Malformed("it is not the JSON expected"))?;
    if answer.status != "success" {
        return Err(QueryError::Malformed("its status is not success"));
    }
    if let Some(warning) = answer.warnings.first() {
        return Err(QueryError::Partial { warning: shorten(warning) });
    }
    let data = answer.data.ok_or(QueryError::Malformed("it has no data"))?;
    match data.result_type.as_str() {
        "scalar" => value(&data.result),
        "vector" => value(only_sample(&data.result)?),
        other => Err(QueryError::WrongType { found: shorten(other) }),
    }
}

/// What Prometheus says in the body of an answer that is an error.
pub(super) fn message(body: &[u8]) -> String {
    let answer = serde_json::from_slice::<Answer>(body).ok();
    answer
        .and_then(|answer| answer.error)
        .map_or_else(|| "no reason given".to_owned(), |error| shorten(&error))
}

fn only_sample(vector: &Value) -> Result<&Value, QueryError> {
    let series = vector.as_array().ok_or(QueryError::Malformed("its vector is no list"))?;
    match series.as_slice() {
        [] => Err(QueryError::NoSeries),
        [one] => one.get("value").ok_or_else(|| QueryError::WrongType { found: "histogram".to_owned() }),
        many => Err(QueryError::Ambiguous { series: many.len() }),
    }
}

/// The value in a pair of time and value.
fn value(pair: &Value) -> Result<Finite, QueryError> {
    let text = pair.get(1).and_then(Value::as_str).ok_or(QueryError::Malformed("a sample is no pair"))?;
    let number: f64 = text.parse().map_err(|_| QueryError::Malformed("a value is no number"))?;
    Finite::new(number).map_err(|_| QueryError::NotFinite { value: shorten(text) })
}

fn shorten(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(MAX_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vector(series: &str) -> String {
        format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}"#)
    }

    const ONE: &str = r#"{"metric":{},"value":[1.5,"42.5"]}"#;

    #[test]
    fn exactly_one_finite_sample_is_a_number() {
        let scalar =
            r#"{"status":"success","data":{"resultType":"scalar","result":[1.5,"42.5"]},"infos":["fyi"]}"#;
        for body in [vector(ONE), scalar.to_owned()] {
            assert_eq!(number(body.as_bytes()), Ok(Finite::new(42.5).unwrap()), "{body}");
        }
    }

    #[test]
    fn every_doubtful_answer_has_an_error_of_its_own() {
        let nan = r#"{"metric":{},"value":[1,"NaN"]}"#;
        let infinite = r#"{"metric":{},"value":[1,"+Inf"]}"#;
        let histogram = r#"{"metric":{},"histogram":[1,{}]}"#;
        let partial = r#"{"status":"success","warnings":["a shard is away"],"data":{"resultType":"vector","result":[]}}"#;
        let matrix = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
        let cases = [
            (vector(""), "no_series"),
            (vector(&format!("{ONE},{ONE}")), "ambiguous"),
            (vector(nan), "not_finite"),
            (vector(infinite), "not_finite"),
            (vector(histogram), "wrong_type"),
            (vector(r#"{"metric":{},"value":[1]}"#), "malformed"),
            (vector(r#"{"metric":{},"value":[1,"x"]}"#), "malformed"),
            (partial.to_owned(), "partial"),
            (matrix.to_owned(), "wrong_type"),
            (r#"{"status":"success"}"#.to_owned(), "malformed"),
            (r#"{"status":"error"}"#.to_owned(), "malformed"),
            ("<html>".to_owned(), "malformed"),
            (vector(ONE)[..40].to_owned(), "malformed"),
        ];
        for (body, category) in cases {
            assert_eq!(number(body.as_bytes()).unwrap_err().category(), category, "{body}");
        }
    }

    #[test]
    fn what_prometheus_says_is_passed_on_but_not_at_any_length() {
        let long = format!(r#"{{"status":"error","error":"bad\n{}"}}"#, "x".repeat(1000));
        assert_eq!(message(long.as_bytes()).len(), MAX_MESSAGE);
        assert_eq!(message(b"<html>"), "no reason given");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = number(&body);
            let _ = message(&body);
        }
    }
}
