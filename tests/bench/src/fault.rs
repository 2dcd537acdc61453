//! When a policy says that its limits do not help.

use crate::contender::policies::NAME;
use flow_e2e::cluster::Cluster;
use flow_e2e::factory;
use flow_e2e::stage::condition;
use flow_policy::FlowPolicy;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// How often the status is read.
const EACH: Duration = Duration::from_millis(100);
/// What the law calls it.
const REASON: &str = "NotTheCause";

/// Reads the status of the policy until it says so, or this is dropped.
pub(crate) struct Watching {
    said_s: Arc<Mutex<Option<f64>>>,
    task: JoinHandle<()>,
}

impl Watching {
    /// Starts to read; the time counts from `start`.
    pub(crate) fn start(start: Instant, cluster: &Cluster) -> Self {
        let (policies, said_s) = (cluster.policies(factory::NAMESPACE), Arc::new(Mutex::new(None)));
        let into = Arc::clone(&said_s);
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(EACH);
            loop {
                ticks.tick().await;
                // Without a policy there is nobody to say anything.
                if policies.get_opt(NAME).await.ok().flatten().is_some_and(|policy| gives_up(&policy)) {
                    *into.lock().unwrap_or_else(PoisonError::into_inner) =
                        Some(start.elapsed().as_secs_f64());
                    return;
                }
            }
        });
        Self { said_s, task }
    }

    /// When it was said, if it was.
    pub(crate) fn said_s(&self) -> Option<f64> {
        *self.said_s.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn gives_up(policy: &FlowPolicy) -> bool {
    let decided = policy.status.as_ref().and_then(|status| status.last_decision.as_ref());
    condition(policy, "Ineffective").starts_with("True")
        || decided.is_some_and(|decision| decision.reason == REASON)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn policy(status: &Value) -> FlowPolicy {
        serde_json::from_value(json!({
            "apiVersion": "flow.fustli.io/v1alpha1",
            "kind": "FlowPolicy",
            "metadata": {"name": "bench"},
            "spec": {"objectives": [], "targets": []},
            "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn a_policy_gives_up_by_its_condition_or_by_its_last_decision() {
        let time = "2026-01-01T00:00:00Z";
        let stands = |status: &str| {
            json!({"conditions": [{
                "type": "Ineffective", "status": status, "reason": "NoEffect", "message": "", "lastTransitionTime": time,
            }]})
        };
        let decided = |reason: &str| json!({"lastDecision": {"action": "Increase", "reason": reason, "message": "", "time": time}});
        assert!(gives_up(&policy(&stands("True"))) && gives_up(&policy(&decided("NotTheCause"))));
        assert!(!gives_up(&policy(&stands("False"))) && !gives_up(&policy(&decided("Headroom"))));
        assert!(!gives_up(&policy(&json!({}))));
    }
}
