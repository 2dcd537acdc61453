use serde_json::Value;

/// `document` as the API server stores it: without nulls, and with the defaults of `schema`.
pub(super) fn filled(document: &Value, schema: &Value) -> Value {
    match document {
        Value::Object(fields) => {
            let known = schema.get("properties").and_then(Value::as_object);
            let any = schema.get("additionalProperties");
            let of = |name: &String| known.and_then(|known| known.get(name)).or(any).unwrap_or(&Value::Null);
            let present = fields.iter().filter(|(_, value)| !value.is_null());
            let mut filled: serde_json::Map<_, _> =
                present.map(|(name, value)| (name.clone(), self::filled(value, of(name)))).collect();
            for (name, schema) in known.into_iter().flatten() {
                if let (None, Some(default)) = (filled.get(name), schema.get("default")) {
                    filled.insert(name.clone(), self::filled(default, schema));
                }
            }
            Value::Object(filled)
        }
        Value::Array(items) => {
            let schema = schema.get("items").unwrap_or(&Value::Null);
            items.iter().map(|item| filled(item, schema)).collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn defaults_stand_where_nothing_or_null_was_written_also_within_defaults() {
        let schema = json!({"properties": {
            "a": {"default": 1},
            "b": {"default": {}, "properties": {"c": {"default": 2}, "d": {}}},
            "list": {"items": {"properties": {"e": {"default": 3}}}},
        }});
        let document = json!({"a": null, "list": [{}, {"e": 4}], "x": {"y": 5}});
        let expected = json!({"a": 1, "b": {"c": 2}, "list": [{"e": 3}, {"e": 4}], "x": {"y": 5}});
        assert_eq!(filled(&document, &schema), expected);
    }
}
