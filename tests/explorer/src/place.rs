//! Where fields stand: in the schema, and in one spec.

use serde_json::Value;
use std::fmt;

/// A step from a field of the schema to one below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The property of that name.
    Key(String),
    /// Any item of a list.
    Item,
    /// Any entry of a map.
    Entry,
}

/// A field of the schema, as in `spec.objectives[].jitter.max`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(Vec<Step>);

impl Path {
    /// The whole spec.
    #[must_use]
    pub fn spec() -> Self {
        Self(vec![Step::Key("spec".to_owned())])
    }

    /// A field below this one.
    #[must_use]
    pub fn join(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    /// The names of the field and of what it is in, one of which a refusal must have.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let names = self.0.iter().rev().filter_map(|step| match step {
            Step::Key(name) => Some(name.as_str()),
            Step::Item | Step::Entry => None,
        });
        let names: Vec<_> = names.take(2).collect();
        // That it is in the spec says nothing.
        if names.len() > 1 { names.into_iter().filter(|name| *name != "spec").collect() } else { names }
    }

    /// Where the field stands in `document`, or would: what it is in must be there. As JSON pointers (RFC 6901).
    #[must_use]
    pub fn places(&self, document: &Value) -> Vec<String> {
        let Some((last, parents)) = self.0.split_last() else { return Vec::new() };
        let mut places = vec![String::new()];
        for step in parents {
            let there = |place: &String| document.pointer(place).is_some_and(|value| !value.is_null());
            places = places.iter().flat_map(|place| below(document, place, step)).filter(there).collect();
        }
        places.iter().flat_map(|place| below(document, place, last)).collect()
    }
}

/// Where a step leads from `place`.
fn below(document: &Value, place: &str, step: &Step) -> Vec<String> {
    match (document.pointer(place), step) {
        (Some(Value::Object(_)), Step::Key(name)) => vec![format!("{place}/{}", escaped(name))],
        (Some(Value::Object(entries)), Step::Entry) => {
            entries.keys().map(|key| format!("{place}/{}", escaped(key))).collect()
        }
        (Some(Value::Array(items)), Step::Item) => {
            (0..items.len()).map(|position| format!("{place}/{position}")).collect()
        }
        _ => Vec::new(),
    }
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Sets what stands at `place`, or with `None` removes it.
pub fn set(document: &mut Value, place: &str, value: Option<Value>) {
    let (parent, key) = place.rsplit_once('/').unwrap_or_default();
    let key = key.replace("~1", "/").replace("~0", "~");
    match (document.pointer_mut(parent), value) {
        (Some(Value::Object(fields)), Some(value)) => {
            fields.insert(key, value);
        }
        (Some(Value::Object(fields)), None) => {
            fields.remove(&key);
        }
        (Some(Value::Array(items)), value) => set_item(items, &key, value),
        _ => {}
    }
}

fn set_item(items: &mut Vec<Value>, key: &str, value: Option<Value>) {
    let Some(position) = key.parse().ok().filter(|position: &usize| *position < items.len()) else { return };
    items.splice(position..=position, value);
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(name) if position == 0 => out.write_str(name)?,
                Step::Key(name) => write!(out, ".{name}")?,
                Step::Item => out.write_str("[]")?,
                Step::Entry => out.write_str("{}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn path(steps: &[&str]) -> Path {
        let step = |name: &&str| match *name {
            "[]" => Step::Item,
            "{}" => Step::Entry,
            name => Step::Key(name.to_owned()),
        };
        Path(steps.iter().map(step).collect())
    }

    #[test]
    fn a_field_has_a_place_wherever_what_it_is_in_is_there() {
        let document = json!({"spec": {"list": [{"a": {}}, {"b": 1}, {"a": null}], "map": {"x/y": "1"}}});
        let of = |steps: &[&str]| path(steps).places(&document);
        assert_eq!(of(&["spec", "list", "[]", "a", "max"]), ["/spec/list/0/a/max"]);
        assert_eq!(of(&["spec", "list", "[]", "b"]).len(), 3);
        assert_eq!(of(&["spec", "map", "{}"]), ["/spec/map/x~1y"]);
        assert_eq!(of(&["spec", "none", "x"]), Vec::<String>::new());
    }

    #[test]
    fn what_is_set_or_removed_is_what_stands_there() {
        let mut document = json!({"spec": {"list": [1, 2], "map": {"x/y": "1"}}});
        set(&mut document, "/spec/map/x~1y", Some(json!("2")));
        set(&mut document, "/spec/list/0", None);
        set(&mut document, "/spec/list/7", Some(json!(7)));
        set(&mut document, "/spec/new", Some(json!(true)));
        assert_eq!(document, json!({"spec": {"list": [2], "map": {"x/y": "2"}, "new": true}}));
    }

    #[test]
    fn a_path_reads_as_in_messages_of_the_api_server() {
        let path = path(&["spec", "objectives", "[]", "jitter", "max"]);
        assert_eq!(
            (path.to_string().as_str(), path.names()),
            ("spec.objectives[].jitter.max", vec!["max", "jitter"])
        );
    }
}
