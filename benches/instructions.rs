//! How many instructions a decision takes, by case in the order of [`Case::all`], counted by Callgrind.

#![allow(clippy::unwrap_used, reason = "a bench may panic")]
#![allow(missing_docs, reason = "the macros make public items without any")]

use flow_control::{Decision, Observation, Params, State};
use flow_cost::{Case, Ready};
use gungraun::prelude::*;
use std::hint::black_box;

fn prepare(case: Case) -> Ready {
    case.prepare().unwrap()
}

#[library_benchmark]
#[benches::case(iter = Case::all(), setup = prepare)]
fn decide(ready: Ready) -> (State, Decision, Params, Vec<Observation>) {
    black_box(black_box(ready).decide())
}

library_benchmark_group!(name = step, benchmarks = decide);

main!(library_benchmark_groups = step);
