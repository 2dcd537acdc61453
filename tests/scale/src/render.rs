//! The page of the documentation that is made of the figures.

use crate::figures::{Figures, Load, Report};
use std::fmt::Write;

const MIB: f64 = 1_048_576.0;

/// A goal, what is measured for it, and how that is told.
struct Goal {
    what: &'static str,
    most: &'static str,
    reached: fn(&Figures) -> (f64, f64),
    unit: &'static str,
}

/// With 10,000 policies: the measured value and the most that it may be.
const GOALS: [Goal; 6] = [
    Goal { what: "processor, at rest", most: "0.5", reached: |of| (of.quiet.cpu_cores, 0.5), unit: "cores" },
    Goal { what: "memory", most: "200", reached: |of| (mib(of.quiet.rss_bytes), 200.0), unit: "MiB" },
    Goal {
        what: "API writes while nothing changes",
        most: "0",
        reached: |of| (of.quiet.api_writes_per_s, 0.0),
        unit: "per s",
    },
    Goal {
        what: "lateness of decisions, p99, at rest",
        most: "500",
        reached: |of| (late(&of.quiet), 500.0),
        unit: "ms",
    },
    Goal {
        what: "lateness of decisions, p99, 1 % violated",
        most: "500",
        reached: |of| (late(&of.busy), 500.0),
        unit: "ms",
    },
    Goal {
        what: "first decision after a start",
        most: "15",
        reached: |of| (of.start.first_decision_s, 15.0),
        unit: "s",
    },
];

/// The page.
pub(crate) fn markdown(report: &Report) -> String {
    let mut page = String::new();
    // To write to a string cannot fail.
    let _ = write!(page, "{}", head(report));
    for (title, load) in LOADS {
        let _ = write!(page, "\n## {title}\n\n{}", loads(&report.sizes, load));
    }
    let _ = write!(page, "\n## Start and memory\n\n{}", rest(&report.sizes));
    let _ = write!(page, "\n## Goals\n\n{}", goals(&report.sizes));
    page
}

type Pick = fn(&Figures) -> &Load;

const LOADS: [(&str, Pick); 2] =
    [("While nothing changes", |of| &of.quiet), ("With 1 % violated at any time", |of| &of.busy)];

fn head(report: &Report) -> String {
    let machine = &report.machine;
    format!(
        "# Scale\n\n\
         Written by `make bench-scale`, which measures it anew in about 15 minutes: one operator over 100, 1,000 and 10,000\n\
         policies with ten pods each, deciding once a second. API server, etcd and Prometheus are real; kwok plays pods, so\n\
         limits are written as for Cilium. Half of the policies probe one of four reflectors, the other half ask Prometheus\n\
         for what a probe next to the critical flow exports. Targets are selected by label.\n\n\
         It is a cluster as after a restart of the operator: pods carry their limits, and policies have a status. The\n\
         operator itself has made the first 80 policies so; the others are copies of these, stored straight into etcd. To\n\
         write the first limit of 100,000 pods is not measured.\n\n\
         Measured at {} on {} × {}, {} MiB, Linux {}: operator, API server, etcd, Prometheus and the load share them.\n",
        report.revision, machine.cpus, machine.cpu, machine.memory_mib, machine.kernel
    )
}

fn loads(sizes: &[Figures], load: Pick) -> String {
    let mut table = "| policies | pods | cores | RSS MiB | peak RSS MiB | decisions/s | API reads/s | API writes/s | Prometheus requests/s | lateness p50 ms | p99 ms |\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n".to_owned();
    for of in sizes {
        let load = load(of);
        let _ = writeln!(
            table,
            "| {} | {} | {:.3} | {:.0} | {:.0} | {:.0} | {:.2} | {:.2} | {:.2} | {} | {} |",
            of.policies,
            of.pods,
            load.cpu_cores,
            mib(load.rss_bytes),
            mib(load.peak_rss_bytes),
            load.decisions_per_s,
            load.api_reads_per_s,
            load.api_writes_per_s,
            load.prometheus_requests_per_s,
            known(load.lateness_p50_ms, 1),
            known(load.lateness_p99_ms, 1),
        );
    }
    table
}

fn rest(sizes: &[Figures]) -> String {
    let mut table = "| policies | ready s | first decision s | all decided s | KiB per policy |\n|---:|---:|---:|---:|---:|\n".to_owned();
    let fewer = std::iter::once(None).chain(sizes.iter().map(Some));
    for (fewer, of) in fewer.zip(sizes) {
        let _ = writeln!(
            table,
            "| {} | {:.1} | {:.1} | {:.1} | {} |",
            of.policies,
            of.start.ready_s,
            of.start.first_decision_s,
            of.start.all_decided_s,
            known(fewer.and_then(|fewer| kib_of_each(fewer, of)), 1),
        );
    }
    table
        + "\nKiB per policy: what memory at rest grew by from the line above, with ten pods and their limits.\n"
}

