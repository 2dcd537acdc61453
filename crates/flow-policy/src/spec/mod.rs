//! What a user asks for: the spec of a `FlowPolicy`, with its schema and the rules that hold at admission.

#![expect(unreachable_pub, reason = "`KubeSchema` repeats each struct inside a function")]
#![expect(clippy::duplicated_attributes, reason = "each `printcolumn` has a name and a type")]

mod adaptive;
mod control;
mod prometheus;
mod strategy;
mod traffic;

pub use adaptive::{AdaptiveModeSpec, AdaptiveSpec};
pub use control::{
    AimdSpec, ControlSpec, EffectActionSpec, EffectCheckSpec, LawSpec, NoDataActionSpec, NoDataSpec,
};
pub use prometheus::{HistogramSpec, HistogramTypeSpec, PrometheusSpec, TimeUnitSpec};
pub use strategy::{StrategySpec, StrategyTypeSpec};
pub use traffic::{TrafficQuerySpec, TrafficSpec};

use crate::status::FlowPolicyStatus;
use crate::{BandwidthText, DurationText, NumberText};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What critical flows need, and who may be slowed for them.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "flow.fustli.io",
    version = "v1alpha1",
    kind = "FlowPolicy",
    plural = "flowpolicies",
    shortname = "fp",
    namespaced,
    status = "FlowPolicyStatus",
    derive = "PartialEq",
    doc = "A FlowPolicy keeps critical network flows within their objectives by limiting the egress bandwidth of best-effort workloads in its namespace, on their running pods.",
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.mode"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Met",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="ObjectivesMet")].status"#
    ),
    printcolumn(name = "Limit", type_ = "string", json_path = ".status.limit"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.lastDecision.message",
        priority = "1"
    ),
    printcolumn(
        name = "Paused",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Paused")].reason"#,
        priority = "1"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.objectives.exists(o, o.role == 'Control')")
    .message("at least one of spec.objectives must have role Control, or nothing would ever be decided"))]
#[x_kube(validation = Rule::new("self.strategy.type != 'Rollout' || self.targets.all(t, t.kind != 'Pods' && t.limit.scope == 'Pod')")
    .message("strategy Rollout changes the pod template of workloads: targets must have a kind other than Pods, and limit.scope Pod"))]
pub struct FlowPolicySpec {
    /// Whether limits are written to pods (Enforce), or only decided and reported (Observe).
    #[serde(default)]
    pub mode: Mode,
    /// The time between decisions, 100ms to 1h. Default: 200ms where an objective is probed, else 1s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('100ms') && duration(self) <= duration('1h')")
        .message("spec.interval must be between 100ms and 1h"))]
    pub interval: Option<DurationText>,
    /// What the critical flows need, 1 to 32 objectives.
    #[schemars(length(min = 1, max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub objectives: Vec<ObjectiveSpec>,
    /// The best-effort workloads whose egress may be limited, 1 to 64.
    #[schemars(length(min = 1, max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["kind", "namespace", "name"]))]
    pub targets: Vec<TargetSpec>,
    /// How limits reach the pods.
    #[serde(default)]
    pub strategy: StrategySpec,
    /// How limits follow the objectives.
    #[serde(default)]
    pub control: ControlSpec,
    /// What to do while an objective cannot be measured.
    #[serde(default)]
    pub on_no_data: NoDataSpec,
}

/// See [`FlowPolicySpec::mode`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    /// Limits are written.
    #[default]
    Enforce,
    /// Limits are decided and reported only.
    Observe,
}

