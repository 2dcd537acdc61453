use super::{Hold, PodView};
use serde::Serialize;

/// A pod of a target, for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pod {
    namespace: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    /// The limit that is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<String>,
    held_by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl Pod {
    /// The document of a pod.
    #[must_use]
    pub fn of(view: &PodView) -> Self {
        let (held_by, limit, message) = match &view.hold {
            Hold::HostNetwork => ("HostNetwork", None, None),
            Hold::Nothing => ("Nothing", None, None),
            Hold::Written { limit, .. } => ("FlowManager", limit.map(|limit| limit.to_string()), None),
            Hold::ByHand(deed) => ("SomebodyElse", None, Some(deed.clone())),
        };
        let (namespace, name, node) = (view.namespace.clone(), view.name.clone(), view.node.clone());
        Self { namespace, name, node, limit, held_by, message }
    }
}
