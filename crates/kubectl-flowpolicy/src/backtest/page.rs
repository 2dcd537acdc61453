//! What came of a backtest, as a page without outside assets.

use super::Backtest;
use super::bounds::{Alternative, Alternatives};
use super::episodes::{Episode, episodes, total};
use super::text::{UNKNOWABLE, ends, percent};
use super::times::minute;
use crate::chart::{Point, count};
use crate::reasons;
use flow_control::Finite;
use flow_model::{Label, Line, Panel, Picture, PictureError, Stroke, thinned};
use flow_policy::{Indicator, Objective};
use std::fmt::Write;

const DAY: f64 = 86_400.0;
/// Of so many parts of the time, the highest value is drawn of each.
const PARTS: f64 = 700.0;
const STYLE: &str = "body{font:16px/1.5 sans-serif;max-width:60rem;margin:1rem auto;padding:0 1rem;color:#111;\
                     background:#fff}svg{width:100%;height:auto}table{border-collapse:collapse;display:block;\
                     overflow-x:auto}td,th{border-bottom:1px solid #bbb;padding:.2rem .7rem;text-align:left}";

/// The page.
pub(super) fn page(backtest: &Backtest) -> Result<String, PictureError> {
    let name = escaped(backtest.manifest.name());
    let past = &backtest.past;
    let (from, to) = (minute(past.from_s), minute(past.from_s + past.length_s()));
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{name}: backtest</title><style>{STYLE}</style></head><body>\n\
         <h1>{name}: what it would have done</h1>\n<p>{from} to {to} UTC</p>\n"
    );
    for (position, objective) in backtest.manifest.policy.objectives.iter().enumerate() {
        let _ = writeln!(page, "<h2>{}</h2>\n{}", escaped(&heading(objective)), picture(backtest, position)?);
    }
    page.push_str(&throttled(backtest));
    page.extend(backtest.alternatives.iter().map(|alternatives| table(backtest, alternatives)));
    let _ = writeln!(page, "<h2>What this cannot know</h2>\n<p>{UNKNOWABLE}</p>\n</body></html>");
    Ok(page)
}

fn heading(objective: &Objective) -> String {
    format!("{} {}", objective.name, objective.indicator.show_bound(objective.bound))
}

/// What is left of the limits above, an objective's indicator below.
fn picture(backtest: &Backtest, position: usize) -> Result<String, PictureError> {
    let length = backtest.past.length_s() / DAY;
    let left = backtest.at_steps(backtest.replay.left.iter().map(|left| Some((left * 100.0).min(100.0))));
    let above = Panel {
        unit: "limit, % of the first".to_owned(),
        top: 110.0,
        lines: vec![Line { points: corners(&days(&left)), stroke: Stroke::Bold }],
        labels: Vec::new(),
    };
    Picture { time: "days", length, above, below: indicator(backtest, position, length) }.svg()
}

fn indicator(backtest: &Backtest, position: usize, length: f64) -> Panel {
    let Some(objective) = backtest.objective(position) else { return Panel::default() };
    let ends = ends(objective.bound);
    let highest = 2.5 * ends.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let (unit, size) = unit(objective.indicator, highest);
    let (top, ends) = (highest / size, ends.iter().map(|end| end / size));
    let within = |(at, value): Point| (at, (value / size).min(top));
    let known = known(backtest, position).into_iter().map(|points| {
        let points = thinned(&days(&points), length / PARTS);
        Line { points: points.into_iter().map(within).collect(), stroke: Stroke::Thin }
    });
    let bound = |end| Line { points: vec![(0.0, end), (length, end)], stroke: Stroke::Dashed(4) };
    let label = |end| Label { text: "bound".to_owned(), at: (length * 0.95, end), above: 15 };
    let unit = format!("{}{unit}", objective.indicator.name());
    Panel {
        unit,
        top,
        lines: known.chain(ends.clone().map(bound)).collect(),
        labels: ends.map(label).collect(),
    }
}

