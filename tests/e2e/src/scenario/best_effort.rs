use crate::cluster::{Cluster, network, uid};
use crate::wait::{Look, until};
use crate::{PodNetwork, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use std::collections::BTreeMap;
use std::time::Duration;

/// A best-effort pod as it was before the run.
pub(super) struct BestEffort {
    pod: Pod,
    pub(super) network: PodNetwork,
}

impl BestEffort {
    pub(super) fn of(pod: Pod) -> Result<Self> {
        Ok(Self { network: network(&pod)?, pod })
    }

    pub(super) fn name(&self) -> String {
        self.pod.name_any()
    }

    pub(super) fn network(&self) -> (String, PodNetwork) {
        (self.name(), self.network.clone())
    }

    fn annotations(&self) -> &BTreeMap<String, String> {
        self.pod.annotations()
    }
}

/// Whether each pod has the annotations that it had before, and no limit.
pub(super) async fn are_restored(cluster: &Cluster, pods: &[BestEffort]) -> Result<bool> {
    for before in pods {
        if cluster.annotations(&before.pod).await? != *before.annotations() {
            return Ok(false);
        }
        // The shaper hears of it when we do.
        let freed = until("the end of the limit", Duration::from_secs(2), async || {
            let limit = before.network.limit_bps().await?;
            Ok(Look::when(limit.is_none(), || format!("{limit:?} bit/s")))
        });
        if freed.await.is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How many of the pods are no longer there.
pub(super) async fn replaced(cluster: &Cluster, pods: &[BestEffort]) -> Result<usize> {
    let mut replaced = 0;
    for before in pods {
        let namespace = before.pod.namespace().unwrap_or_default();
        let now = cluster.pods(&namespace).get_opt(&before.name()).await?;
        let same = now.and_then(|pod| pod.uid()) == Some(uid(&before.pod)?);
        replaced += usize::from(!same);
    }
    Ok(replaced)
}
