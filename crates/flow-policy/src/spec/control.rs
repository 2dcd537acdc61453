use crate::{BandwidthText, DurationText};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How limits follow the objectives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlSpec {
    /// The control law.
    #[serde(default)]
    pub law: LawSpec,
    /// The parameters of the law AIMD.
    #[serde(default)]
    pub aimd: AimdSpec,
    /// What to do where lower limits do not help.
    #[serde(default)]
    pub effect_check: EffectCheckSpec,
}

/// See [`ControlSpec::law`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LawSpec {
    /// Additive increase, multiplicative decrease: cut deep when unsafe, recover slowly when safe.
    #[default]
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

/// What to do where limits are at their minimum, and the objectives are as badly off as before.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EffectCheckSpec {
    /// Return gives the bandwidth back, since nobody gains by its loss; Ignore keeps the limits.
    #[serde(default)]
    pub action: EffectActionSpec,
    /// How long limits are at their minimum without any effect before that, 1s to 1h.
    #[serde(default = "default_effect_after")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1s') && duration(self) <= duration('1h')")
        .message("effectCheck.after must be between 1s and 1h"))]
    pub after: DurationText,
    /// How long to wait before limits are tried again, 10s to 24h.
    #[serde(default = "default_retry_after")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('10s') && duration(self) <= duration('24h')")
        .message("effectCheck.retryAfter must be between 10s and 24h"))]
    pub retry_after: DurationText,
}

impl Default for EffectCheckSpec {
    fn default() -> Self {
        Self {
            action: EffectActionSpec::default(),
            after: default_effect_after(),
            retry_after: default_retry_after(),
        }
    }
}

fn default_effect_after() -> DurationText {
    "30s".into()
}

fn default_retry_after() -> DurationText {
    "10m".into()
}

/// See [`EffectCheckSpec::action`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EffectActionSpec {
    /// Limits are raised again step by step, and tried anew later.
    #[default]
    Return,
    /// Limits stay at their minimum.
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
