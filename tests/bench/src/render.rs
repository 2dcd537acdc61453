//! `docs/benchmarks.md`. Pure: figures in, text out.

use crate::plan::{BOUND_US, Contender, ORACLE_SHARE, Scenario};
use crate::report::{COLUMNS, Column, Report, spread};
use crate::statistics::Spread;
use crate::summary::{Summary, all, reactions_ms};
use std::fmt::Write;

/// A figure must be so much better before it counts as such.
const CLEARLY: f64 = 0.02;

/// The whole document.
pub(crate) fn markdown(report: &Report) -> String {
    let parts = [
        introduction(report),
        scenarios(report),
        fault(report),
        summary(&report.summary),
        losses(report),
        pictures(),
        conditions(report),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

fn introduction(report: &Report) -> String {
    let contenders: Vec<String> = Contender::ALL
        .map(|contender| format!("| `{}` | {} |\n", contender.name(), contender.description()))
        .to_vec();
    format!(
        "# Benchmarks\n\n\
         Written by `make bench`; do not edit. Version {} ({}), {} repetitions: medians, and ranges in brackets.\n\n\
         A critical flow and two uploads share one link of a real cluster. Everything is measured from outside: the \
         delay by a probe of the harness each 10 ms, limits by what the kernel tells, goodput by the counter of the \
         link, writes by a watch of the pods. A second is in violation if the jitter in it (the interquartile range of \
         its delays) is above {:.0} us, or cannot be told.\n\n\
         | contender | |\n|---|---|\n{}",
        report.version,
        report.revision,
        report.repetitions,
        BOUND_US,
        contenders.concat()
    )
}

fn scenarios(report: &Report) -> String {
    Scenario::ALL.into_iter().filter_map(|scenario| table(report, scenario)).collect::<Vec<_>>().join("\n")
}

fn table(report: &Report, scenario: Scenario) -> Option<String> {
    let heads: Vec<&str> = COLUMNS.iter().map(|column| column.head).collect();
    let rows: Vec<String> = Contender::ALL.into_iter().filter_map(|one| row(report, scenario, one)).collect();
    let (length, warm_up) = (scenario.length().as_secs(), scenario.warm_up().as_secs());
    (!rows.is_empty()).then(|| {
        format!(
            "## {}\n\nHere {}. {length} s of traffic; all but the reaction and the pods is counted after the first {warm_up} s.\n\n\
             | contender | {} |\n|---|{}\n{}",
            scenario.name(),
            scenario.description(),
            heads.join(" | "),
            "---:|".repeat(heads.len()),
            rows.concat()
        )
    })
}

fn row(report: &Report, scenario: Scenario, contender: Contender) -> Option<String> {
    all(&report.runs, scenario, contender).next()?;
    let cells = COLUMNS.iter().map(|column| {
        let of = spread(&report.runs, scenario, contender, column);
        of.map_or_else(|| "-".to_owned(), |spread| cell(spread, column.places))
    });
    Some(format!("| `{}` | {} |\n", contender.name(), cells.collect::<Vec<_>>().join(" | ")))
}

fn cell(spread: Spread, places: usize) -> String {
    let Spread { median, least, most } = spread;
    if (most - least).abs() < f64::EPSILON {
        return format!("{median:.places$}");
    }
    format!("{median:.places$} ({least:.places$}–{most:.places$})")
}

fn fault(report: &Report) -> String {
    let rows = Contender::ALL.into_iter().flat_map(|contender| {
        let runs = all(&report.runs, Scenario::Fault, contender);
        runs.filter_map(move |run| {
            let fault = run.fault?;
            Some(format!(
                "| `{}` | {} | {:.1} | {:.1} | {:.0} % |\n",
                contender.name(),
                fault.ineffective_s.map_or_else(|| "never".to_owned(), |s| format!("{s:.1} s")),
                fault.goodput_before_mbps,
                fault.goodput_during_mbps,
                fault.goodput_share * 100.0
            ))
        })
    });
    let rows: Vec<String> = rows.collect();
    if rows.is_empty() {
        return String::new();
    }
    let head = "| contender | says that limits do not help after | goodput before, Mbit/s | during | share |";
    format!("What the fault costs the uploads:\n\n{head}\n|---|---:|---:|---:|---:|\n{}", rows.concat())
}

fn summary(summary: &Summary) -> String {
    let shown = |value: Option<f64>, places: usize| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.places$}"))
    };
    let ms = |value| shown(value, 0);
    let rows = [
        ("violation, ours / predecessor-rollout, fixed", shown(summary.violation_ratio_fixed, 2)),
        ("the same in the mode Strict", shown(summary.violation_ratio_fixed_strict, 2)),
        ("violation, ours / predecessor-rollout, varying", shown(summary.violation_ratio_varying, 2)),
        ("the same in the mode Strict", shown(summary.violation_ratio_varying_strict, 2)),
        ("goodput, ours / best-fixed, fixed", shown(summary.goodput_share_fixed, 3)),
        ("goodput, ours / oracle, varying", shown(summary.goodput_share_varying, 3)),
        ("reaction p50, ms", ms(summary.reaction_ms.p50)),
        ("reaction p95, ms", ms(summary.reaction_ms.p95)),
        ("reaction by Prometheus p50, ms", ms(summary.reaction_ms.prometheus_p50)),
        ("variation of the settled limit", shown(summary.limit_cv_fixed, 3)),
        ("writes per minute and pod, settled, fixed", shown(summary.writes_per_min.fixed, 1)),
        ("writes per minute and pod, settled, varying", shown(summary.writes_per_min.varying, 1)),
        ("pods replaced or restarted by ours", summary.pod_restarts.to_string()),
        (
            "a decision, ns",
            summary.decision_ns.as_f64().map_or_else(|| "-".to_owned(), |ns| format!("{ns:.0}")),
        ),
    ];
    let rows = rows.map(|(what, figure)| format!("| {what} | {figure} |\n"));
    format!(
        "## In short\n\nThe oracle knows the capacity, and leaves {:.0} % of it free. {} events count for the reaction: \
         from the sending of the first probe that is delayed by more than the bound to limits in force that are lower \
         than before by 2 %; one that never came counts until the next event.\n\n| | |\n|---|---:|\n{}",
        (1.0 - ORACLE_SHARE) * 100.0,
        summary.reaction_ms.events,
        rows.concat()
    )
}

