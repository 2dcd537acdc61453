//! Several controllers at once.

use crate::cluster::Cluster;
use crate::kubectl::kubectl;
use crate::metrics::scrape;
use crate::operator::{self, NAMESPACE};
use crate::wait::{Look, until};
use crate::{Error, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::ListParams;
use std::time::Duration;

/// Longer than a Lease lasts.
const PATIENCE: Duration = Duration::from_mins(1);

/// One of them.
#[derive(Clone, Debug)]
pub struct Replica {
    /// Its pod.
    pub pod: Pod,
    address: String,
}

/// Sets the number of controllers, and returns them once all are ready.
pub async fn scale(cluster: &Cluster, replicas: usize) -> Result<Vec<Replica>> {
    kubectl(&format!("-n {NAMESPACE} scale deployment/flow-manager --replicas={replicas}")).await?;
    kubectl(&format!("-n {NAMESPACE} rollout status deployment/flow-manager --timeout=60s")).await?;
    until(&format!("{replicas} controllers"), PATIENCE, async || {
        let labels = ListParams::default().labels("app.kubernetes.io/component=controller");
        let pods = cluster.pods(NAMESPACE).list(&labels).await?.items;
        let found: Vec<_> = pods.into_iter().filter_map(Replica::of).collect();
        Ok(Look::some((found.len() == replicas).then(|| found.clone()), || format!("{found:?}")))
    })
    .await
}

/// The one of `replicas` that leads, once exactly one says so. Those that do not answer are no leaders.
pub async fn leader(replicas: &[Replica]) -> Result<Replica> {
    until("one leader", PATIENCE, async || {
        let mut leaders = Vec::new();
        for replica in replicas {
            if replica.leads().await.unwrap_or(false) {
                leaders.push(replica.clone());
            }
        }
        let seen = format!("{} leaders", leaders.len());
        Ok(Look::some(<[Replica; 1]>::try_from(leaders).ok().map(|[leader]| leader), || seen))
    })
    .await
}

impl Replica {
    fn of(pod: Pod) -> Option<Self> {
        let address = pod.status.as_ref()?.pod_ip.clone()?;
        pod.metadata.deletion_timestamp.is_none().then_some(Self { pod, address })
    }

    /// Whether it says that it leads.
    pub async fn leads(&self) -> Result<bool> {
        let metrics = scrape(&format!("http://{}:8001/metrics", self.address)).await?;
        let leads = metrics.value("flowmanager_leader", &[]);
        leads.map(|leads| leads > 0.0).ok_or_else(|| Error::Missing("flowmanager_leader".to_owned()))
    }

    /// Waits until it says that it does not lead.
    pub async fn stands_by(&self) -> Result<()> {
        until(&format!("{} standing by", self.pod.name_any()), PATIENCE, async || {
            Ok(Look::when(!self.leads().await?, || "it leads".to_owned()))
        })
        .await
    }

    /// Sends a signal, such as `STOP`, to flow-manager.
    pub async fn signal(&self, signal: &str) -> Result<()> {
        operator::signal(&self.pod, signal).await
    }
}
