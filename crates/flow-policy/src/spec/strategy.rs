use crate::DurationText;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How limits reach the pods.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StrategySpec {
    /// Live changes running pods; Rollout changes the workload's pod template, which restarts its pods. Rollout is for
    /// network plugins that read the limit only when a pod is created, and the operator's administrator has to allow it.
    #[serde(default, rename = "type")]
    pub type_: StrategyTypeSpec,
    /// For Rollout: the least time between two changes of one workload, 1m to 24h.
    #[serde(default = "default_min_interval")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1m') && duration(self) <= duration('24h')")
        .message("strategy.minInterval must be between 1m and 24h"))]
    pub min_interval: DurationText,
}

impl Default for StrategySpec {
    fn default() -> Self {
        Self { type_: StrategyTypeSpec::default(), min_interval: default_min_interval() }
    }
}

fn default_min_interval() -> DurationText {
    "10m".into()
}

/// See [`StrategySpec::type_`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StrategyTypeSpec {
    /// Running pods are changed, and nothing restarts.
    #[default]
    Live,
    /// The pod template is changed, and the workload replaces its pods.
    Rollout,
}
