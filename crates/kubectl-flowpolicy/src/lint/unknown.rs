use super::Finding;
use serde_json::{Map, Value};

/// Each field that `schema` does not know, with the known one that is nearest to it.
pub(super) fn fields(document: &Value, schema: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    visit(document, schema, "", &mut findings);
    findings
}

fn visit(value: &Value, schema: &Value, path: &str, findings: &mut Vec<Finding>) {
    match value {
        Value::Object(fields) => {
            let Some(known) = schema.get("properties").and_then(Value::as_object) else { return };
            for (name, value) in fields {
                let path = join(path, name);
                match known.get(name) {
                    Some(schema) => visit(value, schema, &path, findings),
                    None => findings.push(Finding::error(&path, problem(name, known))),
                }
            }
        }
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else { return };
            for (position, item) in items.iter().enumerate() {
                visit(item, schema, &format!("{path}[{position}]"), findings);
            }
        }
        _ => {}
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn problem(name: &str, known: &Map<String, Value>) -> String {
    let distance = |other: &&String| strsim::damerau_levenshtein(&name.to_lowercase(), &other.to_lowercase());
    let near = |other: &&String| distance(other) <= 1 + other.len() / 3;
    if let Some(nearest) = known.keys().min_by_key(distance).filter(near) {
        return format!("there is no such field; did you mean {nearest}?");
    }
    let names: Vec<_> = known.keys().map(String::as_str).collect();
    format!("there is no such field; allowed are {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_that_is_not_known_is_named_with_the_nearest_or_all() {
        let item = json!({"properties": {"name": {}, "priority": {}}});
        let schema = json!({"properties": {
            "spec": {"properties": {"objectives": {"items": item}, "labels": {"additionalProperties": {}}}},
        }});
        let document =
            json!({"spec": {"objetives": 1, "objectives": [{"Priority": 1, "x": 2}], "labels": {"y": 3}}});
        let found: Vec<_> = fields(&document, &schema).iter().map(ToString::to_string).collect();
        let expected = [
            "spec.objectives[0].Priority: there is no such field; did you mean priority?",
            "spec.objectives[0].x: there is no such field; allowed are name, priority",
            "spec.objetives: there is no such field; did you mean objectives?",
        ];
        assert_eq!(found, expected);
    }
}
