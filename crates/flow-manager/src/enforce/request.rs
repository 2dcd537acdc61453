use kube::api::{Patch, PatchParams};
use serde_json::Value;

/// What has to be written to a pod, or to a workload's pod template, so that it gets the limit that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Write {
    /// The first limit, or the first other than that of before. What was there before is recorded; so nothing may have
    /// changed meanwhile.
    TakeOver(Value),
    /// Another limit for what has one of ours.
    Change(Value),
    /// What was there before us.
    Restore(Value),
}

impl Write {
    /// The request by which `manager` makes this write.
    pub(crate) fn request(&self, manager: &str) -> (PatchParams, Patch<&Value>) {
        match self {
            Self::TakeOver(body) => (PatchParams::apply(manager).force(), Patch::Apply(body)),
            // Without force: where another manager has taken the annotation, the API server says so.
            Self::Change(body) => (PatchParams::apply(manager), Patch::Apply(body)),
            Self::Restore(body) => {
                let manager = Some(manager.to_owned());
                (PatchParams { field_manager: manager, ..PatchParams::default() }, Patch::Merge(body))
            }
        }
    }
}
