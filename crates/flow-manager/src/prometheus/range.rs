use super::error::QueryError;
use flow_control::{Finite, Reading, Unknown};
use serde::Deserialize;

/// A span of time, and how closely it is looked at. Prometheus refuses more than 11,000 steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Its beginning, in seconds since 1970.
    pub from_s: u64,
    /// Its end, which belongs to it.
    pub to_s: u64,
    /// The time from one look to the next.
    pub step_s: u64,
}

/// What a query said at some time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Past {
    /// The time, in seconds since 1970.
    pub at_s: f64,
    /// What it said.
    pub reading: Reading,
}

/// A series of a matrix.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    #[serde(default)]
    values: Vec<(f64, String)>,
}

/// The values of the only series; nothing, where there is none.
pub(super) fn past(rows: Vec<Row>) -> Result<Vec<Past>, QueryError> {
    let series = rows.len();
    if series > 1 {
        return Err(QueryError::Ambiguous { series });
    }
    rows.into_iter().flat_map(|row| row.values).map(sample).collect()
}

fn sample((at_s, text): (f64, String)) -> Result<Past, QueryError> {
    let malformed = || QueryError::Malformed { problem: "a value is not a number".to_owned() };
    let number: f64 = text.parse().map_err(|_| malformed())?;
    Ok(Past { at_s, reading: Finite::new(number).map_err(|_| Unknown::NotFinite) })
}

#[cfg(test)]
mod tests {
    use super::super::answer::matrix;
    use super::*;
    use reqwest::StatusCode;

    fn read(rows: &str) -> Result<Vec<Past>, QueryError> {
        let body = format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{rows}]}}}}"#);
        past(matrix(StatusCode::OK, body.as_bytes())?)
    }

    #[test]
    fn the_values_of_one_series_are_told_with_their_times() {
        let past = |at_s, reading| Past { at_s, reading };
        let row = r#"{"metric":{},"values":[[1700000000,"1.5"],[1700000015.5,"NaN"]]}"#;
        let expected = vec![
            past(1_700_000_000.0, Finite::new(1.5).map_err(|_| Unknown::NoData)),
            past(1_700_000_015.5, Err(Unknown::NotFinite)),
        ];
        assert_eq!(read(row), Ok(expected));
        assert_eq!(read(""), Ok(Vec::new()));
    }

    #[test]
    fn several_series_and_odd_values_are_refused() {
        assert_eq!(read(r#"{"values":[]},{"values":[]}"#), Err(QueryError::Ambiguous { series: 2 }));
        assert_eq!(read(r#"{"values":[[1,"x"]]}"#).unwrap_err().category(), "malformed");
        let vector = r#"{"data":{"resultType":"vector","result":[]}}"#;
        let error = matrix(StatusCode::OK, vector.as_bytes()).unwrap_err();
        assert_eq!(error, QueryError::WrongType { found: "vector" });
    }
}
