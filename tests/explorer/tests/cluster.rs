//! The operator bears every spec that the schema lets through, and everything else is refused with a reason.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and figures are what a run is for"
)]

use flow_explorer::run::explore;
use std::env;

const SEED: u64 = 1;
/// The short form, as part of every test run.
const TRANSITIONS: usize = 150;
/// How many reconciliations may be in vain for each transition: a finalizer may be changed while it is added.
const ERRORS: f64 = 0.05;

fn chosen<T: std::str::FromStr>(variable: &str, otherwise: T) -> T {
    env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[tokio::test]
async fn whatever_a_policy_is_changed_to_its_status_is_true_and_it_can_come_back_and_go() {
    let transitions = chosen("EXPLORER_TRANSITIONS", TRANSITIONS);
    let report = explore(chosen("EXPLORER_SEED", SEED), transitions).await.unwrap();
    println!("{report}");
    assert!(report.tally.failures.is_empty(), "{report}");
    assert!(report.tally.transitions >= transitions, "{report}");
    let errors = report.reconcile_errors / f64::from(u32::try_from(report.tally.transitions).unwrap());
    assert!(errors < ERRORS, "{report}");
}
