use super::desk::Next;
use super::rollouts::Shared;
use super::workload::{Workload, WorkloadId};
use crate::enforce::{WRITE_TIMEOUT, Write};
use flow_policy::names::FIELD_MANAGER;
use kube::api::DynamicObject;
use kube::{Api, Client};
use std::future::Future;
use std::sync::Arc;

/// Looks at one workload and writes to it until there is nothing more to do for it now.
pub(super) async fn work(shared: Arc<Shared>, id: WorkloadId) {
    // What is wanted is asked for only once it may be written.
    while let Ok(permit) = shared.permits.acquire().await {
        let failed = match shared.next_for(&id) {
            Next::Done => return,
            Next::Look => look_at(&shared.client, &id).await.map(|seen| shared.looked(&id, seen)).err(),
            Next::Write(write) => {
                let answer = write_to(&shared.client, &id, &write).await;
                shared.metrics.wrote(outcome(&write, &answer));
                if let Err(Problem::Refused(_)) = answer {
                    shared.unanswered(&id, &write);
                }
                answer.map(|written| shared.wrote(&id, written)).err()
            }
        };
        drop(permit);
        if let Some(problem) = failed {
            let wait = shared.failed(&id, problem.to_string());
            shared.stop.run_until_cancelled(tokio::time::sleep(wait)).await;
        }
    }
}

/// Why the API server did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// The workload was changed meanwhile, or somebody else owns the template's annotation.
    #[error("{0}")]
    Conflict(String),
    /// The workload is gone.
    #[error("it is gone")]
    Gone,
    /// The account may not do it.
    #[error("{0}")]
    Forbidden(String),
    /// Anything else.
    #[error("the API server did not answer as it should: {0}")]
    Refused(String),
}

/// How the workload is now.
pub(super) async fn look_at(client: &Client, id: &WorkloadId) -> Result<Workload, Problem> {
    answered(id, api(client, id).get(&id.name)).await
}

/// Sends one write.
pub(super) async fn write_to(client: &Client, id: &WorkloadId, write: &Write) -> Result<Workload, Problem> {
    let (params, patch) = write.request(FIELD_MANAGER);
    answered(id, api(client, id).patch(&id.name, &params, &patch)).await
}

fn api(client: &Client, id: &WorkloadId) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), &id.namespace, &id.kind.resource())
}

async fn answered(
    id: &WorkloadId,
    answer: impl Future<Output = kube::Result<DynamicObject>>,
) -> Result<Workload, Problem> {
    match tokio::time::timeout(WRITE_TIMEOUT, answer).await {
        Ok(Ok(object)) => Ok(Workload::of(id.clone(), object)),
        Ok(Err(kube::Error::Api(status))) => Err(match status.code {
            404 => Problem::Gone,
            409 => Problem::Conflict(status.message.clone()),
            403 => Problem::Forbidden(status.message.clone()),
            _ => Problem::Refused(status.to_string()),
        }),
        Ok(Err(error)) => Err(Problem::Refused(error.to_string())),
        Err(_) => Err(Problem::Refused(format!("no answer within {} s", WRITE_TIMEOUT.as_secs()))),
    }
}

const fn outcome(write: &Write, answer: &Result<Workload, Problem>) -> &'static str {
    match (write, answer) {
        (Write::TakeOver(_) | Write::Change(_), Ok(_)) => "changed",
        (Write::Restore(_), Ok(_)) => "restored",
        (_, Err(Problem::Conflict(_))) => "conflict",
        (_, Err(Problem::Gone)) => "gone",
        (_, Err(Problem::Forbidden(_) | Problem::Refused(_))) => "error",
    }
}