/// Every figure in which another contender is better than ours.
fn losses(report: &Report) -> String {
    let mut text = String::from(
        "## Where flow-manager as it comes loses\n\nEach figure in which another contender is better by more than 2 %. \
         Who protects less has more goodput; both columns belong together.\n\n",
    );
    let mut any = false;
    for scenario in Scenario::ALL {
        for column in &COLUMNS {
            if let Some(line) = loss(report, scenario, column) {
                any = true;
                // Writing to a String cannot fail.
                let _ = writeln!(text, "- {line}");
            }
        }
    }
    if let Some(line) = slowest(report) {
        let _ = writeln!(text, "- {line}");
        any = true;
    }
    if !any {
        text.push_str("None in this run.\n");
    }
    text
}

fn loss(report: &Report, scenario: Scenario, column: &Column) -> Option<String> {
    let median = |contender| Some(spread(&report.runs, scenario, contender, column)?.median);
    let ours = median(Contender::Ours)?;
    let better = |theirs: f64| {
        let gain = if column.more_is_better { theirs - ours } else { ours - theirs };
        gain > CLEARLY * ours.abs().max(theirs.abs())
    };
    let others = Contender::ALL.into_iter().filter(|contender| *contender != Contender::Ours);
    let better = others.filter_map(|other| {
        let theirs = median(other).filter(|theirs| better(*theirs))?;
        Some(format!("`{}` {theirs:.places$}", other.name(), places = column.places))
    });
    let better: Vec<String> = better.collect();
    let places = column.places;
    (!better.is_empty())
        .then(|| format!("{}, {}: ours {ours:.places$}; {}", scenario.name(), column.head, better.join(", ")))
}

