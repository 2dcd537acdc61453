//! The examples are policies that can be used as they are.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use flow_policy::{FlowPolicy, Overrides, Policy};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// The names of the examples, without their endings.
fn names() -> BTreeSet<String> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let names = files.filter(|file| file.extension().is_some_and(|ending| ending == "yaml"));
    names.map(|file| file.file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

/// The policies of an example.
fn policies(name: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder().join(format!("{name}.yaml"))).unwrap();
    let objects = text.split("\n---\n").map(|object| serde_saphyr::from_str::<Value>(object).unwrap());
    objects.filter(|object| object["kind"] == "FlowPolicy").collect()
}

/// Where something is written that was not understood.
fn ignored(written: &Value, understood: &Value, path: &str) -> Vec<String> {
    match (written, understood) {
        (Value::Object(written), Value::Object(understood)) => {
            let fields = written.iter().flat_map(|(key, value)| {
                ignored(value, understood.get(key).unwrap_or(&Value::Null), &format!("{path}.{key}"))
            });
            fields.collect()
        }
        (Value::Array(written), Value::Array(understood)) => {
            let items = written.iter().zip(understood).flat_map(|(one, other)| ignored(one, other, path));
            items.collect()
        }
        (written, understood) if written == understood => Vec::new(),
        _ => vec![path.to_owned()],
    }
}

#[test]
fn every_example_is_a_valid_policy_of_its_name_without_a_field_that_is_ignored() {
    let names = names();
    assert!(names.len() >= 16, "{names:?}");
    for name in names {
        let policies = policies(&name);
        assert!(policies.iter().any(|policy| policy["metadata"]["name"] == *name), "{name}");
        for written in policies {
            let policy: FlowPolicy = serde_json::from_value(written.clone()).unwrap();
            Policy::try_from(&policy.spec).unwrap_or_else(|problem| panic!("{name}: {problem}"));
            let annotations = policy.metadata.annotations.clone().unwrap_or_default();
            assert_eq!(Overrides::of(&annotations).problem(), None, "{name}");
            let understood = serde_json::to_value(&policy).unwrap();
            assert_eq!(ignored(&written, &understood, &name), Vec::<String>::new());
        }
    }
}

#[test]
fn every_example_is_listed_once() {
    let table = fs::read_to_string(folder().join("README.md")).unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| [")?.split_once(".yaml]("));
    let mut listed: Vec<_> = rows.map(|(name, _)| name.to_owned()).collect();
    listed.sort();
    assert_eq!(listed, names().into_iter().collect::<Vec<_>>());
}
