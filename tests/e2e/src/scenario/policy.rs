use crate::kubectl::in_repository;
use crate::{Error, Result};
use flow_control::{Bandwidth, Bound};
use flow_policy::{FlowPolicy, Indicator, Policy};

/// The policy that is tried: the first example of the documentation.
pub(super) const FILE: &str = "examples/robot-control.yaml";
/// Its name.
pub(super) const NAME: &str = "robot-control";
/// The workload that it limits.
pub(super) const TARGET: &str = "telemetry-upload";

/// What a run is judged by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// The bound on jitter, in microseconds.
    pub(super) bound_us: f64,
    /// The highest limit of a pod.
    pub(super) maximum: Bandwidth,
}

/// What the policy asks.
pub(super) fn asked() -> Result<Asked> {
    let text = fs_err::read_to_string(in_repository(FILE))?;
    let policy: FlowPolicy = serde_saphyr::from_str(&text).map_err(|error| Error::unreadable(FILE, error))?;
    let policy = Policy::try_from(&policy.spec).map_err(|error| Error::unreadable(FILE, error))?;
    let jitter =
        policy.objectives.iter().find_map(|objective| match (objective.indicator, objective.bound) {
            (Indicator::Jitter { .. }, Bound::AtMost(max)) => Some(max),
            _ => None,
        });
    let maximum = policy.targets.first().map(|target| target.range.max);
    let missing = || Error::Missing(format!("a jitter objective or a target in {FILE}"));
    Ok(Asked { bound_us: jitter.ok_or_else(missing)?.get() * 1e6, maximum: maximum.ok_or_else(missing)? })
}
