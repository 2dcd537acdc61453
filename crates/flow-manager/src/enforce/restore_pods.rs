use super::request::Write;
use super::worker::{Problem, write_to};
use super::write::give_back;
use crate::cluster::{PodId, WatchedPod};
use flow_policy::names::FIELD_MANAGER;
use futures::StreamExt;
use kube::api::ListParams;
use kube::{Api, Client};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const PAGE: u32 = 500;
const CONCURRENCY: usize = 16;
const RETRY: Duration = Duration::from_secs(1);

/// Why not every pod was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The pods could not be listed.
    #[error("the pods cannot be listed: {0}")]
    List(#[from] kube::Error),
    /// A pod could not be written, again and again.
    #[error("{left} pods still have a limit of flow-manager; {pod}: {problem}")]
    Refused {
        /// How many.
        left: usize,
        /// One of them.
        pod: PodId,
        /// What came of the last try.
        problem: String,
    },
}

/// Makes every pod of a namespace, or of the cluster, as it was before flow-manager, whoever had it limited, and returns
/// how many there were. It tries until `timeout`.
///
/// Nobody may limit pods meanwhile.
pub async fn restore_pods(
    client: &Client,
    namespace: Option<&str>,
    timeout: Duration,
) -> Result<usize, RestoreError> {
    let deadline = Instant::now() + timeout;
    let mut restored = 0;
    loop {
        let writes = left(client, namespace).await?;
        let number = writes.len();
        let answers = futures::stream::iter(writes).map(|(id, write)| restore(client, id, write));
        let failed: Vec<_> =
            answers.buffer_unordered(CONCURRENCY).filter_map(std::future::ready).collect().await;
        let left = failed.len();
        restored += number - left;
        match failed.into_iter().next() {
            // Nothing was left to do: what was written before is seen to be so.
            None if number == 0 => return Ok(restored),
            None => {}
            Some((pod, problem)) if Instant::now() >= deadline => {
                return Err(RestoreError::Refused { left, pod, problem: problem.to_string() });
            }
            Some((pod, problem)) => {
                tracing::warn!(%pod, %problem, "not restored yet");
                sleep(RETRY).await;
            }
        }
    }
}

/// The pods that have something of ours, and the writes that take it away.
async fn left(client: &Client, namespace: Option<&str>) -> Result<Vec<(PodId, Write)>, kube::Error> {
    let pods: Api<WatchedPod> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let (mut left, mut page) = (Vec::new(), ListParams::default().limit(PAGE));
    loop {
        let list = pods.list(&page).await?;
        left.extend(list.items.iter().filter_map(of_ours));
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = ListParams::default().limit(PAGE).continue_token(&token),
            None => return Ok(left),
        }
    }
}

fn of_ours(WatchedPod { pod, .. }: &WatchedPod) -> Option<(PodId, Write)> {
    Some((pod.id().clone(), give_back(pod)?))
}

/// Writes, and returns what is wrong if that failed. A pod that is gone is as good as restored.
async fn restore(client: &Client, pod: PodId, write: Write) -> Option<(PodId, Problem)> {
    match write_to(client, FIELD_MANAGER, &pod, &write).await {
        Ok(_) | Err(Problem::Gone) => None,
        Err(problem) => Some((pod, problem)),
    }
}
