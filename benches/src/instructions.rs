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
    let count = summary.pointer("/profiles/0/data/total/metrics/Ir/values/new")?.as_u64()?;
    Some((position.parse().ok()?, count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn summary(id: &str) -> String {
        let total = json!({"metrics": {"Ir": {"values": {"new": 2_517, "old": 3}}}});
        json!({"id": id, "profiles": [{"data": {"parts": [], "total": total}}]}).to_string()
    }

    #[test]
    fn a_summary_tells_the_position_of_its_case_and_what_was_counted_now() {
        assert_eq!(count(&summary("case_12")), Some((12, 2_517)));
    }

    #[test]
    fn what_cannot_be_understood_counts_for_no_case() {
        assert_eq!(count(&summary("other")), None);
        assert_eq!(count(&json!({"id": "case_1", "profiles": []}).to_string()), None);
    }
}
