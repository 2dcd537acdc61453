//! The fields of a policy's spec, as the schema has them.

use crate::place::{Path, Step};
use serde_json::Value;

/// The definition that clusters get.
const DEFINITION: &str = include_str!("../../../crds/flow.fustli.io_flowpolicies.yaml");
const SPEC: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
/// Where validation rules in CEL stand.
const RULES: &str = "x-kubernetes-validations";

/// A field of the schema.
#[derive(Clone, Debug)]
pub struct Field {
    /// Where it stands.
    pub path: Path,
    /// What the schema says of it.
    pub schema: Value,
    /// The CEL rules that speak of it: its own, and those of its parent that name it.
    pub rules: Vec<String>,
}

/// Every field below `spec`, and `spec` itself, in the schema's order.
pub fn fields() -> Result<Vec<Field>, serde_saphyr::Error> {
    let definition: Value = serde_saphyr::from_str(DEFINITION)?;
    let spec = definition.pointer(SPEC).cloned().unwrap_or_default();
    let mut fields = Vec::new();
    collect(Path::spec(), &spec, Vec::new(), &mut fields);
    Ok(fields)
}

fn collect(path: Path, schema: &Value, of_parent: Vec<String>, fields: &mut Vec<Field>) {
    let own = rules(schema);
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let named = format!("self.{name}");
        let speaks = |rule: &&String| rule.contains(&named);
        collect(
            path.join(Step::Key(name.clone())),
            property,
            own.iter().filter(speaks).cloned().collect(),
            fields,
        );
    }
    if let Some(items) = schema.get("items") {
        collect(path.join(Step::Item), items, Vec::new(), fields);
    }
    if let Some(entries) = schema.get("additionalProperties") {
        collect(path.join(Step::Entry), entries, Vec::new(), fields);
    }
    fields.push(Field { path, schema: schema.clone(), rules: own.into_iter().chain(of_parent).collect() });
}

fn rules(schema: &Value) -> Vec<String> {
    let rules = schema.get(RULES).and_then(Value::as_array).into_iter().flatten();
    rules.filter_map(|rule| rule.get("rule")?.as_str().map(str::to_owned)).collect()
}

impl Field {
    /// What the schema says under `keyword`, as text; empty where it says nothing.
    #[must_use]
    pub fn text(&self, keyword: &str) -> &str {
        self.schema.get(keyword).and_then(Value::as_str).unwrap_or_default()
    }

    /// What the schema says under `keyword`, as a whole number.
    #[must_use]
    pub fn number(&self, keyword: &str) -> Option<i64> {
        let number = self.schema.get(keyword)?;
        // The definition writes bounds as 100.0.
        number.as_i64().or_else(|| number.to_string().strip_suffix(".0")?.parse().ok())
    }

    /// The words that it may have; empty where any will do.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        let words = self.schema.get("enum").and_then(Value::as_array);
        words.into_iter().flatten().filter_map(Value::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(path: &str) -> Field {
        fields().unwrap().into_iter().find(|field| field.path.to_string() == path).unwrap()
    }

    #[test]
    fn fields_of_each_depth_are_found_with_what_is_said_of_them() {
        assert_eq!(field("spec.control.adaptive.growthPercent").number("maximum"), Some(100));
        assert_eq!(field("spec.targets[].kind").words().count(), 4);
        assert_eq!(field("spec.objectives").number("maxItems"), Some(32));
        assert_eq!(field("spec.targets[].selector.matchLabels{}").text("type"), "string");
        assert_eq!(field("spec.targets[].selector.matchExpressions[].values[]").text("type"), "string");
        assert!(fields().unwrap().len() > 80, "{}", fields().unwrap().len());
    }

    #[test]
    fn a_rule_of_the_parent_that_names_the_field_is_one_of_the_field() {
        let rules = field("spec.targets[].limit.max").rules;
        assert!(rules.iter().any(|rule| rule.contains("quantity('1T')")), "{rules:?}");
        assert!(!rules.iter().any(|rule| rule.contains("quantity('8k')")), "{rules:?}");
    }
}
