use super::Error;
use crate::report::{given_back, write_status};
use flow_policy::{FlowPolicy, names};
use jiff::Timestamp;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

/// Has every policy say that its limits are given back, removes our finalizer, and returns from how many.
pub(super) async fn let_go(client: &Client) -> Result<usize, Error> {
    let all: Api<FlowPolicy> = Api::all(client.clone());
    let policies = match all.list(&ListParams::default()).await {
        // Without the definition there are no policies.
        Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(0),
        listed => listed.map_err(Error::Finalizer)?.items,
    };
    let (mut held, mut untold) = (0, None);
    for policy in &policies {
        let api: Api<FlowPolicy> = Api::namespaced(client.clone(), &policy.namespace().unwrap_or_default());
        // Whoever may not tell can let go all the same.
        untold = tell(&api, policy).await.err().or(untold);
        if is_held(policy) {
            release(&api, policy).await.map_err(Error::Finalizer)?;
            held += 1;
        }
    }
    untold.map_or(Ok(held), |error| Err(Error::Status(error)))
}

/// Of a policy that nobody has taken up there is nothing to take back.
async fn tell(api: &Api<FlowPolicy>, policy: &FlowPolicy) -> kube::Result<()> {
    let Some(old) = policy.status.as_ref().filter(|status| !status.conditions.is_empty()) else {
        return Ok(());
    };
    let status = given_back(old, Timestamp::now());
    if status == *old {
        return Ok(());
    }
    unless_gone(write_status(api, &policy.name_any(), &status).await)
}

fn is_held(policy: &FlowPolicy) -> bool {
    policy.finalizers().iter().any(|finalizer| finalizer == names::FINALIZER)
}

async fn release(api: &Api<FlowPolicy>, policy: &FlowPolicy) -> kube::Result<()> {
    let others: Vec<_> = policy.finalizers().iter().filter(|other| *other != names::FINALIZER).collect();
    // The version keeps a finalizer that another has just added.
    let metadata = json!({"finalizers": others, "resourceVersion": policy.resource_version()});
    let patch = Patch::Merge(json!({"metadata": metadata}));
    let params =
        PatchParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    unless_gone(api.patch(&policy.name_any(), &params, &patch).await.map(drop))
}

fn unless_gone(written: kube::Result<()>) -> kube::Result<()> {
    match written {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        written => written,
    }
}
