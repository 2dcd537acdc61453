use crate::DurationText;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A question to Prometheus.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.query) != has(self.histogram)")
    .message("exactly one of query or histogram must be set"))]
pub struct PrometheusSpec {
    /// Which Prometheus is asked, by the name that the operator's administrator has given it.
    #[serde(default = "default_source")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub source: String,
    /// A query in `PromQL`; its answer must be exactly one sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub query: Option<String>,
    /// A histogram of times, such as the response times that the critical service itself exports. Jitter and latency
    /// are read off the observations of the newest window, added up over all series that the selector matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub histogram: Option<HistogramSpec>,
}

pub(super) fn default_source() -> String {
    "default".to_owned()
}

/// A histogram of times.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistogramSpec {
    /// The histogram's name and labels, such as `control_rtt_seconds{robot="7"}`; without the ending `_bucket`.
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"^[a-zA-Z_:][a-zA-Z0-9_:]*\s*(\{.*\})?$"))]
    pub selector: String,
    /// Whether it has buckets as series of their own (Classic), or is one series (Native).
    #[serde(default, rename = "type")]
    pub type_: HistogramTypeSpec,
    /// The unit of its observations.
    #[serde(default)]
    pub unit: TimeUnitSpec,
    /// How far back observations count, 5s to 1h: best several times the scrape interval.
    #[serde(default = "default_window")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('5s') && duration(self) <= duration('1h')")
        .message("histogram.window must be between 5s and 1h"))]
    pub window: DurationText,
    /// With fewer observations than this in the window, 1 to 1000000, the objective is unknown.
    #[serde(default = "default_observations")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub observations: i32,
}

fn default_window() -> DurationText {
    "1m".into()
}

const fn default_observations() -> i32 {
    20
}

/// See [`HistogramSpec::type_`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum HistogramTypeSpec {
    /// Series with the label `le`, one for each bucket.
    #[default]
    Classic,
    /// A native histogram.
    Native,
}

/// See [`HistogramSpec::unit`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum TimeUnitSpec {
    /// Seconds, as is the custom of Prometheus.
    #[default]
    Seconds,
    /// Milliseconds.
    Milliseconds,
}
