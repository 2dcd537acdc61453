//! `flow-manager selftest`: whether flow-manager works where it is installed.

use crate::api_server::{ConnectError, connect};
use flow_policy::{DurationText, FlowPolicy, InvalidDuration};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, DeleteParams, PostParams};
use kube::{Client, Resource, ResourceExt};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// The policy that is made for the test.
const POLICY: &str = "flow-manager-selftest";
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// See whether flow-manager works where it is installed
///
/// The controller must be ready, FlowPolicy must be served, and a policy that probes the API server must become ready:
/// mode Observe, so that nobody is limited. The policy is deleted again.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The Deployment of the controller
    #[arg(long, value_name = "NAME", default_value = "flow-manager")]
    deployment: String,

    /// Its namespace
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAMESPACE", default_value = "flow-manager-system")]
    namespace: String,

    /// The controller must reach its Prometheus, too
    #[arg(long)]
    prometheus: bool,

    /// How long to wait for each of these
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "1m")]
    timeout: Duration,
}

fn duration(text: &str) -> Result<Duration, InvalidDuration> {
    DurationText::from(text).parse()
}

/// What does not work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no way to the API server.
    #[error(transparent)]
    ApiServer(#[from] ConnectError),
    /// It refused something.
    #[error("cannot {what}: {source}")]
    Refused {
        /// What.
        what: &'static str,
        /// What the API server said.
        source: kube::Error,
    },
    /// Something did not happen.
    #[error("waited {} s in vain for {what}; last seen: {seen}", .after.as_secs())]
    TimedOut {
        /// What was waited for.
        what: &'static str,
        /// How long.
        after: Duration,
        /// What was there instead.
        seen: String,
    },
    /// The policy cannot be made.
    #[error("a defect: {0}")]
    Policy(#[from] serde_json::Error),
    /// It was told to stop.
    #[error("stopped before the end")]
    Stopped,
}

/// Runs the test, unless it is told to stop.
pub async fn run(args: Args, shutdown: CancellationToken) -> Result<(), Error> {
    shutdown.run_until_cancelled(test(&args)).await.unwrap_or(Err(Error::Stopped))
}

async fn test(args: &Args) -> Result<(), Error> {
    let client = connect().await?;
    controller_is_ready(&client, args).await?;
    let policies: Api<FlowPolicy> = Api::namespaced(client, &args.namespace);
    delete(&policies, args.timeout).await?;
    let policy = policy(&args.deployment, args.prometheus)?;
    policies.create(&PostParams::default(), &policy).await.map_err(refused("create a FlowPolicy"))?;
    tracing::info!("FlowPolicy is served");
    let ready = policy_is_ready(&policies, args.timeout).await;
    let deleted = delete(&policies, args.timeout).await;
    ready.and(deleted)
}

fn refused(what: &'static str) -> impl FnOnce(kube::Error) -> Error {
    move |source| Error::Refused { what, source }
}

async fn controller_is_ready(client: &Client, args: &Args) -> Result<(), Error> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &args.namespace);
    let available = until("a controller that is ready", args.timeout, async || {
        let found = deployments.get(&args.deployment).await.map_err(refused("get the controller"))?;
        let available = found.status.and_then(|status| status.available_replicas).unwrap_or(0);
        Ok(if available > 0 { Ok(available) } else { Err("none".to_owned()) })
    })
    .await?;
    tracing::info!(available, "the controller is ready");
    Ok(())
}

async fn policy_is_ready(policies: &Api<FlowPolicy>, patience: Duration) -> Result<(), Error> {
    let message = until("the policy to be ready", patience, async || {
        Ok(readiness(&policies.get(POLICY).await.map_err(refused("get a FlowPolicy"))?))
    })
    .await?;
    tracing::info!("a policy is ready: {message}");
    Ok(())
}

