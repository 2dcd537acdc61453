use crate::DurationText;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The parameters of the law Adaptive. A default that does not fit what is set gives way to it.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.retryAfter) || !has(self.retryMax) || duration(self.retryAfter) <= duration(self.retryMax)")
    .message("adaptive.retryMax must not be less than adaptive.retryAfter"))]
pub struct AdaptiveSpec {
    /// What the defaults are. Balanced: few violations at nearly all of the link's capacity. Strict: the fewest
    /// violations where the link's capacity varies, at the price of some of it.
    #[serde(default)]
    pub mode: AdaptiveModeSpec,
    /// Hundredths of what the link carries that stay free after a cut, 1 to 50. Default: 6, with Strict 12.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 50))]
    pub headroom_percent: Option<i32>,
    /// The most that a limit grows by in one step, in hundredths of it, 1 to 100. Default: 15, with Strict 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub growth_percent: Option<i32>,
    /// How long a limit that was good stays before a higher one is tried, 1s to 1h; doubles each time that fails.
    /// Default: 5s, with Strict 15s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1s') && duration(self) <= duration('1h')")
        .message("adaptive.retryAfter must be between 1s and 1h"))]
    pub retry_after: Option<DurationText>,
    /// The longest that this may become, 1s to 24h; not less than retryAfter. Default: 60s, with Strict 300s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1s') && duration(self) <= duration('24h')")
        .message("adaptive.retryMax must be between 1s and 24h"))]
    pub retry_max: Option<DurationText>,
    /// The shortest time between two cuts, 100ms to 1m. Default: 300ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('100ms') && duration(self) <= duration('1m')")
        .message("adaptive.cutInterval must be between 100ms and 1m"))]
    pub cut_interval: Option<DurationText>,
    /// How long a cut takes to empty the queue that it finds, 100ms to 1m. Default: 600ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('100ms') && duration(self) <= duration('1m')")
        .message("adaptive.drain must be between 100ms and 1m"))]
    pub drain: Option<DurationText>,
    /// How long best effort sends nothing before its limits are forgotten, 1s to 24h. Default: 60s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1s') && duration(self) <= duration('24h')")
        .message("adaptive.idleAfter must be between 1s and 24h"))]
    pub idle_after: Option<DurationText>,
}

/// See [`AdaptiveSpec::mode`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AdaptiveModeSpec {
    /// Few violations at nearly all of the link's capacity.
    #[default]
    Balanced,
    /// The fewest violations where the link's capacity varies.
    Strict,
}
