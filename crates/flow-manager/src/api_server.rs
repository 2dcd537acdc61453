//! Tells whether the API server can be reached, in `/readyz` and a metric.

use crate::serve::Readiness;
use kube::Client;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_secs(2);
const PART: &str = "api-server";

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
        let problem = match timeout(INTERVAL, client.apiserver_version()).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer within {} s", INTERVAL.as_secs())),
        };
        up.set(i64::from(problem.is_none()));
        match problem {
            None => readiness.done(PART),
            Some(problem) => readiness.wait(PART, problem),
        }
    }
}