/// What an objective read, a line for each time of which it is known.
fn known(backtest: &Backtest, position: usize) -> Vec<Vec<Point>> {
    let past = &backtest.past;
    let reading = |step| past.reading(position, step).ok().map(Finite::get);
    let points = |known: Episode| {
        let steps = known.from..known.from + known.steps;
        steps.filter_map(|step| Some((count(step) * past.step_s(), reading(step)?))).collect()
    };
    let known = episodes((0..past.steps()).map(|step| reading(step).is_some()));
    known.into_iter().map(points).collect()
}

/// The unit in which times up to `highest` seconds are told, and its size.
fn unit(indicator: Indicator, highest: f64) -> (&'static str, f64) {
    match indicator {
        Indicator::Jitter { .. } | Indicator::Latency { .. } if highest < 1e-3 => (", us", 1e-6),
        Indicator::Jitter { .. } | Indicator::Latency { .. } if highest < 1.0 => (", ms", 1e-3),
        Indicator::Jitter { .. } | Indicator::Latency { .. } => (", s", 1.0),
        Indicator::Throughput => (", Mbit/s", 1e6),
        Indicator::Loss { .. } | Indicator::Value => ("", 1.0),
    }
}

/// The points of a line that stays at one value for long, as few as draw it.
fn corners(points: &[Point]) -> Vec<Point> {
    let is_flat = |window: &[Point]| match window {
        [(_, before), (_, value), (_, after)] => {
            before.to_bits() == value.to_bits() && value.to_bits() == after.to_bits()
        }
        _ => false,
    };
    let between =
        points.windows(3).filter(|window| !is_flat(window)).filter_map(|window| window.get(1).copied());
    points.first().copied().into_iter().chain(between).chain(points.last().copied()).collect()
}

fn days(points: &[Point]) -> Vec<Point> {
    points.iter().map(|(at_s, value)| (at_s / DAY, *value)).collect()
}

fn throttled(backtest: &Backtest) -> String {
    let replay = &backtest.replay;
    let rows = replay.throttled.iter().map(|it| {
        let (from, lasted) = (minute(backtest.at(it.during.from)), backtest.length(it.during.steps));
        let name =
            it.decision.objective.and_then(|position| Some(backtest.objective(position)?.name.as_str()));
        let why = format!("{} {}", reasons::why(it.decision.reason), name.unwrap_or_default());
        row(&[&from, &lasted, &format!("{:.0} % ({})", it.left * 100.0, it.lowest), &why])
    });
    let rows: String = rows.collect();
    let violated: usize = replay.violated.iter().map(|all| total(all)).sum();
    format!(
        "<h2>Lower limits</h2>\n<p>{} times, {} of the time; objectives were violated for {} together.</p>\n\
         <table><tr><th>from (UTC)<th>for<th>down to<th>since</tr>\n{rows}</table>\n",
        replay.throttled.len(),
        percent(replay.throttled_share()),
        backtest.length(violated),
    )
}

fn table(backtest: &Backtest, alternatives: &Alternatives) -> String {
    let Some(objective) = backtest.objective(alternatives.objective) else { return String::new() };
    let cells = |it: &Alternative| {
        let bound = objective.indicator.show_bound(it.bound);
        let present = if it.is_present { " (as it is)" } else { "" };
        let times = it.times.to_string();
        row(&[
            &format!("{bound}{present}"),
            &percent(it.violated_share),
            &times,
            &backtest.length(it.longest),
        ])
    };
    let rows: String = alternatives.bounds.iter().map(cells).collect();
    format!(
        "<h2>Other bounds of {}</h2>\n<table><tr><th>bound<th>violated<th>times<th>longest</tr>\n{rows}</table>\n",
        escaped(&objective.name)
    )
}

fn row(cells: &[&str]) -> String {
    let cells: String = cells.iter().map(|cell| "<td>".to_owned() + &escaped(cell)).collect();
    format!("<tr>{cells}</tr>\n")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
