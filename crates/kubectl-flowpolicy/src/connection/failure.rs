use super::Ask;
use std::time::Duration;

/// Why the API server gave no answer, or not the one that was hoped for.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no kubeconfig, and this does not run in a cluster.
    #[error("no cluster is configured: {0}")]
    NoCluster(String),
    /// There is a kubeconfig, and it cannot be used.
    #[error("the kubeconfig cannot be used: {0}")]
    Kubeconfig(String),
    /// The kubeconfig has no such context.
    #[error("there is no context {found:?} in the kubeconfig; there {known}")]
    Context {
        /// The one that was asked for.
        found: String,
        /// Those that there are, in words.
        known: String,
    },
    /// Nobody answers.
    #[error("{ask}: the API server {server} cannot be reached: {problem}")]
    Unreachable {
        /// What was asked.
        ask: Box<Ask>,
        /// Who was asked.
        server: String,
        /// What happened.
        problem: String,
    },
    /// Nobody has answered yet.
    #[error("{ask}: no answer within {after:?}")]
    Timeout {
        /// What was asked.
        ask: Box<Ask>,
        /// How long it was waited.
        after: Duration,
    },
    /// The credentials are not accepted.
    #[error("{ask}: the API server {server} does not accept the credentials: {message}")]
    Unauthorized {
        /// What was asked.
        ask: Box<Ask>,
        /// Who was asked.
        server: String,
        /// What it says.
        message: String,
    },
    /// The account may not do it.
    #[error("{ask}: it is not allowed: {message}")]
    Forbidden {
        /// What was asked.
        ask: Box<Ask>,
        /// What the API server says.
        message: String,
    },
    /// The cluster does not know the kind.
    #[error("{ask}: the cluster does not know this kind; flow-manager is not installed in it")]
    Undefined {
        /// What was asked.
        ask: Box<Ask>,
    },
    /// There is no such object.
    #[error("{ask}: there is none")]
    NotFound {
        /// What was asked.
        ask: Box<Ask>,
    },
    /// The API server says something else.
    #[error("{ask}: {message}")]
    Refused {
        /// What was asked.
        ask: Box<Ask>,
        /// What it says.
        message: String,
    },
}

impl Failure {
    /// What `error` means as the answer of `server` to `ask`.
    pub(super) fn of(ask: Ask, error: kube::Error, server: String) -> Self {
        let ask = Box::new(ask);
        let status = match error {
            kube::Error::Api(status) => status,
            kube::Error::SerdeError(error) => return Self::Refused { ask, message: error.to_string() },
            error @ kube::Error::Auth(_) => {
                return Self::Kubeconfig(format!("it gives no credentials: {}", deepest(&error)));
            }
            error => return Self::Unreachable { ask, server, problem: deepest(&error) },
        };
        let message = status.message.trim().to_owned();
        match status.code {
            401 => Self::Unauthorized { ask, server, message },
            403 => Self::Forbidden { ask, message },
            // A path that the API server does not know; a kind that it does know is named in the details.
            404 if status.details.as_ref().is_none_or(|details| details.name.is_empty()) => {
                Self::Undefined { ask }
            }
            404 => Self::NotFound { ask },
            _ => Self::Refused { ask, message },
        }
    }

    /// The next command to try.
    #[must_use]
    pub fn next(&self) -> String {
        match self {
            Self::NoCluster(_) => {
                "kubectl config get-contexts   (simulate, lint and import need no cluster)".to_owned()
            }
            Self::Context { .. } => "kubectl config get-contexts".to_owned(),
            Self::Kubeconfig(_) => "kubectl config view".to_owned(),
            Self::Unreachable { .. } | Self::Timeout { .. } => "kubectl cluster-info".to_owned(),
            Self::Unauthorized { .. } => "kubectl auth whoami".to_owned(),
            Self::Forbidden { ask, .. } => ask.can_i(),
            Self::Undefined { ask } if ask.is_of_policies() => "kubectl flowpolicy check --pre".to_owned(),
            Self::Undefined { .. } => "kubectl api-resources".to_owned(),
            Self::NotFound { ask } => ask.what_there_is(),
            Self::Refused { .. } => "kubectl flowpolicy check".to_owned(),
        }
    }
}

/// The innermost cause of an error, which says what happened rather than where.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
