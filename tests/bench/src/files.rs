//! What is read and written.

use crate::plots::{Titled, svg};
use crate::render::markdown;
use crate::report::Report;
use flow_e2e::Result;
use flow_e2e::kubectl::in_repository;
use flow_e2e::program::run;
use serde_json::Value;

/// Where all files go, and the only place where a partial run writes.
const FOLDER: &str = "target/bench";

/// What a measurement of its own says of the time that one decision takes; null without one.
pub(crate) fn decision_ns() -> Value {
    let text = fs_err::read_to_string(in_repository(FOLDER).join("step.json")).unwrap_or_default();
    let said: Value = serde_json::from_str(&text).unwrap_or_default();
    said.get("decision_ns_adaptive").cloned().unwrap_or_default()
}

/// The commit that is measured; empty where nobody knows.
pub(crate) async fn revision() -> String {
    let repository = in_repository("");
    let command = ["-C", &repository.to_string_lossy(), "describe", "--always", "--exclude", "*", "--dirty"];
    run("git", command).await.unwrap_or_default().trim().to_owned()
}

/// Writes `target/bench/report.json`.
pub(crate) fn write_report(report: &Report) -> Result<()> {
    fs_err::create_dir_all(in_repository(FOLDER))?;
    let text = serde_json::to_string_pretty(report).map_err(std::io::Error::from)?;
    Ok(fs_err::write(in_repository(FOLDER).join("report.json"), text)?)
}

/// Writes the document, and as a draft beside the report; of a partial run the draft alone.
pub(crate) fn write_document(report: &Report, is_full: bool) -> Result<()> {
    let text = markdown(report);
    fs_err::write(in_repository(FOLDER).join("benchmarks.md"), &text)?;
    if is_full {
        fs_err::write(in_repository("docs/benchmarks.md"), text)?;
    }
    Ok(())
}

/// Draws two runs side by side, as `<name>.svg`, where the document stands.
pub(crate) fn write_plot(name: &str, runs: [Titled<'_>; 2], length_s: f64, is_full: bool) -> Result<()> {
    let folders = [Some(FOLDER), is_full.then_some("docs")];
    for folder in folders.into_iter().flatten() {
        let folder = in_repository(folder).join("benchmarks");
        fs_err::create_dir_all(&folder)?;
        fs_err::write(folder.join(format!("{name}.svg")), svg(runs, length_s)?)?;
    }
    Ok(())
}
