//! Times each decision, counts its allocations, and writes the report: `step OUT GUNGRAUN_HOME`.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a bench tells, and may panic")]

use flow_cost::{Case, Measured, instructions, report, table};
use std::path::PathBuf;

fn main() {
    // Cargo adds arguments of its own.
    let mut paths = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).map(PathBuf::from);
    let (out, home) = (paths.next().unwrap(), paths.next().unwrap());
    let counted = instructions(&home).unwrap();
    let measure = |(position, case): (usize, Case)| {
        let allocations = |decide: &mut dyn FnMut()| allocation_counter::measure(decide).count_total;
        Measured::of(case, case.prepare().unwrap(), counted.get(&position).copied(), allocations)
    };
    let measured: Vec<_> = Case::all().enumerate().map(measure).collect();
    let report = report(&measured);
    print!("{}", table(&measured));
    std::fs::write(out, format!("{report:#}\n")).unwrap();
}
