//! What came of a backtest, for people.

use super::Backtest;
use super::bounds::{Alternative, Alternatives};
use super::episodes::{longest, total};
use super::replay::Throttled;
use super::times::{length, minute, short};
use crate::chart::{Chart, Pick, Point, Series, axis, columns, count, held, marks};
use crate::reasons;
use crate::terminal::{number, wrapped};
use flow_control::{Bound, Finite};
use flow_manager::report::reason_word;
use flow_policy::{Objective, show};
use std::fmt::Write;

/// How many times of lower limits are listed.
const LISTED: usize = 10;

/// What a replay cannot know.
pub(super) const UNKNOWABLE: &str = "\
    The past is as it was: no limit of this replay changed it. So limits fall for as long as a violation lasts, as if \
    they never helped; in truth they may have ended it. Read how deep and how long as the most that it would have been. \
    effectCheck is off here, what the targets sent is unknown, and queues that probes see before a violation are not in \
    Prometheus. What lasted less than the step between two values may be missing: --step 1s sees more. If something throttled the targets then, the past shows that already.";

/// A plot, when limits would have been lower, violations, and what other bounds would have meant.
pub(super) fn text(backtest: &Backtest) -> String {
    let parts = [head(backtest), limits(backtest), indicator(backtest), objectives(backtest)];
    let more = [throttled(backtest), bounds(backtest), wrapped(UNKNOWABLE)];
    parts.into_iter().chain(more).collect()
}

fn head(backtest: &Backtest) -> String {
    let past = &backtest.past;
    let (from, to) = (minute(past.from_s), minute(past.from_s + past.length_s()));
    let (name, step) = (backtest.manifest.name(), length(past.step_s()));
    let hint = format!("What was shorter than {step} may be missing.\n");
    let hint = if past.step_s() > 1.0 { hint } else { String::new() };
    format!("{name}: {from} to {to} UTC, a value each {step}\n{hint}\n")
}

fn limits(backtest: &Backtest) -> String {
    let length_s = backtest.past.length_s();
    let left: Vec<Point> = backtest.at_steps(backtest.replay.left.iter().map(|left| Some(left * 100.0)));
    let chart = Chart {
        top: 100.0,
        rows: 7,
        label: &|percent| format!("{percent:.0}%"),
        series: vec![Series { mark: '━', values: held(&left, length_s, Pick::Lowest) }],
    };
    format!(
        "{:>9}   ━ the lowest, in hundredths of the limit to begin with\n{}{}\n",
        "limits",
        chart.text(),
        backtest.axis()
    )
}

/// The indicator of the objective that was violated for the longest.
fn indicator(backtest: &Backtest) -> String {
    let objectives = backtest.manifest.policy.objectives.iter().enumerate();
    let steps = |position: usize| backtest.replay.violated.get(position).map(|all| total(all));
    let Some((position, objective)) = objectives.max_by_key(|(position, _)| steps(*position)) else {
        return String::new();
    };
    let length_s = backtest.past.length_s();
    let readings =
        (0..backtest.past.steps()).map(|step| backtest.past.reading(position, step).ok().map(Finite::get));
    let readings = backtest.at_steps(readings);
    let bounds = ends(objective.bound);
    let worst = if matches!(objective.bound, Bound::AtLeast(_)) { Pick::Lowest } else { Pick::Highest };
    let bound = |bound: &f64| Series { mark: '┄', values: held(&[(0.0, *bound)], length_s, Pick::Mean) };
    let mut series: Vec<_> = bounds.iter().map(bound).collect();
    series.push(Series { mark: '•', values: columns(&readings, length_s, worst) });
    let chart = Chart {
        top: 2.0 * bounds.iter().copied().fold(f64::MIN_POSITIVE, f64::max),
        rows: 7,
        label: &|value| Finite::new(value).map(|value| objective.indicator.show(value)).unwrap_or_default(),
        series,
    };
    let unknown: Vec<_> = backtest.unknown_at(position).map(|at| (at, '?')).collect();
    let kind = objective.indicator.name();
    let legend = format!("{kind:>9}   • the worst of each column   ┄ bound of {}", objective.name);
    let unknown = if unknown.is_empty() { String::new() } else { marks("unknown", &unknown, length_s) };
    format!("{legend}\n{}{}{unknown}\n", chart.text(), backtest.axis())
}

