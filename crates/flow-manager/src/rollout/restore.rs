use super::worker::{Problem, look_at, write_to};
use super::workload::{Kind, WorkloadId, is_marked};
use super::write::restore;
use kube::api::{DynamicObject, ListParams};
use kube::{Api, Client};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const PAGE: u32 = 500;
const RETRY: Duration = Duration::from_secs(1);

/// What became of the pod templates that had a limit of ours.
#[derive(Debug, Default)]
pub struct Restored {
    /// How many are as they were before.
    pub number: usize,
    /// What the account may not do, in the words of the API server.
    pub forbidden: Vec<String>,
}

/// Why not every pod template was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Workloads could not be listed.
    #[error("the workloads cannot be listed: {0}")]
    List(#[from] kube::Error),
    /// A workload could not be written, again and again.
    #[error("the pod template of {workload} still has a limit of flow-manager: {problem}")]
    Refused {
        /// Which.
        workload: WorkloadId,
        /// What came of the last try.
        problem: String,
    },
}

/// Makes every pod template of a namespace, or of the cluster, as it was before flow-manager. It tries until `timeout`;
/// what the account may not do is told, and no failure: it was never given the permission, or has lost it.
///
/// Nobody may change templates meanwhile.
pub async fn restore_templates(
    client: &Client,
    namespace: Option<&str>,
    timeout: Duration,
) -> Result<Restored, RestoreError> {
    let (deadline, mut restored) = (Instant::now() + timeout, Restored::default());
    for kind in Kind::ALL {
        match marked(client, namespace, kind).await {
            Ok(workloads) => {
                for workload in workloads {
                    restore_until(client, workload, deadline, &mut restored).await?;
                }
            }
            Err(kube::Error::Api(status)) if status.code == 403 => {
                restored.forbidden.push(status.message.clone());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(restored)
}

async fn marked(client: &Client, namespace: Option<&str>, kind: Kind) -> kube::Result<Vec<WorkloadId>> {
    let workloads: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind.resource()),
        None => Api::all_with(client.clone(), &kind.resource()),
    };
    let (mut found, mut page) = (Vec::new(), ListParams::default().limit(PAGE));
    loop {
        let list = workloads.list_metadata(&page).await?;
        let ours = list.items.into_iter().map(|item| item.metadata).filter(is_marked);
        found.extend(ours.filter_map(|metadata| {
            Some(WorkloadId { kind, namespace: metadata.namespace?, name: metadata.name? })
        }));
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = ListParams::default().limit(PAGE).continue_token(&token),
            None => return Ok(found),
        }
    }
}

async fn restore_until(
    client: &Client,
    workload: WorkloadId,
    deadline: Instant,
    restored: &mut Restored,
) -> Result<(), RestoreError> {
    loop {
        match restore_one(client, &workload).await {
            Ok(()) => restored.number += 1,
            Err(Problem::Gone) => {}
            Err(Problem::Forbidden(message)) => restored.forbidden.push(message),
            Err(problem) if Instant::now() >= deadline => {
                return Err(RestoreError::Refused { workload, problem: problem.to_string() });
            }
            Err(problem) => {
                tracing::warn!(%workload, %problem, "pod template not restored yet");
                sleep(RETRY).await;
                continue;
            }
        }
        return Ok(());
    }
}

async fn restore_one(client: &Client, id: &WorkloadId) -> Result<(), Problem> {
    let workload = look_at(client, id).await?;
    match restore(&workload) {
        Some(write) => write_to(client, id, &write).await.map(drop),
        None => Ok(()),
    }
}
