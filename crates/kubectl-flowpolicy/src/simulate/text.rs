//! What came of a simulation, for people.

use super::Simulation;
use super::course::Stretch;
use crate::chart::{Chart, Pick, Point, Series, axis, columns, held, marks, round_up};
use crate::reasons;
use crate::terminal::wrapped;
use flow_control::{Bound, Finite};
use flow_manager::report::reason_word;
use flow_model::Judged;
use flow_policy::{Objective, show};
use std::fmt::Write;

/// How many stretches of changes are listed.
const LISTED: usize = 12;

/// A plot, the decisions, and a summary.
pub(super) fn text(simulation: &Simulation) -> String {
    let parts = [head(simulation), rates(simulation), indicator(simulation), decisions(simulation)];
    parts.into_iter().chain([summary(simulation), differences(simulation)]).collect()
}

fn head(simulation: &Simulation) -> String {
    wrapped(&format!("{}: {}", simulation.manifest.name(), simulation.scenario.why)) + "\n"
}

fn rates(simulation: &Simulation) -> String {
    let course = &simulation.course;
    let length = simulation.length_s();
    let capacity = course.capacity.iter().map(|point| point.1).fold(1.0, f64::max);
    let top = round_up(1.05 * capacity);
    let chart = Chart {
        top,
        rows: 13,
        label: &|mbps| show_mbps(mbps),
        series: vec![
            Series { mark: '┄', values: held(&course.capacity, length, Pick::Lowest) },
            Series { mark: '━', values: held(&course.limit, length, Pick::Mean) },
            Series { mark: '•', values: columns(&course.delivered, length, Pick::Mean) },
        ],
    };
    let highest = course.limit.iter().map(|point| point.1).fold(0.0, f64::max);
    let beyond = if highest > top { format!(", up to {}", show_mbps(highest)) } else { String::new() };
    let legend = format!("┄ link's capacity   ━ all limits together{beyond}   • delivered");
    let decided: Vec<_> =
        course.changes.iter().map(|change| (change.at_s, reasons::mark(change.decision.action))).collect();
    let (times, decided) = (axis(length, &seconds), marks("changed", &decided, length));
    format!("{:>9}   {legend}\n{}{times}{decided}\n", "Mbit/s", chart.text())
}

/// The indicator of the objective that was broken for the longest.
fn indicator(simulation: &Simulation) -> String {
    let judged = simulation.judged().zip(&simulation.course.readings);
    let Some(((objective, _), readings)) = judged.max_by_key(|((_, judged), _)| judged.broken) else {
        return String::new();
    };
    let Bound::AtMost(most) = objective.bound else { return String::new() };
    let length = simulation.length_s();
    let show =
        |value: f64| Finite::new(value).map(|value| objective.indicator.show(value)).unwrap_or_default();
    let bound: &[Point] = &[(0.0, most.get())];
    let chart = Chart {
        top: 2.0 * most.get().max(f64::MIN_POSITIVE),
        rows: 7,
        label: &show,
        series: vec![
            Series { mark: '┄', values: held(bound, length, Pick::Mean) },
            Series { mark: '•', values: columns(readings, length, Pick::Highest) },
        ],
    };
    let kind = objective.indicator.name();
    let legend =
        format!("{kind:>9}   • as measured, the highest of each column   ┄ bound of {}", objective.name);
    format!("{legend}\n{}{}\n", chart.text(), axis(length, &seconds))
}

fn decisions(simulation: &Simulation) -> String {
    let stretches = simulation.course.stretches();
    let mut text =
        "Changes of the limits (v cut, ^ raised), those of one reason in a row together\n".to_owned();
    for stretch in stretches.iter().take(LISTED) {
        text.push_str(&listed(stretch, simulation));
    }
    if let Some(more) = stretches.len().checked_sub(LISTED).filter(|more| *more > 0) {
        let _ = writeln!(text, "  … and {more} more; -o json has them all");
    }
    if stretches.is_empty() {
        text.push_str("  none\n");
    }
    text + "\n"
}

fn listed(stretch: &Stretch, simulation: &Simulation) -> String {
    let Stretch { from_s, to_s, action, reason, objective, times, limit_mbps } = *stretch;
    let when = if times == 1 { format!("{from_s:.1} s") } else { format!("{from_s:.1} - {to_s:.1} s") };
    let to = show::rate(limit_mbps * 1e6);
    let times = if times == 1 { String::new() } else { format!(", {times} times") };
    let name = objective.and_then(|position| simulation.simulated.objectives.get(position));
    let name = name.map(|objective| format!(" [{}]", objective.name)).unwrap_or_default();
    let (mark, word, why) = (reasons::mark(action), reason_word(reason), reasons::why(reason));
    let line = format!("  {when:>15}  {mark} to {to:<6} {word}{name}{times}");
    let whole = format!("{line}: {why}");
    if whole.chars().count() <= crate::chart::WIDTH { whole + "\n" } else { line + "\n" }
}

fn summary(simulation: &Simulation) -> String {
    let figures = &simulation.outcome.figures;
    let mut text =
        format!("Summary, after a warm-up of {}\n", seconds(simulation.scenario.warm_up().as_secs_f64()));
    for (objective, judged) in simulation.judged() {
        let _ = writeln!(text, "  {}", violations(objective, *judged));
    }
    text += &goodput(figures.goodput_mbps, simulation.best_mbps);
    let _ = writeln!(text, "  {:.1} changes a minute of each limit", figures.changes_per_minute);
    if let Some(after) = figures.ineffective_after {
        let _ = writeln!(text, "  lower limits were found not to help after {after:.1} s");
    }
    text
}

