use flow_policy::{FlowPolicy, FlowPolicyStatus, names};
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource};
use serde_json::json;

/// Writes the status of the policy `name`, in our name.
///
/// It is applied, not merged: a field that the status no longer has must go.
pub async fn write_status(api: &Api<FlowPolicy>, name: &str, status: &FlowPolicyStatus) -> kube::Result<()> {
    let applied = json!({
        "apiVersion": FlowPolicy::api_version(&()),
        "kind": FlowPolicy::kind(&()),
        "status": status,
    });
    let params = PatchParams::apply(names::FIELD_MANAGER).force();
    api.patch_status(name, &params, &Patch::Apply(applied)).await.map(drop)
}
