use crate::connection::{Ask, Connection, Failure, Within};
use crate::installation::Installation;
use flow_manager::leadership::LeaseError;
use flow_manager::restore::Error;
use flow_manager::{enforce, rollout};
use flow_policy::FlowPolicy;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;

/// Why not everything was given back.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A controller would limit the pods again.
    #[error("the controller {leader} leads, and would limit the pods in {namespace} again")]
    Led {
        /// Which.
        leader: String,
        /// Whose pods.
        namespace: String,
    },
    /// The cluster does not let it.
    #[error("not everything was given back: {0}")]
    Cluster(Failure),
    /// Something is left.
    #[error("not everything was given back: {0}")]
    Left(String),
}

impl Problem {
    /// What `error` means.
    pub(super) fn of(
        error: Error,
        connection: &Connection,
        installation: &Installation,
        within: &Within,
    ) -> Self {
        let told = |ask, error| Self::Cluster(connection.failure(ask, error));
        match error {
            Error::Lease(LeaseError::Refused { error, .. }) => {
                told(Ask::patch::<Lease>(&installation.system_namespace, &installation.release), error)
            }
            Error::Pods(enforce::RestoreError::List(error)) => told(Ask::list::<Pod>(within), error),
            Error::Templates(rollout::RestoreError::List(error)) => {
                told(Ask::list::<Deployment>(within), error)
            }
            Error::Finalizer(error) | Error::Status(error) => told(Ask::patch_all::<FlowPolicy>(), error),
            error => Self::Left(error.to_string()),
        }
    }

    /// The next command to try.
    #[must_use]
    pub fn next(&self) -> String {
        match self {
            Self::Led { namespace, .. } => format!(
                "kubectl delete flowpolicy NAME -n {namespace}, which gives limits back; or \
                 kubectl flowpolicy restore --all"
            ),
            Self::Cluster(failure) => failure.next(),
            Self::Left(_) => "the same again: it goes on where it was".to_owned(),
        }
    }
}