/// Why the policy is ready, or why not.
fn readiness(policy: &FlowPolicy) -> Result<String, String> {
    let conditions = policy.status.iter().flat_map(|status| &status.conditions);
    let current = conditions.into_iter().find(|condition| {
        condition.type_ == "Ready" && condition.observed_generation == policy.meta().generation
    });
    match current {
        None => Err("no controller has looked at it".to_owned()),
        Some(ready) if ready.status == "True" => Ok(ready.message.clone()),
        Some(ready) => Err(format!("{}: {}", ready.reason, ready.message)),
    }
}

/// Deletes the policy, if there is one, and waits until the controller has let it go.
async fn delete(policies: &Api<FlowPolicy>, patience: Duration) -> Result<(), Error> {
    match policies.delete(POLICY, &DeleteParams::default()).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(()),
        deleted => deleted.map_err(refused("delete a FlowPolicy"))?,
    };
    until("the end of the policy", patience, async || {
        let left = policies.get_opt(POLICY).await.map_err(refused("get a FlowPolicy"))?;
        Ok(left.map_or(Ok(()), |left| Err(format!("finalizers {:?}", left.finalizers()))))
    })
    .await
}

/// Looks until there is what is looked for; otherwise `look` tells what it saw.
async fn until<T>(
    what: &'static str,
    patience: Duration,
    mut look: impl AsyncFnMut() -> Result<Result<T, String>, Error>,
) -> Result<T, Error> {
    let end = Instant::now() + patience;
    loop {
        match look().await? {
            Ok(found) => return Ok(found),
            Err(seen) if Instant::now() > end => return Err(Error::TimedOut { what, after: patience, seen }),
            Err(_) => sleep(BETWEEN_LOOKS).await,
        }
    }
}

/// A policy for which nothing has to be there but flow-manager itself and its sources.
fn policy(deployment: &str, prometheus: bool) -> serde_json::Result<FlowPolicy> {
    let api_server = json!({
        "name": "api-server",
        "probe": {"protocol": "TCP", "host": "kubernetes.default.svc", "port": 443},
        "latency": {"max": "1s"},
    });
    let query = json!({"name": "prometheus", "prometheus": {"query": "vector(1)"}, "value": {"max": "2"}});
    let objectives = if prometheus { json!([api_server, query]) } else { json!([api_server]) };
    serde_json::from_value(json!({
        "apiVersion": "flow.fustli.io/v1alpha1",
        "kind": "FlowPolicy",
        "metadata": {"name": POLICY},
        "spec": {
            "mode": "Observe",
            "objectives": objectives,
            "targets": [{"kind": "Deployment", "name": deployment}],
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_policy::Policy;
    use flow_policy::spec::Mode;

    #[test]
    fn the_policy_is_valid_and_limits_nobody() {
        for (prometheus, objectives) in [(false, 1), (true, 2)] {
            let policy = policy("flow-manager", prometheus).unwrap();
            let policy = Policy::try_from(&policy.spec).unwrap();
            assert_eq!((policy.objectives.len(), policy.mode), (objectives, Mode::Observe));
        }
    }

    #[test]
    fn a_policy_is_ready_only_by_a_condition_of_its_present_generation() {
        let mut policy = policy("flow-manager", false).unwrap();
        policy.meta_mut().generation = Some(2);
        assert_eq!(readiness(&policy).unwrap_err(), "no controller has looked at it");
        for (generation, status, said) in [
            (1, "True", Err("no controller has looked at it")),
            (2, "False", Err("NoData: no answer")),
            (2, "True", Ok("no answer")),
        ] {
            let ready = json!({"type": "Ready", "status": status, "reason": "NoData", "message": "no answer",
                "observedGeneration": generation, "lastTransitionTime": "2026-01-01T00:00:00Z"});
            policy.status = Some(serde_json::from_value(json!({"conditions": [ready]})).unwrap());
            let found = readiness(&policy);
            assert_eq!(found.as_deref().map_err(String::as_str), said);
        }
    }

    #[tokio::test]
    async fn what_was_seen_last_is_told_when_the_time_is_up() {
        let waited = until::<()>("a wonder", Duration::ZERO, async || Ok(Err("none".to_owned()))).await;
        assert_eq!(waited.unwrap_err().to_string(), "waited 0 s in vain for a wonder; last seen: none");
    }
}