/// What each policy takes of memory by which `of` is more than `fewer`.
fn kib_of_each(fewer: &Figures, of: &Figures) -> Option<f64> {
    let policies = u32::try_from(of.policies.checked_sub(fewer.policies)?).ok()?;
    let kib = (mib(of.quiet.rss_bytes) - mib(fewer.quiet.rss_bytes)) * 1024.0 / f64::from(policies);
    Some(kib).filter(|kib| kib.is_finite())
}

fn goals(sizes: &[Figures]) -> String {
    let Some(most) = sizes.iter().find(|of| of.policies == 10_000) else {
        return "Only a run with 10,000 policies shows them.\n".to_owned();
    };
    let mut table = "| with 10,000 policies | measured | at most | |\n|---|---:|---:|---|\n".to_owned();
    for goal in &GOALS {
        let (measured, bound) = (goal.reached)(most);
        let verdict = if measured <= bound { "reached" } else { "**missed**" };
        let _ =
            writeln!(table, "| {} | {measured:.2} {} | {} | {verdict} |", goal.what, goal.unit, goal.most);
    }
    table + &ratio(sizes, most)
}

/// How the cost grows from 1,000 policies to ten times as many.
fn ratio(sizes: &[Figures], most: &Figures) -> String {
    let Some(few) = sizes.iter().find(|of| of.policies == 1_000) else { return String::new() };
    let times = most.quiet.cpu_cores / few.quiet.cpu_cores;
    let asked = most.quiet.prometheus_requests_per_s / few.quiet.prometheus_requests_per_s;
    let row = |what, times: f64, least, most| {
        let verdict = if (least..=most).contains(&times) { "reached" } else { "**missed**" };
        format!(
            "| {what} of 10,000 policies to those of 1,000 | {times:.1} × | {least} to {most} × | {verdict} |\n"
        )
    };
    row("cores", times, 8.0, 12.0) + &row("requests to Prometheus", asked, 0.9, 1.1)
}

fn late(load: &Load) -> f64 {
    load.lateness_p99_ms.unwrap_or(f64::INFINITY)
}

fn mib(bytes: u64) -> f64 {
    u32::try_from(bytes / 1024).map_or(f64::INFINITY, |kib| f64::from(kib) * 1024.0 / MIB)
}

fn known(value: Option<f64>, places: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.places$}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Start;
    use flow_e2e::Machine;

    fn load(policies: usize) -> Load {
        Load {
            seconds: 30.0,
            cpu_cores: f64::from(u32::try_from(policies).unwrap()) / 25_000.0,
            rss_bytes: u64::try_from(policies).unwrap() * 8_192,
            peak_rss_bytes: 160 << 20,
            api_reads_per_s: 0.5,
            api_writes_per_s: 0.0,
            prometheus_requests_per_s: 1.0,
            decisions_per_s: 1.0,
            lateness_p50_ms: Some(1.0),
            lateness_p99_ms: None,
        }
    }

    fn figures(policies: usize) -> Figures {
        let start = Start { ready_s: 1.0, first_decision_s: 2.0, all_decided_s: 3.0 };
        let (quiet, busy) = (load(policies), load(policies));
        Figures { policies, pods: policies * 10, start, quiet, busy }
    }

    #[test]
    fn a_goal_is_told_as_reached_or_missed_and_what_is_unknown_is_missed() {
        let report = Report {
            machine: Machine::this(),
            revision: "abc".to_owned(),
            sizes: [100, 1_000, 10_000].map(figures).into(),
        };
        let page = markdown(&report);
        assert!(page.contains("| processor, at rest | 0.40 cores | 0.5 | reached |"), "{page}");
        assert!(
            page.contains("| lateness of decisions, p99, at rest | inf ms | 500 | **missed** |"),
            "{page}"
        );
        assert!(
            page.contains("| cores of 10,000 policies to those of 1,000 | 10.0 × | 8 to 12 × | reached |"),
            "{page}"
        );
        assert!(page.contains("| 100 | 1.0 | 2.0 | 3.0 | – |"), "{page}");
        assert!(page.contains("| 10000 | 1.0 | 2.0 | 3.0 | 8.0 |"), "{page}");
    }
}