/// A bound on one indicator of a critical flow.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.jitter), has(self.latency), has(self.loss), has(self.throughput), has(self.value)].filter(x, x).size() == 1")
        .message("exactly one of jitter, latency, loss, throughput or value must be set"),
    validation = Rule::new("has(self.probe) != has(self.prometheus)")
        .message("exactly one of probe or prometheus must be set"),
    validation = Rule::new("!has(self.probe) || has(self.jitter) || has(self.latency) || has(self.loss)")
        .message("a probe measures jitter, latency or loss; throughput and value need a prometheus query"),
    validation = Rule::new("!has(self.prometheus) || !has(self.prometheus.query) || has(self.throughput) || has(self.value)")
        .message("a prometheus query gives a throughput or a value; jitter and latency need a probe or a prometheus histogram, loss a probe"),
    validation = Rule::new("!has(self.prometheus) || !has(self.prometheus.histogram) || has(self.jitter) || has(self.latency)")
        .message("a prometheus histogram gives jitter or latency"),
    validation = Rule::new("!has(self.prometheus) || !has(self.jitter) || self.jitter.method == 'IQR'")
        .message("the jitter of a prometheus histogram is its IQR: the other methods need single probes")
)]
pub struct ObjectiveSpec {
    /// The name of this objective in status, Events and metrics.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// The rank, 0 to 1000: the highest-ranking violated objective is the one reported as the reason.
    #[serde(default = "default_priority")]
    #[schemars(range(min = 0, max = 1000))]
    pub priority: i32,
    /// Whether the objective takes part in decisions (Control), or is only reported (Watch).
    #[serde(default)]
    pub role: RoleSpec,
    /// Measures the path to the critical service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeSpec>,
    /// Asks Prometheus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<PrometheusSpec>,
    /// The variation of the round-trip time over the newest probes stays below a bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<JitterSpec>,
    /// A quantile of the round-trip time stays below a bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencySpec>,
    /// The share of lost probes stays below a bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<LossSpec>,
    /// The flow's rate, in bits per second, stays above a bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput: Option<ThroughputSpec>,
    /// The value of the query stays within bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<ValueSpec>,
}

const fn default_priority() -> i32 {
    100
}

/// See [`ObjectiveSpec::role`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RoleSpec {
    /// Decides.
    #[default]
    Control,
    /// Is reported only.
    Watch,
}

/// An active measurement of the path to the critical service.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.port) == (self.protocol != 'ICMP')")
        .message("port must be set for the protocols UDP and TCP, and must not be set for ICMP"),
    validation = Rule::new("self.protocol != 'TCP' || !has(self.interval) || duration(self.interval) >= duration('100ms')")
        .message("probe.interval must be at least 100ms for TCP, since each probe is a connection that the service accepts")
)]
pub struct ProbeSpec {
    /// UDP asks a flow-manager reflector, TCP measures the time to connect, ICMP sends echo requests.
    #[serde(default)]
    pub protocol: ProtocolSpec,
    /// The name or address of the service.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[A-Za-z0-9]([-A-Za-z0-9_.:]*[A-Za-z0-9.])?$"))]
    pub host: String,
    /// The port, 1 to 65535; not for ICMP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
    /// The time between probes, 10ms to 1m. At least 100ms for TCP. Default: 20ms for UDP, 200ms for TCP and ICMP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('10ms') && duration(self) <= duration('1m')")
        .message("probe.interval must be between 10ms and 1m"))]
    pub interval: Option<DurationText>,
}

/// See [`ProbeSpec::protocol`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ProtocolSpec {
    /// Datagrams to a reflector.
    #[default]
    UDP,
    /// Connections.
    TCP,
    /// Echo requests.
    ICMP,
}

/// A bound on jitter.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JitterSpec {
    /// The most that is allowed, such as 300us.
    #[x_kube(validation = Rule::new("duration(self) > duration('0s')").message("jitter.max must be more than 0"))]
    pub max: DurationText,
    /// IQR is the distance of the quartiles, RFC3550 the smoothed difference between consecutive probes, PDV how far
    /// the 99th percentile lies above the least (RFC 5481).
    #[serde(default)]
    pub method: JitterMethodSpec,
    /// How many answered probes the jitter is computed over, 5 to 1000.
    #[serde(default = "default_jitter_samples")]
    #[schemars(range(min = 5, max = 1000))]
    pub samples: i32,
}

/// See [`JitterSpec::method`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum JitterMethodSpec {
    /// The interquartile range.
    #[default]
    IQR,
    /// The smoothed difference of RFC 3550.
    RFC3550,
    /// The packet delay variation of RFC 5481.
    PDV,
}

const fn default_jitter_samples() -> i32 {
    20
}

/// A bound on the round-trip time.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LatencySpec {
    /// The most that is allowed, such as 5ms.
    #[x_kube(validation = Rule::new("duration(self) > duration('0s')").message("latency.max must be more than 0"))]
    pub max: DurationText,
    /// The quantile, in thousandths, that must not exceed the bound: 990 is the 99th percentile.
    #[serde(default = "default_permille")]
    #[schemars(range(min = 1, max = 1000))]
    pub permille: i32,
    /// How many answered probes the quantile is computed over, 5 to 1000.
    #[serde(default = "default_latency_samples")]
    #[schemars(range(min = 5, max = 1000))]
    pub samples: i32,
}

