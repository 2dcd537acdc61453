//! `flow-manager restore`: undoes everything, before flow-manager is uninstalled.

use crate::api_server::{ConnectError, connect};
use crate::restore::{self, give_everything_back};
use tokio_util::sync::CancellationToken;

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
    /// Something is left.
    #[error(transparent)]
    Restore(#[from] restore::Error),
    /// It was told to stop.
    #[error("stopped before everything was undone")]
    Stopped,
}

/// Undoes everything.
pub async fn run(args: Args, shutdown: CancellationToken) -> Result<(), Error> {
    shutdown.run_until_cancelled(undo(args)).await.unwrap_or(Err(Error::Stopped))
}

async fn undo(args: Args) -> Result<(), Error> {
    let given_back = give_everything_back(&connect().await?, args.lease_namespace, args.lease).await?;
    for problem in &given_back.templates.forbidden {
        tracing::warn!(
            problem,
            "pod templates that policies have changed, if any, have to be restored by hand"
        );
    }
    let (pods, templates, policies) = (given_back.pods, given_back.templates.number, given_back.policies);
    tracing::info!(pods, templates, policies, "every limit is given back");
    Ok(())
}
