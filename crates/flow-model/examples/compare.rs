//! All contenders in all scenarios: `compare [PART OF A NAME]… [-- CONTENDER…]`.

#![allow(clippy::print_stdout, reason = "it is a program")]

use flow_model::{Contender, Figures, Scenario, run};
use std::path::Path;

fn main() -> Result<(), flow_model::Error> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    println!(
        "{:<30} {:<11} {:>9} {:>9} {:>8} {:>8} {:>7} {:>9} {:>9} {:>11}",
        "", "", "violated%", "Mbit/s", "of best%", "chg/min", "var%", "react ms", "p95 ms", "ineffective"
    );
    for scenario in Scenario::all(&folder)? {
        if wanted.is_empty() || wanted.iter().any(|part| scenario.name.contains(part.as_str())) {
            compare(&scenario);
        }
    }
    Ok(())
}

fn compare(scenario: &Scenario) {
    let all = Contender::ALL.map(|contender| run(scenario, contender, &mut |_| {}));
    let best =
        all.iter().find(|run| run.contender == Contender::Oracle).map_or(1.0, |run| run.figures.goodput_mbps);
    for (number, outcome) in all.iter().enumerate() {
        let name = if number == 0 { scenario.name.as_str() } else { "" };
        println!("{name:<30} {:<11} {}", format!("{:?}", outcome.contender), row(&outcome.figures, best));
    }
}

fn row(figures: &Figures, best: f64) -> String {
    let optional = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.0}"));
    format!(
        "{:>9.1} {:>9.1} {:>8.1} {:>8.1} {:>7.1} {:>9} {:>9} {:>11}",
        figures.violated_percent,
        figures.goodput_mbps,
        100.0 * figures.goodput_mbps / best,
        figures.changes_per_minute,
        figures.variation_percent,
        optional(figures.reaction_ms),
        optional(figures.slow_reaction_ms),
        figures.ineffective_after.map_or_else(|| "-".to_owned(), |value| format!("{value:.1} s")),
    )
}
