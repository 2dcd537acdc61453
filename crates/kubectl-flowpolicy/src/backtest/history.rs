//! What Prometheus remembers of the objectives.

use super::past::{Past, Series};
use super::{Args, Error};
use crate::manifest::Manifest;
use flow_control::Unknown;
use flow_manager::prometheus::{self, Access, Client, CredentialFiles, Range, Sight, Source as Server};
use flow_policy::{Objective, Question, Source};
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use std::time::Duration;

/// How long one answer is waited for.
const TIMEOUT: Duration = Duration::from_mins(1);
/// How many steps one answer has at most; Prometheus refuses more than 11,000.
const CHUNK: u64 = 10_000;
/// The most steps of all: more than a year, one each 15 s.
const STEPS: u64 = 3_000_000;

/// Reads what the objectives were like until `now`.
pub(super) async fn read(manifest: &Manifest, args: &Args, now: Timestamp) -> Result<Past, Error> {
    let range = range(args, now)?;
    let client = client(args)?;
    let mut series = Vec::new();
    for objective in &manifest.policy.objectives {
        let query = query(objective, manifest);
        let asked = ask(&client, &query, range).await;
        let readings = asked.map_err(|error| Error::History {
            objective: objective.name.clone(),
            error,
            url: args.prometheus.clone(),
            query: query.clone(),
        })?;
        series.push(Series { readings, window: window(objective, &query), query });
    }
    let past = Past { from_s: seconds(range.from_s), step: Duration::from_secs(range.step_s), series };
    if knows_something(manifest, &past) { Ok(past) } else { Err(nothing(manifest, &args.prometheus)) }
}

fn range(args: &Args, now: Timestamp) -> Result<Range, Error> {
    let (since, step) = (args.since.as_secs(), args.step.as_secs());
    let steps = since.checked_div(step).unwrap_or_default();
    if !(2..=STEPS).contains(&steps) {
        return Err(Error::Times { since: args.since, step: args.step, most: STEPS });
    }
    let now = u64::try_from(now.as_second()).unwrap_or_default();
    let to_s = now - now % step;
    Ok(Range { from_s: to_s.saturating_sub(steps * step), to_s, step_s: step })
}

fn client(args: &Args) -> Result<Client, Error> {
    // It fails where one is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let credentials = CredentialFiles {
        bearer_token: args.prometheus_bearer_token_file.clone(),
        folder: args.prometheus_credentials.clone(),
    };
    let (url, headers, access) = (args.prometheus.clone(), HeaderMap::new(), Access::default());
    Ok(Client::new(&Server { url, timeout: TIMEOUT, headers, credentials, access })?)
}

/// What gives the past of an objective: its query, or what the operator exported of its probes.
fn query(objective: &Objective, manifest: &Manifest) -> String {
    let asked = match &objective.source {
        Source::Prometheus { question, .. } => question.promql(objective.indicator, objective.bound),
        Source::Probe(_) => None,
    };
    asked.map_or_else(|| exported(objective, manifest), std::borrow::Cow::into_owned)
}

fn exported(objective: &Objective, manifest: &Manifest) -> String {
    let namespace = manifest.written.metadata.namespace.as_deref();
    let namespace = namespace.map(|namespace| format!("namespace=\"{namespace}\",")).unwrap_or_default();
    let (policy, name) = (manifest.name(), &objective.name);
    format!("max(flowmanager_objective_value{{{namespace}policy=\"{policy}\",objective=\"{name}\"}})")
}

fn window(objective: &Objective, query: &str) -> Duration {
    match &objective.source {
        Source::Prometheus { question: Question::Histogram(histogram), .. } => histogram.window,
        Source::Prometheus { question: Question::Query(_), .. } => Sight::of(query).window,
        Source::Probe(_) => Duration::ZERO,
    }
}

async fn ask(
    client: &Client,
    query: &str,
    whole: Range,
) -> Result<Vec<flow_control::Reading>, prometheus::QueryError> {
    let mut readings = Vec::new();
    for part in chunks(whole) {
        let past = client.range(query, part).await?;
        readings.extend(on_steps(&past, part));
    }
    Ok(readings)
}

/// Parts of a range that one answer each can hold, without a step in two of them.
fn chunks(whole: Range) -> Vec<Range> {
    let Range { from_s, to_s, step_s } = whole;
    let steps = (to_s - from_s) / step_s + 1;
    let parts = (0..steps.div_ceil(CHUNK)).map(|number| {
        let (first, last) = (number * CHUNK, ((number + 1) * CHUNK).min(steps) - 1);
        Range { from_s: from_s + first * step_s, to_s: from_s + last * step_s, step_s }
    });
    parts.collect()
}

/// The reading at each step; where Prometheus tells nothing, there is no series.
fn on_steps(past: &[prometheus::Past], range: Range) -> Vec<flow_control::Reading> {
    let mut past = past.iter().peekable();
    let half = seconds(range.step_s) / 2.0;
    let steps = (range.to_s - range.from_s) / range.step_s + 1;
    let at = |step: u64| seconds(range.from_s + step * range.step_s);
    let reading = |step| {
        while past.next_if(|sample| sample.at_s < at(step) - half).is_some() {}
        let sample = past.next_if(|sample| sample.at_s < at(step) + half);
        sample.map_or(Err(Unknown::NoSeries), |sample| sample.reading)
    };
    (0..steps).map(reading).collect()
}

fn knows_something(manifest: &Manifest, past: &Past) -> bool {
    let objectives = manifest.policy.objectives.iter().zip(&past.series);
    let mut decisive = objectives.filter(|(objective, _)| objective.role == flow_control::Role::Control);
    decisive.any(|(_, series)| series.readings.iter().any(Result::is_ok))
}

fn nothing(manifest: &Manifest, url: &str) -> Error {
    let objectives = &manifest.policy.objectives;
    let decisive = objectives.iter().filter(|objective| objective.role == flow_control::Role::Control);
    let names: Vec<_> = decisive.map(|objective| objective.name.as_str()).collect();
    Error::NoHistory { url: url.to_owned(), objectives: names.join(", ") }
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "no time comes near 2⁵³ seconds")]
const fn seconds(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_control::Finite;

    #[test]
    fn no_answer_has_more_steps_than_prometheus_gives_and_no_step_is_asked_twice() {
        let whole = Range { from_s: 1_000, to_s: 1_000 + 15 * 20_000, step_s: 15 };
        let part =
            |first: u64, last: u64| Range { from_s: 1_000 + 15 * first, to_s: 1_000 + 15 * last, step_s: 15 };
        assert_eq!(chunks(whole), [part(0, 9_999), part(10_000, 19_999), part(20_000, 20_000)]);
    }

    #[test]
    fn a_step_of_which_nothing_is_told_is_unknown() {
        let past = |at_s, number| prometheus::Past { at_s, reading: Ok(Finite::new(number).unwrap()) };
        let range = Range { from_s: 100, to_s: 160, step_s: 15 };
        let readings =
            on_steps(&[past(85.0, 0.0), past(100.0, 1.0), past(130.0, 2.0), past(145.2, 3.0)], range);
        let numbers: Vec<_> = readings.iter().map(|reading| reading.map(Finite::get).ok()).collect();
        assert_eq!(numbers, [Some(1.0), None, Some(2.0), Some(3.0), None]);
        assert_eq!(readings[1], Err(Unknown::NoSeries));
    }
}
