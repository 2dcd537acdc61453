//! The merge patch (RFC 7386) that leads from one value to another.

use serde_json::{Map, Value};

/// What has to be merged into `from` for it to become `to`, apart from what `to` has set to null.
#[must_use]
pub fn patch(from: &Value, to: &Value) -> Value {
    let (Value::Object(old), Value::Object(new)) = (from, to) else { return to.clone() };
    let gone = old.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    let changed = new.iter().filter(|(key, value)| old.get(*key) != Some(value));
    let changed = changed
        .map(|(key, value)| (key.clone(), old.get(key).map_or(value.clone(), |old| patch(old, value))));
    Value::Object(gone.chain(changed).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_in_the_patch_and_what_is_gone_is_null() {
        let from = json!({"same": 1, "gone": 2, "list": [1, 2], "deep": {"same": 1, "other": 2}});
        let to = json!({"same": 1, "list": [2], "deep": {"same": 1, "other": 3}, "new": {"a": 1}});
        let expected = json!({"gone": null, "list": [2], "deep": {"other": 3}, "new": {"a": 1}});
        assert_eq!(patch(&from, &to), expected);
        assert_eq!(patch(&from, &from), json!({}));
    }
}
