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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_write_names_its_manager_and_only_a_take_over_is_forced() {
        let body = json!({"metadata": {"uid": "u1"}});
        let cases = [
            (Write::TakeOver(body.clone()), true, Patch::Apply(&body)),
            (Write::Change(body.clone()), false, Patch::Apply(&body)),
            (Write::Restore(body.clone()), false, Patch::Merge(&body)),
        ];
        for (write, force, expected) in cases {
            let (params, patch) = write.request("flow-manager");
            assert_eq!((params.field_manager.as_deref(), params.force), (Some("flow-manager"), force));
            assert_eq!(patch, expected);
        }
    }
}
