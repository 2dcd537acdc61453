//! Figures that a run measures: for people, and in a file for the report.

use flow_e2e::Result;
use flow_e2e::kubectl::in_repository;
use std::io::{self, Write};
use std::time::Duration;

/// Where all figures of all runs are: in each line what, and seconds, with a tab between them.
const FILE: &str = "target/faults/figures.tsv";

/// Tells how long something took.
pub fn note(what: &str, took: Duration) -> Result<()> {
    let line = format!("{what}\t{:.3}\n", took.as_secs_f64());
    let file = in_repository(FILE);
    if let Some(folder) = file.parent() {
        fs_err::create_dir_all(folder)?;
    }
    fs_err::OpenOptions::new().create(true).append(true).open(file)?.write_all(line.as_bytes())?;
    Ok(io::stderr().write_all(line.as_bytes())?)
}

/// Tells the median and the longest of many.
pub fn note_all(what: &str, mut took: Vec<Duration>) -> Result<()> {
    took.sort_unstable();
    let (median, longest) = (took.get(took.len() / 2), took.last());
    note(&format!("{what}, median of {}", took.len()), median.copied().unwrap_or_default())?;
    note(&format!("{what}, longest of {}", took.len()), longest.copied().unwrap_or_default())
}
