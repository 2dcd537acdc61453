//! The files of `docs/control`, as the model has them.

mod page;
mod study;

use flow_model::{Scenario, plot};
use std::error::Error;
use std::path::{Path, PathBuf};
use study::Study;

/// The scenarios that tell most are drawn; the others are in the table alone.
const DRAWN: [&str; 17] = [
    "steady",
    "capacity-halves",
    "capacity-varies",
    "capacity-varies-strict",
    "on-off",
    "on-off-apart",
    "pods-join",
    "idle-then-busy",
    "traffic-unknown",
    "fault-elsewhere",
    "fault-elsewhere-busy",
    "loss",
    "noise-p99",
    "prometheus-1s",
    "prometheus-15s",
    "slow-5s",
    "slow-5s-untold",
];

/// A file of the folder.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Where the files belong.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/control")
}

/// Runs every scenario, and draws what came of it.
pub(crate) fn files() -> Result<Vec<File>, Box<dyn Error>> {
    let scenarios = Scenario::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios"))?;
    let studies = study::all(scenarios);
    let drawn: Vec<&Study> = DRAWN.iter().filter_map(|name| named(&studies, name)).collect();
    let page = File { name: "scenarios.md".to_owned(), text: page::text(&studies, &drawn) };
    let mut files = vec![page];
    for study in drawn {
        files.push(File { name: picture(study), text: plot(&study.history).svg()? });
    }
    Ok(files)
}

fn named<'a>(studies: &'a [Study], name: &str) -> Option<&'a Study> {
    studies.iter().find(|study| study.scenario.name == name)
}

/// The name of the file with its plot.
fn picture(study: &Study) -> String {
    format!("{}.svg", study.scenario.name)
}
