//! What the bench prints.

use crate::figures::Figures;
use crate::report::Report;

/// Prints one line.
#[expect(clippy::print_stdout, reason = "this is what the bench is for")]
pub(crate) fn line(text: &str) {
    println!("{text}");
}

pub(crate) fn figures(run: &Figures) {
    let reactions: Vec<String> = run.reactions.iter().map(|one| format!("{:.0}", one.ms)).collect();
    let fixed = run.fixed_mbps.map_or_else(String::new, |mbps| format!("  fixed {mbps} Mbit/s"));
    line(&format!(
        "{:>2} {:<15} {:<19} violation {:>5.1} %  goodput {:>5.1} Mbit/s  p99 {:>6} ms  limit {:>5}  cv {:>5}  \
         writes {:>5.1}/min  pods {}  reactions [{}] ms{fixed}",
        run.repetition + 1,
        run.scenario.name(),
        run.contender.name(),
        run.violation_ratio * 100.0,
        run.goodput_mbps,
        known(run.delay_p99_us.map(|us| us / 1e3), 2),
        known(run.limit_mbps, 1),
        known(run.limit_cv, 3),
        run.writes_per_min_each,
        run.pod_restarts,
        reactions.join(" "),
    ));
    if let Some(fault) = run.fault {
        line(&format!(
            "   ineffective after {} s, goodput {:.1} -> {:.1} Mbit/s ({:.2})",
            known(fault.ineffective_s, 1),
            fault.goodput_before_mbps,
            fault.goodput_during_mbps,
            fault.goodput_share
        ));
    }
}

pub(crate) fn summary(report: &Report) {
    line(&serde_json::to_string_pretty(&report.summary).unwrap_or_default());
}

fn known(value: Option<f64>, places: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.places$}"))
}
