//! What the demo prints.

use flow_e2e::report::{PHASES, Report};
use flow_e2e::scenario::Live;

/// Prints one line.
#[expect(clippy::print_stdout, reason = "this is what the demo is for")]
pub(super) fn line(text: &str) {
    println!("{text}");
}

pub(super) fn introduction() {
    line(
        "A robot's commands and two uploads share one 100 Mbit/s uplink. First nobody uploads (quiet), then the
uploads take all they can (congested), then a FlowPolicy holds them back (protected), then they end (released).
Limits, and what is sent, are of both uploads together. The operator is being installed as pods.",
    );
}

pub(super) fn live(live: &Live) {
    let known = |value: Option<f64>, unit: f64, places: usize| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{:.places$}", value / unit))
    };
    let broken = live.jitter_us.is_some_and(|jitter| jitter > live.bound_us);
    line(&format!(
        "{:>4.0} s  {:<10} jitter {:>5} ms (bound {}{})  limits {:>5} Mbit/s  sent {:>5.1} Mbit/s",
        live.at_s,
        live.phase,
        known(live.jitter_us, 1e3, 2),
        live.bound_us / 1e3,
        if broken { ", BROKEN" } else { "" },
        known(live.limit_mbps, 1.0, 1),
        live.sent_mbps,
    ));
}

pub(super) fn table(report: &Report) {
    line("\nphase        jitter    latency   best effort   jitter seen by the operator");
    let figures = |name: &'static str| Some((name, report.phases.get(name)?));
    for (name, phase) in PHASES.into_iter().filter_map(figures) {
        let operator = phase.operator_jitter_us.map_or_else(|| "-".to_owned(), |us| format!("{us:.0} us"));
        line(&format!(
            "{name:<10} {:>6.0} us  {:>6.0} us  {:>6.1} Mbit/s   {operator:>8}",
            phase.jitter_us, phase.latency_p50_us, phase.best_effort_mbps
        ));
    }
    let ms = |value: Option<f64>| value.map_or_else(|| "never".to_owned(), |ms| format!("{ms:.0} ms"));
    line(&format!("\nbound                           {:.0} us", report.bound_us));
    line(&format!("within it, last 30 s protected  {:.1} %", report.in_bound_share * 100.0));
    line(&format!("first slow probe to lower limit {}", ms(report.reaction_ms)));
    line(&format!("first slow probe to calm        {}", ms(report.recovered_ms)));
    line(&format!("pods restarted                  {}", report.pod_restarts));
    line(&format!("queries to Prometheus           {:.0}", report.prometheus_queries));
    line(&format!("pods as they were before        {}\n", if report.limit_restored { "yes" } else { "no" }));
}
