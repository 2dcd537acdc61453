/// What a text has to be that matches `pattern`, which is one of the schema's. Who wants a limit does not read a regular
/// expression.
pub(super) fn words(pattern: &str) -> Option<&'static str> {
    Some(match pattern {
        r"^([0-9]+(\.[0-9]+)?(us|ms|s|m|h))+$" => {
            r#"a duration with its unit (us, ms, s, m, h), such as "20ms" or "1m30s""#
        }
        r"^[0-9]+(\.[0-9]+)?(k|M|G|T|Ki|Mi|Gi|Ti)$" => {
            r#"a bandwidth in bit/s with its unit (k, M, G, T, Ki, Mi, Gi, Ti), such as "100M""#
        }
        r"^-?[0-9]+(\.[0-9]+)?(u|m|k|M|G|T)?$" => r#"a number, such as "5", "0.5" or "500m", which is 0.5"#,
        r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" | r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$" => {
            r#"a name of lowercase letters, digits and -, such as "robot-control""#
        }
        r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$" => {
            r#"a name of lowercase letters, digits, - and ., such as "telemetry-upload""#
        }
        r"^[A-Za-z0-9]([-A-Za-z0-9_.:]*[A-Za-z0-9.])?$" => {
            r#"the name or address of a host, such as "robot.factory.example" or "198.51.100.7""#
        }
        r"^[a-zA-Z_:][a-zA-Z0-9_:]*\s*(\{.*\})?$" => {
            r#"the name of a metric, with labels if need be, such as "latency_seconds_bucket{job='robot'}""#
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::schema::of_crd;
    use super::*;
    use serde_json::Value;

    fn patterns(schema: &Value, found: &mut Vec<String>) {
        match schema {
            Value::Object(fields) => {
                found.extend(fields.get("pattern").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| patterns(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| patterns(item, found)),
            _ => {}
        }
    }

    #[test]
    fn each_pattern_of_the_schema_has_words_whose_examples_match_it() {
        let mut found = Vec::new();
        patterns(&of_crd(), &mut found);
        assert_ne!(found, Vec::<String>::new());
        for pattern in found {
            let words = words(&pattern).unwrap_or_else(|| panic!("no words for {pattern}"));
            let schema = jsonschema::draft4::new(&serde_json::json!({"pattern": pattern})).unwrap();
            let examples: Vec<_> = words.split('"').skip(1).step_by(2).collect();
            assert_ne!(examples, Vec::<&str>::new(), "{words}");
            for example in examples {
                assert!(schema.is_valid(&Value::from(example)), "{example} does not match {pattern}");
            }
        }
    }
}
