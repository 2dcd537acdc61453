//! The lab's Prometheus, as Grafana asks it.

use crate::metrics::get;
use crate::{Error, Result};
use flow_lab::address::{NODE, PROMETHEUS_PORT};
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far back a query looks, and how densely.
const RANGE: Duration = Duration::from_mins(1);
const STEP: &str = "1";

/// The finite values that `query` had in the last minute, over all its series.
pub async fn values(query: &str) -> Result<Vec<f64>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (start, end) = (now.saturating_sub(RANGE).as_secs().to_string(), now.as_secs().to_string());
    let parameters = [("query", query), ("start", &start), ("end", &end), ("step", STEP)];
    let base = format!("http://{NODE}:{PROMETHEUS_PORT}/api/v1/query_range");
    let url = reqwest::Url::parse_with_params(&base, parameters)
        .map_err(|error| Error::unreadable(&base, error))?;
    let (status, text) = get(url.as_str()).await?;
    let refused = || Error::unreadable("the answer of Prometheus", format!("{query}: {status} {text}"));
    let answer: Value = serde_json::from_str(&text).map_err(|_| refused())?;
    let series = answer.pointer("/data/result").and_then(Value::as_array).ok_or_else(refused)?;
    Ok(series.iter().flat_map(finite).collect())
}

/// The finite values of one series.
fn finite(series: &Value) -> Vec<f64> {
    let points = series.get("values").and_then(Value::as_array);
    let values = points.into_iter().flatten().filter_map(|point| point.get(1)?.as_str()?.parse().ok());
    values.filter(|value: &f64| value.is_finite()).collect()
}
