//! Whether a policy says the truth about what the kernel does.

use flow_e2e::cluster::network;
use flow_e2e::stage::{condition, limit};
use flow_e2e::{Cluster, Result, Stage};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Looks again and again whether a policy says that its limits are in force while the kernel does not hold a pod to
/// them.
pub struct Honesty {
    seen: Arc<Mutex<Seen>>,
    looking: JoinHandle<()>,
}

/// What was seen so far.
#[derive(Debug, Default)]
struct Seen {
    looks: u32,
    /// Since when the policy has said what is not so, if it does.
    since: Option<Instant>,
    longest: Duration,
}

/// What is looked at.
struct Subject {
    cluster: Cluster,
    namespace: String,
    policy: String,
    app: String,
}

impl Honesty {
    /// Looks at the policy of that name, which limits the running pods with the label `app=<app>`, from now on.
    #[must_use]
    pub fn watch(stage: &Stage, policy: &str, app: &str) -> Self {
        let subject = Subject {
            cluster: stage.cluster.clone(),
            namespace: stage.namespace.clone(),
            policy: policy.to_owned(),
            app: app.to_owned(),
        };
        let seen = Arc::<Mutex<Seen>>::default();
        let looking = tokio::spawn(look(subject, Arc::clone(&seen)));
        Self { seen, looking }
    }

    /// The longest time for which it has said what was not so. `None` if there was no look.
    #[must_use]
    pub fn longest_lie(&self) -> Option<Duration> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let present = seen.since.map(|since| since.elapsed()).unwrap_or_default();
        (seen.looks > 0).then(|| seen.longest.max(present))
    }
}

impl Drop for Honesty {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

async fn look(subject: Subject, seen: Arc<Mutex<Seen>>) {
    loop {
        // What cannot be seen now is seen at the next look.
        if let Ok(lies) = subject.lies().await {
            seen.lock().unwrap_or_else(PoisonError::into_inner).take(lies);
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

impl Seen {
    fn take(&mut self, lies: bool) {
        let now = Instant::now();
        self.looks += 1;
        let since = self.since.unwrap_or(now);
        self.longest = self.longest.max(now - since);
        self.since = lies.then_some(since);
    }
}

impl Subject {
    async fn lies(&self) -> Result<bool> {
        let policy = self.cluster.policies(&self.namespace).get(&self.policy).await?;
        if !condition(&policy, "Enforced").starts_with("True") {
            return Ok(false);
        }
        let wanted = limit(&policy).and_then(bps);
        let labels = ListParams::default().labels(&format!("app={}", self.app));
        for pod in self.cluster.pods(&self.namespace).list(&labels).await? {
            if is_running(&pod) && in_force(&pod).await.is_ok_and(|found| found != wanted) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn is_running(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    phase == Some("Running") && pod.metadata.deletion_timestamp.is_none()
}

/// What the kernel holds the pod to; an error while it has no network, and so cannot send.
async fn in_force(pod: &Pod) -> Result<Option<u64>> {
    network(pod)?.limit_bps().await
}

/// The bits per second of a limit such as `50M`; tests use no other.
fn bps(limit: &str) -> Option<u64> {
    limit.strip_suffix('M')?.parse::<u64>().ok().map(|mbps| mbps * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_of_several_lies_counts() {
        let mut seen = Seen::default();
        for lies in [false, true, true, false, true] {
            seen.take(lies);
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(
            seen.longest >= Duration::from_millis(4) && seen.longest < Duration::from_secs(1),
            "{seen:?}"
        );
        assert!(seen.since.is_some());
    }

    #[test]
    fn limits_of_tests_are_read() {
        assert_eq!((bps("50M"), bps("")), (Some(50_000_000), None));
    }
}
