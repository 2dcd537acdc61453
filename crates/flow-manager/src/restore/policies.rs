use flow_policy::{FlowPolicy, names};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

/// Removes our finalizer from every policy, and returns from how many.
pub(super) async fn let_go(client: &Client) -> kube::Result<usize> {
    let all: Api<FlowPolicy> = Api::all(client.clone());
    let policies = match all.list(&ListParams::default()).await {
        // Without the definition there are no policies.
        Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(0),
        listed => listed?.items,
    };
    let held: Vec<_> = policies.into_iter().filter(is_held).collect();
    for policy in &held {
        release(client, policy).await?;
    }
    Ok(held.len())
}

fn is_held(policy: &FlowPolicy) -> bool {
    policy.finalizers().iter().any(|finalizer| finalizer == names::FINALIZER)
}

async fn release(client: &Client, policy: &FlowPolicy) -> kube::Result<()> {
    let api: Api<FlowPolicy> = Api::namespaced(client.clone(), &policy.namespace().unwrap_or_default());
    let others: Vec<_> = policy.finalizers().iter().filter(|other| *other != names::FINALIZER).collect();
    // The version keeps a finalizer that another has just added.
    let metadata = json!({"finalizers": others, "resourceVersion": policy.resource_version()});
    let patch = Patch::Merge(json!({"metadata": metadata}));
    let params =
        PatchParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    match api.patch(&policy.name_any(), &params, &patch).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        patched => patched.map(drop),
    }
}
