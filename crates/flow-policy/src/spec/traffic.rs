use super::prometheus::default_source;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who tells what a target really sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrafficSpec {
    /// Asks Prometheus.
    pub prometheus: TrafficQuerySpec,
}

/// A query for what a target sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrafficQuerySpec {
    /// Which Prometheus is asked, by the name that the operator's administrator has given it.
    #[serde(default = "default_source")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub source: String,
    /// A query in `PromQL` for what the target's pods send, in bits per second: either one sample of all of them
    /// together, or one of each pod, with its name in the label `pod`.
    #[schemars(length(min = 1, max = 4096))]
    pub query: String,
}
