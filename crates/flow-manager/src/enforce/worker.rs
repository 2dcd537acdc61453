use super::enforcer::{Next, Shared};
use super::request::Write;
use crate::cluster::{CachedPod, PodId, WatchedPod};
use kube::{Api, Client};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the API server may take to answer a write. A controller that may write no longer stops this much
/// before another begins.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(4);

/// Writes to one pod until there is nothing more to do for it.
pub(super) async fn work(shared: Arc<Shared>, pod: PodId) {
    // The newest limit is asked for only once the write may be made.
    while let Ok(permit) = shared.permits.acquire().await
        && let Next::Write(write) = shared.next_for(&pod)
    {
        let started = Instant::now();
        let answer = write_to(&shared.client, shared.backend.field_manager(), &pod, &write).await;
        drop(permit);
        shared.metrics.wrote(outcome(&write, &answer), started.elapsed());
        match answer {
            Ok(written) => shared.wrote(&pod, written),
            Err(problem) => {
                let wait = shared.failed(&pod, &write, &problem);
                shared.stop.run_until_cancelled(tokio::time::sleep(wait)).await;
            }
        }
    }
}

/// Why a write was not accepted.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// The pod was changed meanwhile, or somebody else owns the annotation.
    #[error("{0}")]
    Conflict(String),
    /// The pod is gone.
    #[error("the pod is gone")]
    Gone,
    /// Anything else.
    #[error("the API server did not accept the limit: {0}")]
    Refused(String),
}

impl Problem {
    /// How long to wait after it has come up once. A pod that is being started is changed again and again, and must be
    /// limited before it sends.
    pub(super) const fn first_retry(&self) -> Duration {
        match self {
            Self::Conflict(_) => Duration::from_millis(5),
            Self::Gone | Self::Refused(_) => Duration::from_millis(100),
        }
    }
}

/// Sends one write of the field manager `manager`.
pub(super) async fn write_to(
    client: &Client,
    manager: &str,
    pod: &PodId,
    write: &Write,
) -> Result<CachedPod, Problem> {
    let pods: Api<WatchedPod> = Api::namespaced(client.clone(), &pod.namespace);
    let (params, patch) = write.request(manager);
    match tokio::time::timeout(WRITE_TIMEOUT, pods.patch(&pod.name, &params, &patch)).await {
        Ok(Ok(watched)) => Ok(watched.pod),
        Ok(Err(kube::Error::Api(status))) if status.code == 404 => Err(Problem::Gone),
        Ok(Err(kube::Error::Api(status))) if status.code == 409 => {
            Err(Problem::Conflict(status.message.clone()))
        }
        Ok(Err(kube::Error::Api(status))) => Err(Problem::Refused(status.message.clone())),
        Ok(Err(error)) => Err(Problem::Refused(error.to_string())),
        Err(_) => Err(Problem::Refused(format!("no answer within {} s", WRITE_TIMEOUT.as_secs()))),
    }
}

const fn outcome(write: &Write, answer: &Result<CachedPod, Problem>) -> &'static str {
    match (write, answer) {
        (Write::TakeOver(_) | Write::Change(_), Ok(_)) => "changed",
        (Write::Restore(_), Ok(_)) => "restored",
        (_, Err(Problem::Conflict(_))) => "conflict",
        (_, Err(Problem::Gone)) => "gone",
        (_, Err(Problem::Refused(_))) => "error",
    }
}
