//! Whatever a file says: it is refused with a reason, or it runs.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use flow_model::{Contender, Figures, Scenario, run};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;

/// What a file may have anywhere: first what makes sense, then what need not.
const TIMES: [&str; 9] = ["100ms", "0s", "1us", "1ms", "20ms", "1s", "60s", "60m", "1440m"];
const RATES: [&str; 7] = ["100M", "0", "1", "8k", "1M", "100G", "1T"];
const SHARES: [&str; 6] = ["0.5", "-1", "0", "1", "2", ".nan"];
const COUNTS: [&str; 6] = ["20", "0", "1", "5", "1000", "18446744073709551615"];
/// A scenario with places for all that may be said there.
const TEXT: &str = "why: generated
lasts: 4s
warmUp: 1s
links:
  - {capacity: CAPACITY, buffer: TIME, base: TIME, critical: RATE}
  - {capacity: {constant: 100M}}
policies:
  - objectives:
      - asks: ASKS
        by: BY
        faults: [{from: TIME, lasts: TIME, delay: TIME, jitter: TIME, loss: SHARE}]
    targets:
      - min: RATE
        max: RATE
        scope: SCOPE
        pods: [{sends: SENDS, count: FEW, demand: RATE, rtt: TIME, busy: {from: TIME, lasts: TIME, idle: TIME, apart: TIME}, joins: JOINS}]
    traffic: TRAFFIC
    backend: {delay: TIME, tells: true}
    interval: TIME
";
const CHOICES: [(&str, &[&str]); 8] = [
    ("JOINS", &["true", "false"]),
    (
        "CAPACITY",
        &[
            "{constant: RATE}",
            "{steps: [{at: TIME, is: RATE}]}",
            "{walk: {low: RATE, high: RATE, every: TIME, stride: RATE}}",
        ],
    ),
    (
        "ASKS",
        &[
            "{jitter: {max: TIME, samples: COUNT}}",
            "{jitter: {max: TIME, method: PDV}}",
            "{latency: {max: TIME, permille: 1000, samples: COUNT}}",
            "{loss: {max: SHARE, samples: COUNT}}",
        ],
    ),
    (
        "BY",
        &[
            "{probe: {interval: TIME, noise: TIME, outliers: SHARE, outlier: TIME, lost: SHARE}}",
            "{prometheus: {every: TIME, window: TIME}}",
        ],
    ),
    ("SCOPE", &["Pod", "Target"]),
    ("SENDS", &["tcp", "{udp: RATE}"]),
    ("FEW", &["1", "3"]),
    ("TRAFFIC", &["shaper", "shaperOnceLimited", "none", "{query: TIME}"]),
];

/// The scenario with each place taken: by a number that makes sense, or by any where it is to be odd.
fn filled(mut picks: impl Iterator<Item = (bool, Index)>) -> String {
    let numbers =
        [("SHARE", &SHARES[..]), ("TIME", &TIMES[..]), ("RATE", &RATES[..]), ("COUNT", &COUNTS[..])];
    let mut text = TEXT.to_owned();
    for (place, choices) in CHOICES.into_iter().chain(numbers) {
        while text.contains(place) {
            let (is_odd, index) = picks.next().unwrap();
            let is_fixed = !is_odd && numbers.iter().any(|(number, _)| *number == place);
            let choice: &&str = if is_fixed { choices.first().unwrap() } else { index.get(choices) };
            text = text.replacen(place, choice, 1);
        }
    }
    text
}

fn is_finite(figures: &Figures) -> bool {
    [figures.violated_percent, figures.goodput_mbps, figures.changes_per_minute, figures.variation_percent]
        .iter()
        .all(|figure| figure.is_finite())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn a_scenario_is_refused_with_a_reason_or_runs(picks in prop::collection::vec((prop::bool::weighted(0.1), any::<Index>()), 64)) {
        let text = filled(picks.into_iter());
        match Scenario::parse("generated".to_owned(), &text) {
            Ok(scenario) => {
                for contender in [Contender::Balanced, Contender::Aimd, Contender::Oracle] {
                    let figures = run(&scenario, contender, &mut |_| {}).figures;
                    prop_assert!(is_finite(&figures), "{:?}\n{}", figures, text);
                }
            }
            Err(error) => prop_assert!(error.to_string().starts_with("generated: "), "{}", error),
        }
    }
}
