//! The alerts of the chart: Prometheus accepts them, and each is tried on series for which it must fire and on
//! series for which it must not.

use flow_e2e::kubectl::in_repository;
use flow_e2e::program::run;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const RULES: &str = "charts/flow-manager/files/alerts/flow-manager.yaml";
const GUIDE: &str = "docs/alerts.md";

fn yaml(path: &Path) -> Value {
    serde_saphyr::from_str(&fs_err::read_to_string(path).unwrap()).unwrap()
}

fn all<'a>(value: &'a Value, list: &str) -> &'a Vec<Value> {
    value[list].as_array().unwrap_or_else(|| panic!("no {list} in {value}"))
}

fn rules() -> Vec<Value> {
    let file = yaml(&in_repository(RULES));
    all(&file, "groups").iter().flat_map(|group| all(group, "rules").clone()).collect()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {value}"))
}

/// What each alert is tried on.
fn trials() -> Vec<PathBuf> {
    let files = fs_err::read_dir(in_repository("tests/alerts")).unwrap();
    files.map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn prometheus_accepts_every_alert() {
    let rules = in_repository(RULES);
    run("promtool", ["check", "rules", "--lint=all", "--lint-fatal", &rules.to_string_lossy()])
        .await
        .unwrap();
}

#[tokio::test]
async fn every_alert_fires_where_it_must_and_nowhere_else() {
    let trials: Vec<_> = trials().iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let arguments = ["test", "rules"].into_iter().chain(trials.iter().map(String::as_str));
    run("promtool", arguments).await.unwrap();
}

#[test]
fn every_alert_is_tried_on_series_that_fire_and_on_series_that_do_not() {
    let mut untried: BTreeSet<_> = rules().iter().map(|rule| text(rule, "/alert").to_owned()).collect();
    for path in trials() {
        let alert = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(untried.remove(&alert), "there is no alert {alert}");
        let file = yaml(&path);
        let cases = all(&file, "tests").iter().flat_map(|test| all(test, "alert_rule_test"));
        let of_this = cases.filter(|case| text(case, "/alertname") == alert);
        let (quiet, firing): (Vec<_>, Vec<_>) = of_this.partition(|case| all(case, "exp_alerts").is_empty());
        assert!(
            !quiet.is_empty() && !firing.is_empty(),
            "{alert}: {} quiet, {} firing",
            quiet.len(),
            firing.len()
        );
    }
    assert!(untried.is_empty(), "not tried: {untried:?}");
}

#[test]
fn every_alert_says_what_to_do_and_at_least_three_wake_somebody_up() {
    let (rules, guide) = (rules(), fs_err::read_to_string(in_repository(GUIDE)).unwrap());
    for rule in &rules {
        let alert = text(rule, "/alert");
        assert!(
            !text(rule, "/annotations/summary").is_empty()
                && !text(rule, "/annotations/description").is_empty()
        );
        let (document, anchor) = text(rule, "/annotations/runbook_url").split_once('#').unwrap();
        assert!(document.ends_with(GUIDE), "{alert}: {document}");
        assert_eq!(anchor, alert.to_lowercase());
        assert!(guide.contains(&format!("\n## {alert}\n")), "{GUIDE} has no heading {alert}");
    }
    let headings = guide.lines().filter(|line| line.starts_with("## Flow")).count();
    assert_eq!(headings, rules.len(), "{GUIDE} speaks of alerts that are not there");
    let critical = rules.iter().filter(|rule| text(rule, "/labels/severity") == "critical").count();
    assert!(critical >= 3, "{critical} are critical");
}
