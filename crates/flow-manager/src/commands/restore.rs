//! `flow-manager restore`: undoes everything, before flow-manager is uninstalled.

use crate::api_server::{ConnectError, connect};
use crate::enforce::{RestoreError, restore_all};
use crate::leadership::{Candidate, LeaseError, seize};
use crate::rollout::{self, restore_templates};
use flow_policy::{FlowPolicy, names};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What this is called in the Lease: one that was cut off goes on where it was.
const IDENTITY: &str = "flow-manager-restore";
/// How long no controller may lead after this has begun: time enough to restore and uninstall. Should it not be
/// uninstalled after all, the controllers then go on by themselves.
const HOLD: Duration = Duration::from_mins(2);
/// How long pods that cannot be written are tried again.
const PATIENCE: Duration = Duration::from_secs(30);

/// Give every limit back, before flow-manager is uninstalled
///
/// Controllers stop writing for two minutes. Every pod and every pod template gets back what it had before
/// flow-manager, and no policy is kept from being deleted any more. It needs no controller to run, and may be repeated.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The Lease that the controllers work by
    #[arg(long, value_name = "NAME")]
    lease: String,

    /// The namespace of the Lease
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAMESPACE")]
    lease_namespace: String,
}

/// Why not everything was undone.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no way to the API server.
    #[error(transparent)]
    ApiServer(#[from] ConnectError),
    /// The controllers could not be stopped.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// Not every pod was restored.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// Not every pod template was restored.
    #[error(transparent)]
    Templates(#[from] rollout::RestoreError),
    /// Not every policy was let go.
    #[error("the finalizer of a policy cannot be removed: {0}")]
    Finalizer(#[source] kube::Error),
    /// It was told to stop.
    #[error("stopped before everything was undone")]
    Stopped,
}

/// Undoes everything.
pub async fn run(args: Args, shutdown: CancellationToken) -> Result<(), Error> {
    shutdown.run_until_cancelled(undo(args)).await.unwrap_or(Err(Error::Stopped))
}

async fn undo(args: Args) -> Result<(), Error> {
    let client = connect().await?;
    let mut candidate = Candidate::new(client.clone(), args.lease_namespace, args.lease, IDENTITY.to_owned());
    seize(&mut candidate, HOLD).await?;
    let templates = restore_templates(&client, PATIENCE).await?;
    let pods = restore_all(&client, PATIENCE).await?;
    let policies = let_policies_go(&client).await.map_err(Error::Finalizer)?;
    for problem in &templates.forbidden {
        tracing::warn!(
            problem,
            "pod templates that policies have changed, if any, have to be restored by hand"
        );
    }
    tracing::info!(pods, templates = templates.number, policies, "every limit is given back");
    Ok(())
}

/// Removes our finalizer from every policy, and returns from how many.
async fn let_policies_go(client: &Client) -> kube::Result<usize> {
    let all: Api<FlowPolicy> = Api::all(client.clone());
    let policies = match all.list(&ListParams::default()).await {
        // Without the definition there are no policies.
        Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(0),
        listed => listed?.items,
    };
    let held: Vec<_> = policies.into_iter().filter(is_held).collect();
    for policy in &held {
        let_go(client, policy).await?;
    }
    Ok(held.len())
}

fn is_held(policy: &FlowPolicy) -> bool {
    policy.finalizers().iter().any(|finalizer| finalizer == names::FINALIZER)
}

async fn let_go(client: &Client, policy: &FlowPolicy) -> kube::Result<()> {
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