/// The ends of what is allowed.
fn ends(bound: Bound) -> Vec<f64> {
    match bound {
        Bound::AtMost(end) | Bound::AtLeast(end) => vec![end.get()],
        Bound::Within { min, max } => vec![min.get(), max.get()],
    }
}

fn objectives(backtest: &Backtest) -> String {
    let mut text = "Objectives                        violated    times   longest   unknown\n".to_owned();
    for (position, objective) in backtest.manifest.policy.objectives.iter().enumerate() {
        let violated = backtest.replay.violated.get(position).map(Vec::as_slice).unwrap_or_default();
        let unknown = backtest.replay.unknown.get(position).copied().unwrap_or_default();
        let known = backtest.past.steps().saturating_sub(unknown).max(1);
        let name = format!("{} {}", objective.name, objective.indicator.show_bound(objective.bound));
        let share = percent(count(total(violated)) / count(known));
        let longest = backtest.length(longest(violated));
        let unknown = percent(count(unknown) / count(backtest.past.steps().max(1)));
        let _ = writeln!(text, "  {name:<30} {share:>9} {:>8} {longest:>9} {unknown:>9}", violated.len());
    }
    text + "\n"
}

fn throttled(backtest: &Backtest) -> String {
    let replay = &backtest.replay;
    let times = number(replay.throttled.len(), "time", "times");
    let (share, changes) = (percent(replay.throttled_share()), replay.changes);
    if replay.throttled.is_empty() {
        return "Limits would never have been lower than at first.\n\n".to_owned();
    }
    let mut text = format!("Lower limits: {times}, {share} of all time, {changes} changes\n");
    text.push_str("  from (UTC)          for       down to         since\n");
    let mut longest: Vec<_> = replay.throttled.iter().collect();
    longest.sort_by_key(|throttled| std::cmp::Reverse(throttled.during.steps));
    let more = longest.len().saturating_sub(LISTED);
    longest.truncate(LISTED);
    text.extend(longest.into_iter().map(|throttled| backtest.listed(throttled)));
    if more > 0 {
        let _ = writeln!(text, "  … and {more} more; -o json has them all");
    }
    text + "\n"
}

fn bounds(backtest: &Backtest) -> String {
    backtest.alternatives.iter().map(|alternatives| table(backtest, alternatives)).collect()
}

fn table(backtest: &Backtest, alternatives: &Alternatives) -> String {
    let Some(objective) = backtest.objective(alternatives.objective) else { return String::new() };
    let mut text =
        format!("Other bounds of {}\n  {:<14}   violated    times   longest\n", objective.name, "bound");
    for alternative in &alternatives.bounds {
        let Alternative { bound, is_present, violated_share, times, longest } = *alternative;
        let (shown, longest) = (objective.indicator.show_bound(bound), backtest.length(longest));
        let present = if is_present { "   as it is" } else { "" };
        let share = percent(violated_share);
        let _ = writeln!(text, "  {shown:<14} {share:>10} {times:>8} {longest:>9}{present}");
    }
    text + "\n"
}

/// A share in hundredths, so that a small one is not taken for nothing.
pub(super) fn percent(share: f64) -> String {
    match 100.0 * share {
        0.0 => "0 %".to_owned(),
        percent if percent < 0.01 => "< 0.01 %".to_owned(),
        percent if percent < 10.0 => format!("{percent:.2} %"),
        percent => format!("{percent:.1} %"),
    }
}

impl Backtest {
    pub(super) fn objective(&self, position: usize) -> Option<&Objective> {
        self.manifest.policy.objectives.get(position)
    }

    /// When a step was, in seconds since 1970.
    pub(super) fn at(&self, step: usize) -> f64 {
        self.past.from_s + count(step) * self.past.step_s()
    }

    /// How long so many steps are.
    pub(super) fn length(&self, steps: usize) -> String {
        length(count(steps) * self.past.step_s())
    }

