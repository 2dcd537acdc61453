//! Latency and jitter of histograms, as Prometheus computes them: on made-up series, and on those that it exports
//! itself, which are classic and native at once.

use flow_control::{Bound, Finite, JitterMethod};
use flow_e2e::Stage;
use flow_e2e::policies::{by_query, with};
use flow_e2e::program::run;
use flow_e2e::stage::condition;
use flow_e2e::workload::Work;
use flow_policy::spec::{HistogramTypeSpec, TimeUnitSpec};
use flow_policy::{Histogram, Indicator, Question};
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Duration;

use HistogramTypeSpec::{Classic, Native};

const JITTER: Indicator = Indicator::Jitter { samples: 20, method: JitterMethod::InterquartileRange };

fn latency(permille: u16) -> Indicator {
    Indicator::Latency { samples: 300, permille }
}

/// The series of a classic histogram: to each bucket, named by its end, so many observations come each second.
fn classic(buckets: &[(&str, f64)]) -> Vec<(String, String)> {
    let of = |(end, rate): &(&str, f64)| {
        let name = format!(r#"rtt_bucket{{robot="7",le="{end}"}}"#);
        (name, format!("0+{rate}x200"))
    };
    let all = buckets.last().map_or(0.0, |(_, rate)| *rate);
    let count = (r#"rtt_count{robot="7"}"#.to_owned(), format!("0+{all}x200"));
    buckets.iter().map(of).chain([count]).collect()
}

/// The series of a native histogram to which `each` comes each second.
fn native(schema: &str, each: &str) -> Vec<(String, String)> {
    let nothing = format!("{{{{{schema} sum:0 count:0 buckets:[0 0 0]}}}}");
    vec![(r#"rtt{robot="7"}"#.to_owned(), format!("{nothing}+{{{{{schema} {each}}}}}x200"))]
}

/// A case: what it shows, the series, the question, the bound in seconds, and the answer to three places.
type Case = (
    &'static str,
    Vec<(String, String)>,
    (HistogramTypeSpec, TimeUnitSpec, Indicator),
    f64,
    Option<&'static str>,
);

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    let spread = || classic(&[("0.1", 5.0), ("0.2", 9.0), ("0.5", 10.0), ("+Inf", 10.0)]);
    let beyond = || classic(&[("0.1", 5.0), ("0.2", 8.0), ("+Inf", 10.0)]);
    let exponential = || native("schema:0", "sum:10 count:10 buckets:[5 4 1]");
    let custom = || native("schema:-53 custom_values:[0.1 0.2]", "sum:10 count:10 buckets:[5 3 2]");
    let seconds = |type_, indicator| (type_, TimeUnitSpec::Seconds, indicator);
    vec![
        ("a median", spread(), seconds(Classic, latency(500)), 1.0, Some("0.1")),
        ("a high quantile", spread(), seconds(Classic, latency(990)), 1.0, Some("0.47")),
        ("the maximum", spread(), seconds(Classic, latency(1000)), 1.0, Some("0.5")),
        ("the distance of the quartiles", spread(), seconds(Classic, JITTER), 1.0, Some("0.113")),
        ("milliseconds", spread(), (Classic, TimeUnitSpec::Milliseconds, latency(1000)), 1.0, Some("0.001")),
        ("the end of the highest bucket, where that is the truth", beyond(), seconds(Classic, latency(800)), 1.0, Some("0.2")),
        ("beyond the highest bucket, which is below the bound", beyond(), seconds(Classic, latency(990)), 1.0, Some(".inf")),
        ("beyond the highest bucket, which is above the bound", beyond(), seconds(Classic, latency(990)), 0.15, Some("0.2")),
        ("an upper quartile beyond the highest bucket", classic(&[("0.1", 5.0), ("+Inf", 10.0)]), seconds(Classic, JITTER), 1.0, Some(".inf")),
        ("too few observations", classic(&[("0.1", 0.1), ("+Inf", 0.1)]), seconds(Classic, latency(500)), 1.0, None),
        ("no series", vec![], seconds(Classic, latency(500)), 1.0, None),
        ("a high quantile", exponential(), seconds(Native, latency(990)), 100.0, Some("3.732")),
        ("the maximum", exponential(), seconds(Native, latency(1000)), 100.0, Some("4")),
        ("the distance of the quartiles", exponential(), seconds(Native, JITTER), 100.0, Some("0.835")),
        ("the end of the highest bucket, where that is the truth", custom(), seconds(Native, latency(800)), 1.0, Some("0.2")),
        ("beyond the highest bucket, which is below the bound", custom(), seconds(Native, latency(990)), 1.0, Some(".inf")),
        ("beyond the highest bucket, which is above the bound", custom(), seconds(Native, latency(990)), 0.15, Some("0.2")),
        ("too few observations", native("schema:0", "sum:1 count:0.1 buckets:[0.1]"), seconds(Native, latency(500)), 1.0, None),
        ("no series", vec![], seconds(Native, latency(500)), 1.0, None),
    ]
}

fn asked((type_, unit, indicator): (HistogramTypeSpec, TimeUnitSpec, Indicator), bound: f64) -> String {
    let (selector, window) = (r#"rtt{robot="7"}"#.to_owned(), Duration::from_mins(1));
    let question = Question::Histogram(Histogram { selector, type_, unit, window, observations: 20 });
    question.promql(indicator, Bound::AtMost(Finite::new(bound).unwrap())).unwrap().into_owned()
}

/// A file of tests for promtool.
fn tests() -> String {
    let mut file = "evaluation_interval: 1s\ntests:\n".to_owned();
    for (name, series, question, bound, answer) in cases() {
        writeln!(file, "- name: {name}\n  interval: 1s\n  input_series:").unwrap();
        for (series, values) in series {
            writeln!(file, "  - {{series: '{series}', values: '{values}'}}").unwrap();
        }
        let expected = answer.map_or_else(String::new, |answer| format!("{{value: {answer}}}"));
        writeln!(
            file,
            "  promql_expr_test:\n  - expr: 'round({}, 0.001)'\n    eval_time: 2m\n    exp_samples: [{expected}]",
            asked(question, bound)
        )
        .unwrap();
    }
    file
}

#[tokio::test]
async fn prometheus_answers_what_a_histogram_is_asked_for() {
    let path = std::env::temp_dir().join(format!("flow-e2e-histograms-{}.yaml", std::process::id()));
    fs_err::write(&path, tests()).unwrap();
    let tested = run("promtool", ["test", "rules", &path.to_string_lossy()]).await;
    fs_err::remove_file(&path).unwrap();
    tested.unwrap();
}

/// A policy on the time that Prometheus takes to answer scrapes, of which there is one each second.
fn by_histogram(name: &str, histogram: &Value, indicator: &Value) -> Value {
    let mut objective = json!({"name": "scrapes", "prometheus": {"histogram": histogram}});
    objective.as_object_mut().unwrap().extend(indicator.as_object().unwrap().clone());
    with(by_query(name, "up", "1"), "/spec/objectives", json!([objective]))
}

#[tokio::test]
async fn the_histograms_of_a_real_service_are_read() {
    let stage = Stage::set("e2e-histograms").await.unwrap();
    stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap();
    let selector = r#"prometheus_http_request_duration_seconds{handler="/metrics"}"#;
    let histogram = |type_: &str, observations: u32| json!({"selector": selector, "type": type_, "window": "15s", "observations": observations});
    for type_ in ["Classic", "Native"] {
        let name = |what: &str| format!("{what}-{}", type_.to_lowercase());
        let enough = histogram(type_, 5);
        for (what, histogram, indicator, says) in [
            ("quick", &enough, json!({"latency": {"max": "10s"}}), "True AllMet"),
            ("even", &enough, json!({"jitter": {"max": "10s"}}), "True AllMet"),
            ("slow", &enough, json!({"latency": {"max": "1us", "permille": 500}}), "False Violated"),
            (
                "rare",
                &histogram(type_, 1000),
                json!({"latency": {"max": "10s"}}),
                "fewer than 1000 observations in 15s",
            ),
        ] {
            stage.apply(&by_histogram(&name(what), histogram, &indicator)).await.unwrap();
            let said = |policy: &_| condition(policy, "ObjectivesMet").contains(says);
            stage.policy_where(&name(what), says, said).await.unwrap();
        }
    }
}
