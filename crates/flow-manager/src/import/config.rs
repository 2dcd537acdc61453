use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The key under which a `ConfigMap` holds the configuration.
const KEY: &str = "critical-apps.yaml";

/// Fields that the predecessor did not have.
pub(super) type Unknown = BTreeMap<String, Value>;

/// The predecessor's `critical-apps.yaml`. Times are in seconds unless the name says otherwise, rates in Mbit/s.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    pub(super) critical_apps: Vec<App>,
    #[serde(default)]
    pub(super) best_effort_targets: Vec<BestEffort>,
    #[serde(default)]
    pub(super) control: Control,
    pub(super) severity_multiplier_enabled: Option<bool>,
    pub(super) severity_max_multiplier: Option<f64>,
    #[serde(flatten)]
    pub(super) unknown: Unknown,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct App {
    pub(super) name: String,
    pub(super) service: String,
    pub(super) port: i32,
    pub(super) protocol: String,
    pub(super) max_jitter_ms: f64,
    pub(super) max_latency_ms: Option<f64>,
    #[serde(default = "priority")]
    pub(super) priority: i32,
    #[serde(flatten)]
    pub(super) unknown: Unknown,
}

const fn priority() -> i32 {
    100
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct BestEffort {
    pub(super) deployment: String,
    #[serde(default = "namespace")]
    pub(super) namespace: String,
    pub(super) initial_bandwidth: Option<u32>,
    #[serde(flatten)]
    pub(super) unknown: Unknown,
}

fn namespace() -> String {
    "default".to_owned()
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Control {
    pub(super) probe_interval: f64,
    #[serde(rename = "control_interval")]
    pub(super) interval: f64,
    pub(super) window_size: i32,
    pub(super) step_down: Option<f64>,
    pub(super) step_up: Option<f64>,
    pub(super) min_bandwidth: u32,
    pub(super) max_bandwidth: u32,
    #[serde(flatten)]
    pub(super) unknown: Unknown,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            probe_interval: 0.5,
            interval: 2.0,
            window_size: 20,
            step_down: None,
            step_up: None,
            min_bandwidth: 10,
            max_bandwidth: 1000,
            unknown: Unknown::new(),
        }
    }
}

/// Why a configuration cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is no YAML, or lacks a field, or has one of another type.
    #[error("this is no configuration of flow-manager's predecessor: {0}")]
    Unreadable(String),
    /// It is a `ConfigMap` that holds none.
    #[error("the ConfigMap has no key {KEY:?}")]
    NoKey,
}

/// What a `ConfigMap` says.
#[derive(Deserialize)]
struct Wrapped {
    data: Option<BTreeMap<String, String>>,
}

impl Config {
    /// Reads a configuration, plain or wrapped in a `ConfigMap`.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let outer: Value = yaml(text)?;
        if outer.get("kind").and_then(Value::as_str) != Some("ConfigMap") {
            return yaml(text);
        }
        let wrapped: Wrapped = yaml(text)?;
        let inner = wrapped.data.and_then(|mut data| data.remove(KEY)).ok_or(ConfigError::NoKey)?;
        yaml(&inner)
    }
}

fn yaml<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, ConfigError> {
    serde_saphyr::from_str(text).map_err(|error| ConfigError::Unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str =
        "critical_apps:\n- {name: a, service: a.svc, port: 1, protocol: UDP, max_jitter_ms: 0.3}\n";

    #[test]
    fn a_config_map_is_unwrapped() {
        let inner = PLAIN.replace('\n', "\n    ");
        let wrapped = format!("apiVersion: v1\nkind: ConfigMap\ndata:\n  critical-apps.yaml: |\n    {inner}");
        for text in [PLAIN, &wrapped] {
            assert_eq!(Config::parse(text).unwrap().critical_apps[0].name, "a");
        }
        let other = "kind: ConfigMap\ndata: {other: x}\n";
        assert!(matches!(Config::parse(other), Err(ConfigError::NoKey)));
    }

    #[test]
    fn what_is_missing_or_of_another_type_is_named() {
        for (text, named) in [
            ("critical_apps:\n- {name: a, service: a, protocol: UDP, max_jitter_ms: 0.3}\n", "port"),
            ("critical_apps:\n- {name: a, service: a, port: x, protocol: UDP, max_jitter_ms: 0.3}\n", "port"),
            ("best_effort_targets: []\n", "critical_apps"),
            ("[", ""),
        ] {
            let error = Config::parse(text).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
