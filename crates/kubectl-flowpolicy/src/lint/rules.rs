//! The rules of the schema, which are expressions in CEL.

use super::Finding;
use super::schema::shown;
use cel::extractors::This;
use cel::{Context, ExecutionError, Program};
use flow_policy::{DurationText, NumberText};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// Each rule of `schema` that does not hold for `document`, which has its defaults already.
pub(super) fn findings(document: &Value, schema: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    visit(document, schema, "", &mut findings);
    findings
}

fn visit(value: &Value, schema: &Value, path: &str, findings: &mut Vec<Finding>) {
    let rules = schema.get("x-kubernetes-validations").and_then(Value::as_array);
    let broken = rules.into_iter().flatten().filter_map(|rule| problem(value, rule));
    findings.extend(broken.map(|problem| Finding::error(path, problem)));
    let properties = schema.get("properties");
    for (name, value) in value.as_object().into_iter().flatten() {
        if let Some(schema) = properties.and_then(|known| known.get(name)) {
            let dot = if path.is_empty() { "" } else { "." };
            visit(value, schema, &format!("{path}{dot}{name}"), findings);
        }
    }
    let items = schema.get("items").unwrap_or(&Value::Null);
    for (position, item) in value.as_array().into_iter().flatten().enumerate() {
        visit(item, items, &format!("{path}[{position}]"), findings);
    }
}

/// What is wrong by one rule.
fn problem(value: &Value, rule: &Value) -> Option<String> {
    let text = |field: &str| rule.get(field).and_then(Value::as_str).unwrap_or_default();
    let found = if value.is_object() { String::new() } else { format!("found {}; ", shown(value)) };
    match holds(text("rule"), value) {
        Ok(true) => None,
        Ok(false) => Some(format!("{found}{}", text("message"))),
        Err(why) => Some(format!("{found}{}, which cannot be told: {why}", text("message"))),
    }
}

/// Whether `rule` holds for `value`; or why nobody can tell.
fn holds(rule: &str, value: &Value) -> Result<bool, String> {
    let program = Program::compile(rule).map_err(|error| error.to_string())?;
    let mut context = Context::default();
    context.add_variable("self", value.clone()).map_err(|error| error.to_string())?;
    context.add_function("duration", duration).map_err(|error| error.to_string())?;
    context.add_function("quantity", quantity).map_err(|error| error.to_string())?;
    context.add_function("compareTo", compare).map_err(|error| error.to_string())?;
    match program.execute(&context) {
        Ok(cel::Value::Bool(holds)) => Ok(holds),
        Ok(_) => Err("the rule is neither true nor false".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The function `duration` of CEL, as seconds.
#[expect(clippy::needless_pass_by_value, reason = "so the interpreter hands it over")]
fn duration(text: Arc<String>) -> Result<f64, ExecutionError> {
    let duration = DurationText::from(text.as_str()).parse();
    let failed = |error| ExecutionError::function_error("duration", error);
    duration.as_ref().map(Duration::as_secs_f64).map_err(failed)
}

/// The function `quantity` of Kubernetes, as a number.
#[expect(clippy::needless_pass_by_value, reason = "so the interpreter hands it over")]
fn quantity(text: Arc<String>) -> Result<f64, ExecutionError> {
    let number = NumberText::from(text.as_str()).parse();
    number.map(flow_control::Finite::get).map_err(|error| ExecutionError::function_error("quantity", error))
}

/// The method `compareTo` of a quantity.
fn compare(This(this): This<f64>, other: f64) -> i64 {
    match this.total_cmp(&other) {
        std::cmp::Ordering::Less => -1,
        std::cmp::Ordering::Equal => 0,
        std::cmp::Ordering::Greater => 1,
    }
}
