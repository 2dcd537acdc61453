use super::desk::Next;
use super::rollouts::Shared;
use super::workload::{Workload, WorkloadId};
use crate::cluster::{CachedPolicy, PolicyId};
use crate::enforce::{WRITE_TIMEOUT, Write};
use flow_policy::names::FIELD_MANAGER;
use kube::api::DynamicObject;
use kube::core::Status;
use kube::{Api, Client};
use std::future::Future;
use std::sync::Arc;

/// Looks at one workload and writes to it until there is nothing more to do for it now.
pub(super) async fn work(shared: Arc<Shared>, id: WorkloadId) {
    // What is wanted is asked for only once it may be written.
    while let Ok(permit) = shared.permits.acquire().await {
        let done = match shared.next_for(&id) {
            Next::Done => return,
            Next::Look => look_at(&shared.client, &id).await.map(|seen| shared.looked(&id, seen)),
            Next::Confirm(policies) => {
                confirm(&shared.client, &policies).await.map(|()| shared.confirmed(&id, policies))
            }
            Next::Write(write) => make(&shared, &id, &write).await,
        };
        drop(permit);
        if let Err(problem) = done
            && let Some(wait) = shared.failed(&id, &problem)
        {
            shared.stop.run_until_cancelled(tokio::time::sleep(wait)).await;
        }
    }
}

async fn make(shared: &Shared, id: &WorkloadId, write: &Write) -> Result<(), Problem> {
    let answer = write_to(&shared.client, id, write).await;
    shared.metrics.wrote(outcome(write, &answer));
    if let Err(Problem::Refused(_)) = answer {
        shared.unanswered(id, write);
    }
    answer.map(|written| shared.wrote(id, written))
}

/// Why the API server did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// The workload was changed since it was looked at.
    #[error("{0}")]
    Outdated(String),
    /// Somebody else owns the template's annotation.
    #[error("{0}")]
    Conflict(String),
    /// A policy that asks for the limit is gone, or is not as it was when it was seen last.
    #[error("the policy {0} is gone or has changed, and what it asks now was not heard yet")]
    Unconfirmed(PolicyId),
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
    workload(id, api(client, id).get(&id.name)).await
}

/// Asks whether policies are as they were `seen`: else what they asked then counts no more.
async fn confirm(client: &Client, seen: &[Arc<CachedPolicy>]) -> Result<(), Problem> {
    for policy in seen {
        let api: Api<CachedPolicy> = Api::namespaced(client.clone(), &policy.id().namespace);
        match answered(api.get(&policy.id().name)).await {
            Ok(now) if now.asks_as(policy) => {}
            Ok(_) | Err(Problem::Gone) => return Err(Problem::Unconfirmed(policy.id().clone())),
            Err(problem) => return Err(problem),
        }
    }
    Ok(())
}

/// Sends one write.
pub(super) async fn write_to(client: &Client, id: &WorkloadId, write: &Write) -> Result<Workload, Problem> {
    let (params, patch) = write.request(FIELD_MANAGER);
    workload(id, api(client, id).patch(&id.name, &params, &patch)).await
}

fn api(client: &Client, id: &WorkloadId) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), &id.namespace, &id.kind.resource())
}

async fn workload(
    id: &WorkloadId,
    answer: impl Future<Output = kube::Result<DynamicObject>>,
) -> Result<Workload, Problem> {
    Ok(Workload::of(id.clone(), answered(answer).await?))
}

async fn answered<T>(answer: impl Future<Output = kube::Result<T>>) -> Result<T, Problem> {
    match tokio::time::timeout(WRITE_TIMEOUT, answer).await {
        Ok(Ok(object)) => Ok(object),
        Ok(Err(kube::Error::Api(status))) => Err(match status.code {
            404 => Problem::Gone,
            409 if is_of_owners(&status) => Problem::Conflict(status.message.clone()),
            409 => Problem::Outdated(status.message.clone()),
            403 => Problem::Forbidden(status.message.clone()),
            _ => Problem::Refused(status.to_string()),
        }),
        Ok(Err(error)) => Err(Problem::Refused(error.to_string())),
        Err(_) => Err(Problem::Refused(format!("no answer within {} s", WRITE_TIMEOUT.as_secs()))),
    }
}

/// Whether a conflict is one of field managers. The API server looks for those first, whatever version a write names.
fn is_of_owners(status: &Status) -> bool {
    let mut causes = status.details.iter().flat_map(|details| &details.causes);
    causes.any(|cause| cause.reason == "FieldManagerConflict")
}

const fn outcome(write: &Write, answer: &Result<Workload, Problem>) -> &'static str {
    match (write, answer) {
        (Write::TakeOver(_) | Write::Change(_), Ok(_)) => "changed",
        (Write::Restore(_), Ok(_)) => "restored",
        (_, Err(Problem::Outdated(_))) => "outdated",
        (_, Err(Problem::Conflict(_))) => "conflict",
        (_, Err(Problem::Gone)) => "gone",
        (_, Err(Problem::Unconfirmed(_) | Problem::Forbidden(_) | Problem::Refused(_))) => "error",
    }
}
