//! The `FlowPolicy` API, `flow.fustli.io/v1alpha1`.
//!
//! [`spec`] and [`status`] are what users read and write; [`Policy`] is a spec that was checked, and the only
//! form in which the operator uses one; [`condition`] and [`event`] have all that a policy may say of itself.

pub mod condition;
mod duration;
pub mod event;
mod histogram;
mod number;
mod overrides;
mod policy;
mod reference;
mod schema;
pub mod show;
pub mod spec;
pub mod status;
mod status_document;
mod validate;

pub use duration::{DurationText, InvalidDuration};
pub use number::{BandwidthText, InvalidNumber, NumberText};
pub use overrides::Overrides;
pub use policy::{
    Histogram, Indicator, Objective, Policy, Probe, Question, Scope, Source, Strategy, Target, TargetId,
    TrafficQuery,
};
pub use reference::reference;
pub use schema::crd_yaml;
pub use spec::{FlowPolicy, FlowPolicySpec};
pub use status::FlowPolicyStatus;
pub use status_document::status_document;
pub use validate::Invalid;

/// Names that the operator and its users share.
pub mod names {
    /// The annotation that our shaper, Cilium and most other container network plugins read a pod's egress limit from.
    pub const EGRESS_BANDWIDTH: &str = "kubernetes.io/egress-bandwidth";
    /// The annotation that Calico reads a pod's egress limit from, before [`EGRESS_BANDWIDTH`].
    pub const CALICO_EGRESS_BANDWIDTH: &str = "qos.projectcalico.org/egressBandwidth";
    /// The annotation that Calico reads from how much a pod may send at once, in bits.
    pub const CALICO_EGRESS_BURST: &str = "qos.projectcalico.org/egressBurst";
    /// The annotation that Kube-OVN reads a pod's egress limit from, in Mbit/s.
    pub const KUBE_OVN_EGRESS_RATE: &str = "ovn.kubernetes.io/egress_rate";
    /// What was there before we set a limit, and its presence marks a pod, or a workload, that we have changed: lets anyone
    /// restore it without the operator. Either the value of [`EGRESS_BANDWIDTH`], empty if it was absent; or, where a limit is set
    /// by other annotations, the JSON object of each one's value, null if it was absent.
    pub const ORIGINAL_EGRESS_BANDWIDTH: &str = "flow.fustli.io/original-egress-bandwidth";
    /// What we set last, in the same form, so that a change by hand can be told from ours.
    pub const APPLIED_EGRESS_BANDWIDTH: &str = "flow.fustli.io/applied-egress-bandwidth";
    /// The annotations that limit a pod's egress, of all back-ends.
    pub const LIMITING: [&str; 4] =
        [EGRESS_BANDWIDTH, CALICO_EGRESS_BANDWIDTH, CALICO_EGRESS_BURST, KUBE_OVN_EGRESS_RATE];
    /// What we record on pods.
    pub const RECORDS: [&str; 2] = [ORIGINAL_EGRESS_BANDWIDTH, APPLIED_EGRESS_BANDWIDTH];
    /// When we last changed the pod template of a workload (RFC 3339).
    pub const ROLLED_OUT_AT: &str = "flow.fustli.io/rolled-out-at";
    /// What we record on workloads whose pod template we have changed.
    pub const ON_WORKLOADS: [&str; 3] = [ORIGINAL_EGRESS_BANDWIDTH, APPLIED_EGRESS_BANDWIDTH, ROLLED_OUT_AT];
    /// On a policy: `true` keeps its limits as they are.
    pub const PAUSED: &str = "flow.fustli.io/paused";
    /// On a policy: keeps its limits as they are until this time (RFC 3339).
    pub const PAUSED_UNTIL: &str = "flow.fustli.io/paused-until";
    /// On a policy: why a person has paused it, for others.
    pub const PAUSE_REASON: &str = "flow.fustli.io/pause-reason";
    /// On a policy: pins each of its limits to this value, within the target's range.
    pub const LIMIT: &str = "flow.fustli.io/limit";
    /// On a namespace: the namespaces, separated by commas, whose policies may limit its pods; `*` for all.
    pub const POLICIES_FROM: &str = "flow.fustli.io/policies-from";
    /// Keeps a policy until the pods that it limits are as they were before.
    pub const FINALIZER: &str = "flow.fustli.io/restore";
    /// The field manager of everything that we write.
    pub const FIELD_MANAGER: &str = "flow-manager";
}