    /// What is known at each step, over the seconds since the first.
    pub(super) fn at_steps(&self, values: impl Iterator<Item = Option<f64>>) -> Vec<Point> {
        let steps = values.enumerate();
        steps.filter_map(|(step, value)| Some((count(step) * self.past.step_s(), value?))).collect()
    }

    fn unknown_at(&self, objective: usize) -> impl Iterator<Item = f64> {
        let unknown = (0..self.past.steps()).filter(move |step| self.past.reading(objective, *step).is_err());
        unknown.map(|step| count(step) * self.past.step_s())
    }

    fn axis(&self) -> String {
        axis(self.past.length_s(), &|at_s| short(self.past.from_s + at_s))
    }

    fn listed(&self, throttled: &Throttled) -> String {
        let Throttled { during, left, lowest, decision } = throttled;
        let (at, lasted) = (minute(self.at(during.from)), self.length(during.steps));
        let name = decision.objective.and_then(|position| self.objective(position));
        let name = name.map(|objective| format!(" [{}]", objective.name)).unwrap_or_default();
        let limit = format!("{:.0}% ({})", left * 100.0, show::bandwidth(*lowest));
        let (word, why) = (reason_word(decision.reason), reasons::why(decision.reason));
        let line = format!("  {at}  {lasted:>8}  {limit:<15} {word}{name}");
        let whole = format!("{line}: {why}");
        if whole.chars().count() <= crate::chart::WIDTH { whole + "\n" } else { line + "\n" }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::bounds;
    use super::super::past::{Past, Series as PastSeries};
    use super::super::replay::Replay;
    use super::*;
    use crate::chart::WIDTH;
    use crate::simulate::tests::manifest;
    use flow_control::{Action, Bandwidth, Decision, Reason, Unknown};
    use std::time::Duration;

    const SPEC: &str = "
  objectives:
  - {name: depth, prometheus: {query: depth}, value: {max: \"5\"}}
  targets: [{kind: Deployment, name: upload, limit: {min: 10M, max: 100M}}]
";

    /// A day of which two hours were bad and one is not known.
    pub(in super::super) fn backtest() -> Backtest {
        let manifest = manifest(SPEC);
        let reading = |step: usize| match step / 60 {
            6 | 7 => Ok(Finite::new(9.0).unwrap()),
            20 => Err(Unknown::NoSeries),
            _ => Ok(Finite::new(1.0).unwrap()),
        };
        let readings = (0..24 * 60).map(reading).collect();
        let series = vec![PastSeries { readings, window: Duration::ZERO, query: "depth".to_owned() }];
        let past = Past { from_s: 1_700_000_000.0, step: Duration::from_mins(1), series };
        let decision =
            Decision { action: Action::Decrease, reason: Reason::ObjectiveViolated, objective: Some(0) };
        let during = super::super::episodes::Episode { from: 360, steps: 130 };
        let throttled = Throttled { during, left: 0.1, lowest: Bandwidth::from_mbps(10), decision };
        let left = (0..24 * 60).map(|step| if (360..490).contains(&step) { 0.1 } else { 1.0 });
        let left: Vec<_> = left.collect();
        let violated = super::super::episodes::episodes((0..1440).map(|step| (360..480).contains(&step)));
        let violated = vec![violated];
        let limits = left.iter().map(|left| if *left < 1.0 { 10 } else { 100 });
        let limits = vec![limits.map(Bandwidth::from_mbps).collect()];
        let throttled = vec![throttled];
        let replay = Replay { left, limits, throttled, violated, unknown: vec![60], changes: 24 };
        let alternatives = bounds::alternatives(&manifest.policy, &past);
        Backtest { manifest, past, replay, alternatives }
    }

    #[test]
    fn a_backtest_is_told_within_eighty_columns() {
        let text = text(&backtest());
        assert_eq!(text, include_str!("expected.txt"));
        let wide: Vec<_> = text.lines().filter(|line| line.chars().count() > WIDTH).collect();
        assert_eq!(wide, Vec::<&str>::new());
    }

    #[test]
    fn a_small_share_is_not_shown_as_none() {
        for (share, shown) in [(0.0, "0 %"), (0.000_01, "< 0.01 %"), (0.012_34, "1.23 %"), (0.5, "50.0 %")] {
            assert_eq!(percent(share), shown);
        }
    }
}
