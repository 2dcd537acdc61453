use super::AdaptiveSpec;
use crate::{BandwidthText, DurationText};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How limits follow the objectives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlSpec {
    /// The control law. Adaptive converges to the limit that the link bears. AIMD cuts deep when unsafe, and recovers
    /// slowly when safe, as the predecessor did.
    #[serde(default)]
    pub law: LawSpec,
    /// The parameters of the law Adaptive; without that law they are not used.
    #[serde(default)]
    pub adaptive: AdaptiveSpec,
    /// The parameters of the law AIMD; without that law they are not used.
    #[serde(default)]
    pub aimd: AimdSpec,
    /// What to do where lower limits do not help.
    #[serde(default)]
    pub effect_check: EffectCheckSpec,
}

/// See [`ControlSpec::law`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LawSpec {
    /// Cuts to what the link carries, comes back to the limit that was good, and tries for more the less often the
    /// more often that failed.
    #[default]
    Adaptive,
    /// Additive increase, multiplicative decrease: cut deep when unsafe, recover slowly when safe.
    AIMD,
}

/// The parameters of the law AIMD.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AimdSpec {
    /// Hundredths of the limit that a violation takes away, 1 to 90.
    #[serde(default = "default_decrease")]
    #[schemars(range(min = 1, max = 90))]
    pub decrease_percent: i32,
    /// How many times as deep a cut may be, the worse the violation, 1 to 10: 1 cuts always the same. Together no
    /// more than nine tenths.
    #[serde(default = "default_severity")]
    #[schemars(range(min = 1, max = 10))]
    pub severity_max: i32,
    /// What the limit gains at each decision while every objective has headroom.
    #[serde(default = "default_increase")]
    pub increase: BandwidthText,
    /// An indicator below this many hundredths of its bound has headroom, 1 to 100.
    #[serde(default = "default_headroom")]
    #[schemars(range(min = 1, max = 100))]
    pub headroom_percent: i32,
}

impl Default for AimdSpec {
    fn default() -> Self {
        Self {
            decrease_percent: default_decrease(),
            severity_max: default_severity(),
            increase: default_increase(),
            headroom_percent: default_headroom(),
        }
    }
}

const fn default_decrease() -> i32 {
    20
}

const fn default_severity() -> i32 {
    1
}

fn default_increase() -> BandwidthText {
    "10M".into()
}

const fn default_headroom() -> i32 {
    50
}

/// What to do where limits were lowered, and the objectives are as badly off as before.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EffectCheckSpec {
    /// Return gives the bandwidth back, since nobody gains by its loss; Ignore keeps the limits.
    #[serde(default)]
    pub action: EffectActionSpec,
    /// How long lower limits are without any effect before that, 500ms to 1h; with AIMD, limits at their minimum.
    /// Default: 1500ms, with AIMD 30s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('500ms') && duration(self) <= duration('1h')")
        .message("effectCheck.after must be between 500ms and 1h"))]
    pub after: Option<DurationText>,
    /// How long to wait before limits are tried again, 10s to 24h. Adaptive doubles it with each trial that does not
    /// help either, up to ten times as long. Default: 30s, with AIMD 10m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('10s') && duration(self) <= duration('24h')")
        .message("effectCheck.retryAfter must be between 10s and 24h"))]
    pub retry_after: Option<DurationText>,
}

/// See [`EffectCheckSpec::action`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EffectActionSpec {
    /// Limits are raised again, and tried anew later.
    #[default]
    Return,
    /// Limits stay low.
    Ignore,
}

/// What to do while an objective cannot be measured.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NoDataSpec {
    /// How long the limits are held before the action is taken.
    #[serde(default = "default_after")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1s') && duration(self) <= duration('24h')")
        .message("onNoData.after must be between 1s and 24h"))]
    pub after: DurationText,
    /// Hold keeps the limits, Minimum lowers them to limit.min, Release takes them away.
    #[serde(default)]
    pub action: NoDataActionSpec,
}

impl Default for NoDataSpec {
    fn default() -> Self {
        Self { after: default_after(), action: NoDataActionSpec::Hold }
    }
}

fn default_after() -> DurationText {
    "30s".into()
}

/// See [`NoDataSpec::action`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NoDataActionSpec {
    /// Keeps the limits.
    #[default]
    Hold,
    /// Lowers the limits to their minimum.
    Minimum,
    /// Takes the limits away.
    Release,
}
