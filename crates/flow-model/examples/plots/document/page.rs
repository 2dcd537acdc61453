//! The page that shows all of it.

use super::picture;
use super::study::Study;
use flow_model::{Contender, Figures};

const HEAD: &str = "\
# Scenarios of the control law

Drawn by the [model](../../crates/flow-model/src/lib.rs) of a shared link; do not edit. After a change of the law or of a
scenario, `cargo run -p flow-model --example plots` draws them anew, and a test tells when that is due.

A model is no network: it knows no offload, no scheduler and no Wi-Fi. It tells laws apart, and shows what each does;
how well they protect on a real cluster, `make bench` measures. What the law does is in [control.md](../control.md).

## All of them

In each cell: hundredths of all seconds in which an objective was broken for its users / goodput of best effort in
hundredths of what one who knows the capacity and keeps a twentieth free gets / changes of a limit in a minute. The first
seconds, in which a limit is found, are left out (10 s, or `warmUp`). More than 100 of goodput mostly means that the
link was full, and the objective broken.

The predecessor is its law on its terms: a probe each half a second, a decision each two, and pods that are replaced
within five to be limited. The files are in [crates/flow-model/scenarios](../../crates/flow-model/scenarios).

| scenario | what it is about | Adaptive, Balanced | Adaptive, Strict | AIMD | predecessor |
|---|---|---|---|---|---|
";

const PLOTS: &str = "
## The most telling ones

Each with the law Adaptive as it is by default, unless it says Strict. Limits above the axis run along its upper edge: at
first they are at their maximum. *First sign* is the queueing delay from which on the law cuts; it is missing where no
probe tells of the queue. Delays are as they are when the law decides, five times a second and at once when a queue
grows.
";

/// The whole page.
pub(crate) fn text(studies: &[Study], drawn: &[&Study]) -> String {
    let rows: String = studies.iter().map(row).collect();
    let plots: String = drawn.iter().map(|study| plot(study)).collect();
    format!("{HEAD}{rows}{}{PLOTS}{plots}", medians(studies))
}

fn row(study: &Study) -> String {
    let cells: String = study.figures.iter().map(|figures| cell(values(figures, study.best_mbps))).collect();
    format!("| `{}` | {} |{cells}\n", study.scenario.name, study.scenario.why)
}

/// What is told of a run.
fn values(figures: &Figures, best_mbps: f64) -> [f64; 3] {
    let goodput = 100.0 * figures.goodput_mbps / best_mbps;
    [figures.violated_percent, goodput, figures.changes_per_minute]
}

fn cell([violated, goodput, changes]: [f64; 3]) -> String {
    format!(" {violated:.1} / {goodput:.0} / {changes:.0} |")
}

fn medians(studies: &[Study]) -> String {
    let column = |position: usize| {
        let figures =
            studies.iter().filter_map(|study| Some((study.figures.get(position)?, study.best_mbps)));
        let all: Vec<_> = figures.map(|(figures, best)| values(figures, best)).collect();
        let of = |pick: fn(&[f64; 3]) -> f64| median(all.iter().map(pick).collect());
        cell([of(|[violated, ..]| *violated), of(|[_, goodput, _]| *goodput), of(|[.., changes]| *changes)])
    };
    format!("| | **median of each figure** |{}\n", (0..4).map(column).collect::<String>())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn plot(study: &Study) -> String {
    let (name, picture) = (&study.scenario.name, picture(study));
    let strict = if study.scenario.law == Contender::Strict { " (Strict)" } else { "" };
    format!("\n### {name}{strict}\n\n{}\n\n![{name}]({picture})\n", study.scenario.why)
}
