//! Gives limits back, whether a controller runs or not: what `flow-manager restore` and `kubectl flowpolicy restore` share.

mod policies;

use crate::enforce::{self, restore_pods};
use crate::leadership::{Candidate, LeaseError, seize};
use crate::rollout::{self, Restored, restore_templates};
use kube::Client;
use std::time::Duration;

/// What this is called in the Lease: one that was cut off goes on where it was.
const IDENTITY: &str = "flow-manager-restore";
/// How long no controller may lead after this has begun: time enough to restore and uninstall. Should it not be
/// uninstalled after all, the controllers then go on by themselves.
pub const HOLD: Duration = Duration::from_mins(2);
/// How long pods that cannot be written are tried again.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was given back.
#[derive(Debug, Default)]
pub struct GivenBack {
    /// How many pods have what they had before.
    pub pods: usize,
    /// What became of pod templates.
    pub templates: Restored,
    /// How many policies are no longer kept from being deleted.
    pub policies: usize,
}

/// Why not everything was given back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The controllers could not be stopped.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// Not every pod was restored.
    #[error(transparent)]
    Pods(#[from] enforce::RestoreError),
    /// Not every pod template was restored.
    #[error(transparent)]
    Templates(#[from] rollout::RestoreError),
    /// Not every policy was let go.
    #[error("the finalizer of a policy cannot be removed: {0}")]
    Finalizer(#[source] kube::Error),
    /// Everything was given back, and a policy still says that it is limited.
    #[error("every limit is given back, but the status of a policy cannot say so: {0}")]
    Status(#[source] kube::Error),
}

/// Gives every limit of the cluster back, lets every policy go, and has it say so. Controllers that work by the Lease
/// `lease` stop writing for [`HOLD`].
pub async fn give_everything_back(
    client: &Client,
    lease_namespace: String,
    lease: String,
) -> Result<GivenBack, Error> {
    let mut candidate = Candidate::new(client.clone(), lease_namespace, lease, IDENTITY.to_owned());
    seize(&mut candidate, HOLD).await?;
    let given_back = give_back(client, None).await?;
    let policies = policies::let_go(client).await?;
    Ok(GivenBack { policies, ..given_back })
}

/// Gives the limits of pods and pod templates back, in one namespace or in all. Nobody may limit them meanwhile.
pub async fn give_back(client: &Client, namespace: Option<&str>) -> Result<GivenBack, Error> {
    let templates = restore_templates(client, namespace, PATIENCE).await?;
    let pods = restore_pods(client, namespace, PATIENCE).await?;
    Ok(GivenBack { pods, templates, policies: 0 })
}
