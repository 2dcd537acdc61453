//! What one decision costs: instructions, time and allocations, by law, size and situation.
//!
//! `make bench-step` measures it. The bench `instructions` counts instructions under Callgrind, so that a figure is
//! the same on any machine; the bench `step` takes times and counts allocations, and writes all into one report.

mod case;
mod instructions;
mod median;
mod report;
mod script;

pub use case::{Case, LawName, Situation};
pub use instructions::{Instructions, instructions};
pub use median::{median, median_nanos};
pub use report::{Measured, report, table};
pub use script::Ready;
