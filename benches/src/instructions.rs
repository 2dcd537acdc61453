use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

/// What Callgrind counted, by the position of the case.
pub type Instructions = BTreeMap<usize, u64>;

/// Reads the summaries that the bench `instructions` left under `home`. Those that cannot be understood are left out.
pub fn instructions(home: &Path) -> io::Result<Instructions> {
    let mut counts = Instructions::new();
    for entry in fs::read_dir(home)? {
        let path = entry?.path();
        if path.is_dir() {
            counts.extend(instructions(&path)?);
        } else if path.file_name().is_some_and(|name| name == "summary.json") {
            counts.extend(count(&fs::read_to_string(path)?));
        }
    }
    Ok(counts)
}

/// The position in the id of the benchmark, `case_5`, and how many instructions were read.
fn count(summary: &str) -> Option<(usize, u64)> {
    let summary: Value = serde_json::from_str(summary).ok()?;
    let (_, position) = summary.get("id")?.as_str()?.rsplit_once('_')?;
    let values = summary.pointer("/profiles/0/data/total/metrics/Ir/values")?;
    Some((position.parse().ok()?, new(values)?))
}

/// The new one of the counts of one or two runs.
fn new(values: &Value) -> Option<u64> {
    let new = values.get("Left").or_else(|| values.pointer("/Both/0")).unwrap_or(values);
    new.get("Int").unwrap_or(new).as_u64()
}