const fn default_permille() -> i32 {
    990
}

const fn default_latency_samples() -> i32 {
    300
}

/// A bound on the share of lost probes.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LossSpec {
    /// The most that is allowed, 0 to 1, such as "0.001".
    #[x_kube(validation = Rule::new("quantity(self).compareTo(quantity('0')) >= 0 && quantity(self).compareTo(quantity('1')) <= 0")
        .message("loss.max must be between 0 and 1"))]
    pub max: NumberText,
    /// How many probes the share is computed over, 5 to 1000.
    #[serde(default = "default_loss_samples")]
    #[schemars(range(min = 5, max = 1000))]
    pub samples: i32,
}

const fn default_loss_samples() -> i32 {
    500
}

/// A floor under the critical flow's own rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ThroughputSpec {
    /// The least that the flow needs, in bits per second with a unit, such as 50M.
    pub min: BandwidthText,
}

/// Bounds on a query's value.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.min) || has(self.max)").message("value needs min, max or both"),
    validation = Rule::new("!has(self.min) || !has(self.max) || quantity(self.min).compareTo(quantity(self.max)) <= 0")
        .message("value.min must not be more than value.max")
)]
pub struct ValueSpec {
    /// The least that is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<NumberText>,
    /// The most that is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<NumberText>,
}

/// A best-effort workload whose egress may be limited.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.selector) == (self.kind == 'Pods')")
    .message("selector must be set for the kind Pods, and only for it"))]
pub struct TargetSpec {
    /// What the target is.
    pub kind: TargetKind,
    /// The target's namespace. Default: that of the policy. Another one has to consent, by its annotation
    /// `flow.fustli.io/policies-from`.
    #[serde(default)]
    #[schemars(length(max = 63), regex(pattern = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$"))]
    pub namespace: String,
    /// The workload's name; for the kind Pods, a name of your choice.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub name: String,
    /// Which pods are meant; for the kind Pods only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("(has(self.matchLabels) && self.matchLabels.size() > 0) || (has(self.matchExpressions) && self.matchExpressions.size() > 0)")
        .message("selector must not be empty, since that would select every pod"))]
    pub selector: Option<LabelSelector>,
    /// The range of the limit.
    #[serde(default)]
    pub limit: LimitSpec,
    /// Who tells what the target really sends, which the law Adaptive goes by. Default: flow-manager's shaper where it
    /// limits the target's pods, else nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<TrafficSpec>,
}

/// See [`TargetSpec::kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum TargetKind {
    /// The pods of a Deployment, those of its old revisions included.
    Deployment,
    /// The pods of a `StatefulSet`.
    StatefulSet,
    /// The pods of a `DaemonSet`.
    DaemonSet,
    /// The pods that a label selector matches.
    Pods,
}

/// The range of a target's egress limit.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("quantity(self.min).compareTo(quantity(self.max)) <= 0").message("limit.min must not be more than limit.max"),
    validation = Rule::new("quantity(self.min).compareTo(quantity('8k')) >= 0").message("limit.min must be at least 8k"),
    validation = Rule::new("quantity(self.max).compareTo(quantity('1T')) <= 0").message("limit.max must be at most 1T"),
    validation = Rule::new("!has(self.initial) || (quantity(self.initial).compareTo(quantity(self.min)) >= 0 && quantity(self.initial).compareTo(quantity(self.max)) <= 0)")
        .message("limit.initial must be between limit.min and limit.max")
)]
pub struct LimitSpec {
    /// The lowest limit, bits per second with a unit, at least 8k.
    #[serde(default = "default_min")]
    pub min: BandwidthText,
    /// The highest limit, at most 1T.
    #[serde(default = "default_max")]
    pub max: BandwidthText,
    /// The limit to start from. Default: max.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial: Option<BandwidthText>,
    /// Whether each of the target's pods may send as much (Pod), or all of them together (Target).
    #[serde(default)]
    pub scope: ScopeSpec,
}

/// See [`LimitSpec::scope`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ScopeSpec {
    /// Each pod has the limit for itself.
    #[default]
    Pod,
    /// The running pods share the limit equally, whatever their number.
    Target,
}

impl Default for LimitSpec {
    fn default() -> Self {
        Self { min: default_min(), max: default_max(), initial: None, scope: ScopeSpec::default() }
    }
}

fn default_min() -> BandwidthText {
    "10M".into()
}

fn default_max() -> BandwidthText {
    "1G".into()
}
