//! The operator with 200 policies under churn and faults: its memory stays flat, it falls into no loop of errors, and in
//! the end every pod has exactly the limit that is meant for it, or none.
//!
//! Runs inside a lab. `SOAK_MINUTES` (30) and `SOAK_SEED` (1) say how long and by which chance.

mod expect;
mod fault;
mod report;
mod soak;
mod town;

use std::env;
use std::process::ExitCode;

fn chosen<T: std::str::FromStr>(variable: &str, otherwise: T) -> T {
    env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[tokio::main]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is what it is for")]
async fn main() -> ExitCode {
    match soak::run(chosen("SOAK_SEED", 1), chosen("SOAK_MINUTES", 30.0)).await {
        Ok(report) => {
            println!("{report}");
            if report.problems().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("the soak broke: {error}");
            ExitCode::FAILURE
        }
    }
}