/// What was delivered, beside the best that leaves as much free as a careful person would.
fn goodput(mbps: f64, best_mbps: f64) -> String {
    let share = (100.0 * mbps / best_mbps).round();
    let best = format!("{share:.0} % of the best that leaves 5 % of the link free");
    let more = "    more than 100 %, as these limits leave less of it free\n";
    format!("  goodput {mbps:.1} Mbit/s, {best}\n{}", if share > 100.0 { more } else { "" })
}

fn violations(objective: &Objective, judged: Judged) -> String {
    let Judged { seconds, broken } = judged;
    let percent = 100.0 * f64::from(broken) / f64::from(seconds.max(1));
    let bound = objective.indicator.show_bound(objective.bound);
    format!("{} {bound}: violated in {broken} of {seconds} seconds ({percent:.1} %)", objective.name)
}

fn differences(simulation: &Simulation) -> String {
    let differences = &simulation.simulated.differences;
    let lines: String = differences.iter().map(|difference| ["  ", difference, "\n"].concat()).collect();
    let heading = if lines.is_empty() { "" } else { "\nNot as on a cluster\n" };
    let model = "A model is no network: it shows what the law does, not what your link will do.";
    format!("{heading}{lines}\n{model}\n")
}

impl Simulation {
    fn length_s(&self) -> f64 {
        self.course.capacity.last().map_or(1.0, |(at_s, _)| *at_s)
    }

    /// The objectives, and how they fared.
    fn judged(&self) -> impl Iterator<Item = (&Objective, &Judged)> {
        self.simulated.objectives.iter().zip(&self.outcome.judged)
    }
}

fn show_mbps(mbps: f64) -> String {
    match mbps {
        _ if mbps >= 10_000.0 => format!("{:.0}G", mbps / 1e3),
        _ if mbps >= 1_000.0 => format!("{:.1}G", mbps / 1e3),
        _ if mbps >= 10.0 || mbps == 0.0 => format!("{mbps:.0}M"),
        _ => format!("{mbps:.1}M"),
    }
}

fn seconds(at_s: f64) -> String {
    format!("{at_s:.0} s")
}

#[cfg(test)]
mod tests {
    use super::super::course::{Change, Course};
    use super::super::tests::manifest;
    use super::*;
    use crate::chart::WIDTH;
    use flow_control::{Action, Decision, Reason};
    use flow_model::{Contender, Figures, History, Outcome, Scenario};

    const SPEC: &str = "
  mode: Observe
  objectives:
  - {name: commands, probe: {host: robot, port: 1}, jitter: {max: 3ms}}
  targets: [{kind: Deployment, name: upload, limit: {min: 10M, max: 1G}}]
";

    /// Two minutes in which everything is as it is made up here.
    fn course() -> Course {
        let mut course = Course::default();
        for second in 0..=120 {
            let at_s = f64::from(second);
            let limit = if second < 11 { 2_000.0 } else { 80.0 + f64::from(second / 30) };
            let jitter = if second == 10 { 0.04 } else { 0.000_3 };
            course.capacity.push((at_s, 100.0));
            course.limit.push((at_s, limit));
            course.delivered.push((at_s, if second < 10 { 0.0 } else { limit.min(98.0) - 4.0 }));
            course.readings.resize(1, Vec::new());
            course.readings[0].push((at_s, jitter));
        }
        for (at_s, action, reason, limit_mbps) in [
            (10.1, Action::Decrease, Reason::QueueGrows, 95.0),
            (10.9, Action::Decrease, Reason::QueueGrows, 80.0),
            (30.2, Action::Increase, Reason::Headroom, 81.0),
        ] {
            let objective = (action == Action::Decrease).then_some(0);
            course.changes.push(Change {
                at_s,
                decision: Decision { action, reason, objective },
                limit_mbps,
            });
        }
        course
    }

    fn simulation() -> Simulation {
        let manifest = manifest(SPEC);
        let figures = Figures {
            violated_percent: 0.9,
            goodput_mbps: 90.0,
            changes_per_minute: 1.5,
            variation_percent: 0.0,
            reaction_ms: None,
            slow_reaction_ms: None,
            ineffective_after: None,
        };
        let judged = vec![Judged { seconds: 109, broken: 1 }];
        Simulation {
            simulated: super::super::candidate::simulated(&manifest).unwrap(),
            manifest,
            scenario: Scenario::parse("default".to_owned(), include_str!("default.yaml")).unwrap(),
            course: course(),
            history: History::default(),
            outcome: Outcome { contender: Contender::Policy, figures, judged },
            best_mbps: 93.0,
        }
    }

    #[test]
    fn a_simulation_is_told_within_eighty_columns() {
        let text = text(&simulation());
        assert_eq!(text, include_str!("expected.txt"));
        let wide: Vec<_> = text.lines().filter(|line| line.chars().count() > WIDTH).collect();
        assert_eq!(wide, Vec::<&str>::new());
    }

    #[test]
    fn more_than_the_best_is_explained() {
        let mut simulation = simulation();
        simulation.outcome.figures.goodput_mbps = 94.9;
        let expected = "\
  goodput 94.9 Mbit/s, 102 % of the best that leaves 5 % of the link free
    more than 100 %, as these limits leave less of it free
";
        assert!(text(&simulation).contains(expected), "{}", text(&simulation));
    }

    #[test]
    fn rates_are_written_in_few_letters() {
        for (mbps, shown) in [(0.0, "0M"), (2.5, "2.5M"), (12.5, "12M"), (1_234.0, "1.2G"), (20_000.0, "20G")]
        {
            assert_eq!(show_mbps(mbps), shown);
        }
    }
}
