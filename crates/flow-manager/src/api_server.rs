//! The way to the API server, and whether it answers: in `/readyz` and a metric.

use crate::leadership::Fence;
use crate::serve::Readiness;
use kube::client::ClientBuilder;
use kube::config::InferConfigError;
use kube::{Client, Config};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

#[cfg(test)]
pub(crate) mod answers;
mod later;

use later::Later;

const INTERVAL: Duration = Duration::from_secs(2);
/// How long it may take to answer: one that is slow is not away.
const TIMEOUT: Duration = Duration::from_secs(4);
const PART: &str = "api-server";

/// Why there is no way to the API server.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// None is configured.
    #[error("no Kubernetes API server is configured: {0}")]
    Config(#[from] InferConfigError),
    /// The one that is configured cannot be used.
    #[error("cannot use the configured Kubernetes API server: {0}")]
    Client(#[from] kube::Error),
}

/// A client that says at once that a request has failed: whoever sent it tries again, and meanwhile it must be known.
pub async fn connect() -> Result<Client, ConnectError> {
    Ok(ClientBuilder::try_from(config().await?)?.with_layer(&Later::default()).build())
}

/// The same, whose writes pass `fence`.
pub async fn connect_behind(fence: &Fence) -> Result<Client, ConnectError> {
    // The fence is passed last: time may go by before.
    Ok(ClientBuilder::try_from(config().await?)?.with_layer(fence).with_layer(&Later::default()).build())
}

async fn config() -> Result<Config, ConnectError> {
    let mut config = Config::infer().await?;
    config.default_retry = false;
    Ok(config)
}

/// The metric, exported by `registry`.
pub fn metric(registry: &mut Registry) -> Gauge {
    let up = Gauge::default();
    registry.register("flowmanager_api_server_up", "Whether the Kubernetes API server answers", up.clone());
    up
}

/// Asks the API server for its version again and again, until `shutdown`.
pub async fn check(client: Client, readiness: Readiness, up: Gauge, shutdown: CancellationToken) {
    readiness.wait(PART, "not asked yet");
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
        let problem = match timeout(TIMEOUT, client.apiserver_version()).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer within {} s", TIMEOUT.as_secs())),
        };
        up.set(i64::from(problem.is_none()));
        match problem {
            None => readiness.done(PART),
            Some(problem) => readiness.wait(PART, problem),
        }
    }
}
