use std::time::Duration;

/// Why a policy could not be reconciled. Nothing here is the user's fault: what is wrong with a spec goes to
/// the policy's conditions.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The finalizer could not be added or removed.
    #[error("the finalizer of the policy could not be changed: {0}")]
    Finalizer(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The pods and workloads of a policy that is being deleted are not all as they were before.
    #[error("some pods or workloads could not be restored within {} s", .0.as_secs())]
    NotRestored(Duration),
}

impl Error {
    /// The kind of error, for logs and metric labels.
    #[must_use]
    pub const fn category(&self) -> &'static str {
        match self {
            Self::Finalizer(_) => "finalizer",
            Self::NotRestored(_) => "not_restored",
        }
    }
}
