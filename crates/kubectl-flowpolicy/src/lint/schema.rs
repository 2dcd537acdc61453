use super::Finding;
use super::pattern::words;
use flow_policy::FlowPolicy;
use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::{Location, LocationSegment};
use kube::CustomResourceExt;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What the schema of a definition leaves out, since every object has it.
const OF_EVERY_OBJECT: [(&str, &str); 3] =
    [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")];

/// The schema of `FlowPolicies`, as the API server has it.
pub(super) fn of_crd() -> Value {
    let versions = FlowPolicy::crd().spec.versions;
    let schema = versions.into_iter().find_map(|version| version.schema?.open_api_v3_schema);
    let mut schema = schema.and_then(|schema| serde_json::to_value(schema).ok()).unwrap_or_default();
    if let Some(known) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        known.extend(OF_EVERY_OBJECT.map(|(name, type_)| (name.to_owned(), json!({"type": type_}))));
    }
    schema
}

/// Where `document` does not follow `schema`.
pub(super) fn findings(document: &Value, schema: &Value) -> Vec<Finding> {
    match jsonschema::draft4::new(schema) {
        Ok(validator) => {
            let mut findings: Vec<_> =
                validator.iter_errors(document).map(|error| finding(&error, schema)).collect();
            findings.extend(twice(document, schema, ""));
            findings
        }
        Err(error) => vec![Finding::error("", format!("the schema cannot be used: {error}"))],
    }
}

fn finding(error: &ValidationError, schema: &Value) -> Finding {
    let field = path(error.instance_path());
    if let ValidationErrorKind::Required { property } = error.kind() {
        let separator = if field.is_empty() { "" } else { "." };
        let field = format!("{field}{separator}{}", plain(property));
        return Finding::error(&field, "found nothing; it must be set");
    }
    let example = example(error, schema).map(|example| format!(", such as {example}")).unwrap_or_default();
    Finding::error(&field, problem(error.kind(), error.instance()) + &example)
}

/// What may be meant by a number where a text is asked for: in YAML, a quantity without its unit is one.
fn example(error: &ValidationError, schema: &Value) -> Option<String> {
    let (parent, "type") = error.schema_path().as_str().rsplit_once('/')? else { return None };
    let pattern = schema.pointer(&format!("{parent}/pattern"))?.as_str()?;
    let number = error.instance().as_number()?;
    let is_unit_optional = pattern.ends_with(")?$");
    let units = ["us", "M"].into_iter().find(|unit| pattern.contains(&format!("{unit}|")));
    let unit = units.filter(|_| !is_unit_optional).unwrap_or_default();
    match (unit, number.as_u64()) {
        // Who writes as many means single ones.
        ("M", Some(bits)) if bits >= 1_000_000 => Some(format!("\"{}k\"", bits / 1_000)),
        _ => Some(format!("\"{number}{unit}\"")),
    }
}

fn problem(kind: &ValidationErrorKind, found: &Value) -> String {
    let length = found.as_str().map(|text| text.chars().count());
    let size = length.or(found.as_array().map(Vec::len)).unwrap_or_default();
    let found = shown(found);
    match kind {
        ValidationErrorKind::Enum { options } => format!("found {found}; allowed is {}", choices(options)),
        ValidationErrorKind::Pattern { pattern } => {
            let expression = || format!("what matches {pattern}");
            format!("found {found}; allowed is {}", words(pattern).map_or_else(expression, str::to_owned))
        }
        ValidationErrorKind::Maximum { limit } => {
            format!("found {found}; allowed is at most {}", plain(limit))
        }
        ValidationErrorKind::Minimum { limit } => {
            format!("found {found}; allowed is at least {}", plain(limit))
        }
        ValidationErrorKind::MaxLength { limit } => {
            format!("found {size} characters; allowed are at most {limit}")
        }
        ValidationErrorKind::MinLength { limit } => {
            format!("found {size} characters; allowed are at least {limit}")
        }
        ValidationErrorKind::MaxItems { limit } => format!("found {size} items; allowed are at most {limit}"),
        ValidationErrorKind::MinItems { limit } => {
            format!("found {size} items; allowed are at least {limit}")
        }
        ValidationErrorKind::Type { kind } => format!("found {found}; allowed is {}", types(kind)),
        other => format!("found {found}, which breaks the schema's {}", other.keyword()),
    }
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(type_) => format!("a value of the type {type_}"),
        TypeKind::Multiple(_) => "a value of another type".to_owned(),
    }
}

fn choices(options: &Value) -> String {
    let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
    options.iter().map(plain).collect::<Vec<_>>().join(", ")
}

/// A value as it is written in JSON, cut where it is long.
pub(super) fn shown(value: &Value) -> String {
    let text = match value {
        Value::Object(_) => return "an object".to_owned(),
        Value::Array(_) => return "a list".to_owned(),
        other => other.to_string(),
    };
    if text.chars().count() <= 60 { text } else { text.chars().take(59).chain(['…']).collect() }
}

/// A text without its quotes, and a number without a fraction of zero.
fn plain(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

fn path(location: &Location) -> String {
    let mut path = String::new();
    for segment in location {
        match segment {
            LocationSegment::Index(position) => path = format!("{path}[{position}]"),
            LocationSegment::Property(name) if path.is_empty() => path = name.into_owned(),
            LocationSegment::Property(name) => path = format!("{path}.{name}"),
        }
    }
    path
}

/// Items of a list that is a map by some of its fields, of which another has the same.
fn twice(value: &Value, schema: &Value, path: &str) -> Vec<Finding> {
    match value {
        Value::Object(fields) => {
            let of = |name: &str| schema.get("properties").and_then(|known| known.get(name));
            let known = fields.iter().filter_map(|(name, value)| Some((name, value, of(name)?)));
            let dot = if path.is_empty() { "" } else { "." };
            known
                .flat_map(|(name, value, schema)| twice(value, schema, &format!("{path}{dot}{name}")))
                .collect()
        }
        Value::Array(items) => duplicates(items, schema, path),
        _ => Vec::new(),
    }
}

fn duplicates(items: &[Value], schema: &Value, path: &str) -> Vec<Finding> {
    let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
    let keys: Vec<&str> = keys.into_iter().flatten().filter_map(Value::as_str).collect();
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for (position, item) in items.iter().enumerate() {
        let key: Vec<_> = keys.iter().map(|key| shown(item.get(key).unwrap_or(&Value::Null))).collect();
        if !keys.is_empty() && !seen.insert(key.join(" ")) {
            let problem = format!("found {} once more; {} must differ", key.join(" "), keys.join(", "));
            findings.push(Finding::error(&format!("{path}[{position}]"), problem));
        }
    }
    findings
}
