//! flow-manager in the cluster, installed with its chart.

use crate::cluster::{Cluster, uid};
use crate::kubectl::kubectl;
use crate::metrics::{Metrics, get, scrape};
use crate::stage::clear_policies;
use crate::wait::{Look, until};
use crate::{Error, Result, images, processes, release};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::ListParams;
use std::time::Duration;

/// Where the controller runs.
pub const NAMESPACE: &str = "flow-manager-system";
/// Where the shaper runs.
pub const SHAPER_NAMESPACE: &str = "flow-manager-shaper";

const DEFINITION: &str = "flowpolicies.flow.fustli.io";
const PATIENCE: Duration = Duration::from_mins(1);

/// Installs controller and shaper with the chart, and waits until both are ready.
pub async fn install() -> Result<()> {
    images::load().await?;
    release::install().await?;
    ready().await
}

/// Makes sure that nothing of flow-manager is in the cluster, but its image.
pub async fn absent(cluster: &Cluster) -> Result<()> {
    images::load().await?;
    // Whoever deletes the definition waits for the policies, which no operator may be there to let go.
    if kubectl(&format!("get customresourcedefinition {DEFINITION}")).await.is_ok() {
        clear_policies(cluster).await?;
    }
    release::remove().await?;
    kubectl(&format!("delete customresourcedefinition {DEFINITION} --ignore-not-found")).await.map(drop)
}

/// Waits until controller and shaper are ready.
pub async fn ready() -> Result<()> {
    kubectl(&format!("-n {NAMESPACE} rollout status deployment/flow-manager --timeout=60s")).await?;
    kubectl(&format!("-n {SHAPER_NAMESPACE} rollout status daemonset/flow-manager-shaper --timeout=60s"))
        .await?;
    Ok(())
}

/// The controller's only pod.
pub async fn controller(cluster: &Cluster) -> Result<Pod> {
    only_pod(cluster, NAMESPACE, "controller").await
}

/// The shaper's only pod: the lab has one node.
pub async fn shaper(cluster: &Cluster) -> Result<Pod> {
    only_pod(cluster, SHAPER_NAMESPACE, "shaper").await
}

/// Sets the number of controllers to 0 or 1, and waits until it is so.
pub async fn scale(replicas: u32) -> Result<()> {
    kubectl(&format!("-n {NAMESPACE} scale deployment/flow-manager --replicas={replicas}")).await?;
    let gone = "wait --for=delete pod -l app.kubernetes.io/component=controller --timeout=30s";
    if replicas == 0 { kubectl(&format!("-n {NAMESPACE} {gone}")).await.map(drop) } else { ready().await }
}

/// Sends SIGTERM to flow-manager in `pod`, and returns how long it took to end; the kubelet starts the next.
pub async fn stop(pod: &Pod) -> Result<Duration> {
    processes::terminate(processes::named(&uid(pod)?, "flow-manager")?).await
}

/// Sends a signal, such as `KILL`, to flow-manager in `pod`.
pub async fn signal(pod: &Pod, signal: &str) -> Result<()> {
    processes::signal(processes::named(&uid(pod)?, "flow-manager")?, signal).await
}

async fn only_pod(cluster: &Cluster, namespace: &str, component: &str) -> Result<Pod> {
    let (pods, labels) = (cluster.pods(namespace), format!("app.kubernetes.io/component={component}"));
    until(&format!("one pod of the {component}"), PATIENCE, async || {
        let list = pods.list(&ListParams::default().labels(&labels)).await?.items;
        let names: Vec<String> = list.iter().map(ResourceExt::name_any).collect();
        let [pod] = <[Pod; 1]>::try_from(list).map_or_else(|_| [None], |pods| pods.map(Some));
        Ok(Look::some(pod.filter(|pod| address(pod).is_ok()), || format!("{names:?}")))
    })
    .await
}

/// The controller's HTTP endpoints, which can be asked even while the API server is away.
#[derive(Clone, Debug)]
pub struct Endpoint(String);

impl Endpoint {
    /// Those of the controller that runs now.
    pub async fn of_controller(cluster: &Cluster) -> Result<Self> {
        Ok(Self(format!("http://{}:8001", address(&controller(cluster).await?)?)))
    }

    /// Those of the shaper that runs now.
    pub async fn of_shaper(cluster: &Cluster) -> Result<Self> {
        let pod = shaper(cluster).await?;
        Ok(Self(format!("http://{}:9102", address(&pod)?)))
    }

    /// All metrics.
    pub async fn metrics(&self) -> Result<Metrics> {
        scrape(&format!("{}/metrics", self.0)).await
    }

    /// Waits until `/readyz` answers with `status` and `text`.
    pub async fn readyz_says(&self, status: u16, text: &str, patience: Duration) -> Result<()> {
        until(&format!("/readyz {status} {text:?}"), patience, async || {
            let (found, said) = self.readyz().await?;
            Ok(Look::when(found == status && said.contains(text), || format!("{found} {said}")))
        })
        .await
    }

    /// The status and the text of `/readyz`.
    pub async fn readyz(&self) -> Result<(u16, String)> {
        get(&format!("{}/readyz", self.0)).await
    }
}

fn address(pod: &Pod) -> Result<String> {
    let address = pod.status.as_ref().and_then(|status| status.pod_ip.clone());
    address.ok_or_else(|| Error::Missing(format!("the address of {}", pod.name_any())))
}
