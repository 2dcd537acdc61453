//! Each scenario comes out as its file says.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use flow_model::{Scenario, run};
use std::path::Path;

#[test]
fn every_scenario_comes_out_as_expected() {
    let scenarios = Scenario::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")).unwrap();
    assert!(!scenarios.is_empty());
    let misses: Vec<_> = scenarios.iter().flat_map(misses).collect();
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

fn misses(scenario: &Scenario) -> Vec<String> {
    let figures = |contender| run(scenario, contender, &mut |_| {}).figures;
    let missed = scenario.expect.misses(&figures(scenario.law), figures);
    missed.into_iter().map(|miss| format!("{}: {miss}", scenario.name)).collect()
}
