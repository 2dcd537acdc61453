use crate::input::{is_legible, text};
use flow_manager::prometheus::Sight;
use flow_manager::prometheus::fuzzing::{by_pod, is_plain, selected};

/// Series that a selection may find; the last has none of the labels.
const SERIES: [&str; 4] = [
    r#"{"metric":{"target":"robot:5201","service":"robot"},"value":[1,"1"]}"#,
    r#"{"metric":{"target":"robot:5202","service":"robot"},"value":[1,"2"]}"#,
    r#"{"metric":{"target":"","pod":"a"},"value":[1,"3"]}"#,
    r#"{"value":[1,"4"]}"#,
];

/// A query as a tenant may write it.
///
/// Whatever it is, looking at it ends; a doubt is fit for users and never of a query that we answer ourselves; and a
/// plain selection finds in all series what it finds in each by itself.
pub fn promql_query(data: &[u8]) {
    let query = text(data);
    let sight = Sight::of(query);
    if let Some(doubt) = &sight.doubt {
        is_legible(doubt);
        assert!(sight.window.is_zero() && !is_plain(query), "{doubt}");
    }
    if is_plain(query) {
        assert!(query.contains("flowmanager_") || query.contains("network_probe_"));
        let alone: Vec<_> = SERIES.iter().filter_map(|one| selected(query, &body(one)).ok()).collect();
        let together = selected(query, &body(&SERIES.join(",")));
        assert_eq!(together.is_ok(), alone.len() == 1, "{query}");
        assert!(together.is_err() || together.ok() == alone.first().copied(), "{query}");
        assert!(by_pod(200, &body(&SERIES.join(","))).is_ok());
    }
}

fn body(series: &str) -> Vec<u8> {
    format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}"#).into_bytes()
}