/// The slowest reaction is nobody's pride, but it is what a user may meet.
fn slowest(report: &Report) -> Option<String> {
    let slowest = reactions_ms(&report.runs, Contender::Ours).into_iter().reduce(f64::max)?;
    Some(format!("the slowest reaction of ours took {slowest:.0} ms"))
}

fn pictures() -> String {
    let pictures = ["fixed", "varying"].map(|name| {
        format!(
            "![Delays, limits and goodput over time, {name} link: ours left, the predecessor right]\
             (benchmarks/{name}.svg)\n"
        )
    });
    format!(
        "## Over time\n\nThe first repetition: ours left, the predecessor with rollouts right.\n\n{}",
        pictures.join("\n")
    )
}

fn conditions(report: &Report) -> String {
    let machine = &report.machine;
    let failures: Vec<String> = report.failures.iter().map(|failure| format!("- {failure}\n")).collect();
    let failed = if failures.is_empty() {
        String::new()
    } else {
        format!("\nRuns that broke, and are missing above:\n\n{}", failures.concat())
    };
    format!(
        "## How it was measured, and how to repeat it\n\n```console\nmake bench\n```\n\n\
         It needs what `make demo` needs. `BENCH_REPETITIONS=1` and `BENCH_ONLY=fixed,udp` make it shorter; then only \
         `target/bench/report.json` is written, which has every figure of every run. The changes of the link follow \
         from the seeds 3856, 3857, … of the repetitions.\n\n\
         Each run begins without limits, on an empty link. Policies are applied, and objectives known, before traffic \
         starts. Contenders that are not compared run by run take part in the first repetition only.\n\n\
         Measured on {} ({} processors, {} MiB), Linux {}. The cluster, the uploads and the harness share these \
         processors.\n{failed}",
        machine.cpu, machine.cpus, machine.memory_mib, machine.kernel
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Results;
    use crate::summary::tests::run;

    fn report() -> Report {
        use Contender::{BestFixed, Ours, PredecessorRollout};
        let runs = vec![
            run(Scenario::Fixed, Ours, 0, 0.1, 80.0),
            run(Scenario::Fixed, Ours, 1, 0.2, 84.0),
            run(Scenario::Fixed, BestFixed, 0, 0.0, 94.0),
            run(Scenario::Fixed, PredecessorRollout, 0, 0.5, 60.0),
        ];
        let failures = vec!["udp, ours, 0: waited in vain".to_owned()];
        Report::new(Results { runs, sweeps: Vec::new(), failures }, 2, "abc".to_owned())
    }

    #[test]
    fn a_table_has_the_contenders_that_took_part_with_medians_and_ranges() {
        let text = markdown(&report());
        assert!(text.contains("| `ours` | 10.0 (10.0–20.0) | 80.0 (80.0–84.0) | - |"), "{text}");
        assert!(text.contains("| `best-fixed` | 0.0 | 94.0 |"), "{text}");
        assert!(!text.contains("## varying") && !text.contains("| `none` | 0"), "{text}");
    }

    #[test]
    fn losses_are_named_and_gains_are_not() {
        let text = losses(&report());
        assert!(text.contains("- fixed, goodput, Mbit/s: ours 80.0; `best-fixed` 94.0\n"), "{text}");
        assert!(text.contains("- fixed, in violation, %: ours 10.0; `best-fixed` 0.0\n"), "{text}");
        assert!(!text.contains("predecessor"), "{text}");
    }

    #[test]
    fn a_run_that_broke_is_told() {
        assert!(markdown(&report()).contains("- udp, ours, 0: waited in vain"));
    }
}
