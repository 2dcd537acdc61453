use crate::connection::Failure;
use crate::installation::Installation;

/// Why the page cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// flow-manager is not where it is looked for.
    #[error(
        "there is no Lease {}/{}: flow-manager is not installed there",
        .0.system_namespace, .0.release
    )]
    NotInstalled(Installation),
    /// No controller serves the page.
    #[error(
        "no controller leads: nobody who runs has renewed the Lease {}/{} in time, by the clock of this machine",
        .0.system_namespace, .0.release
    )]
    NoLeader(Installation),
    /// The page is not switched on.
    #[error("the page is off: the pod {pod} has no port that is named page")]
    Off {
        /// Where flow-manager is installed.
        installation: Installation,
        /// The pod that leads.
        pod: String,
    },
    /// It does not come.
    #[error("the page does not answer")]
    Silent,
    /// The port on this machine is not free, or not for everybody.
    #[error("cannot listen on port {port} of this machine: {error}")]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// Why.
        error: std::io::Error,
    },
    /// The cluster.
    #[error(transparent)]
    Cluster(#[from] Failure),
}

impl Problem {
    /// The next command to try.
    #[must_use]
    pub fn next(&self) -> String {
        match self {
            Self::NotInstalled(_) => {
                "kubectl get deployments -A -l app.kubernetes.io/component=controller, then --system-namespace and \
                 --release"
                    .to_owned()
            }
            Self::NoLeader(Installation { system_namespace, release }) => {
                format!("kubectl -n {system_namespace} logs deployment/{release}")
            }
            Self::Off { installation: Installation { system_namespace, release }, .. } => format!(
                "helm upgrade {release} CHART -n {system_namespace} --reuse-values --set page.enabled=true"
            ),
            Self::Silent => "kubectl flowpolicy dashboard".to_owned(),
            Self::Listen { .. } => "kubectl flowpolicy dashboard --port 0".to_owned(),
            Self::Cluster(failure) => failure.next(),
        }
    }
}
