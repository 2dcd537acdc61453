use super::Problem;
use crate::connection::{Ask, Connection, Failure, Within};
use crate::installation::{Installation, leader};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::api::Portforwarder;

/// The name of the port of the page, on the controller's containers.
const PORT: &str = "page";

/// The pod that serves the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub pod: String,
    /// Where it serves the page.
    pub port: u16,
}

/// The controller that leads now.
pub async fn find(connection: &Connection, installation: &Installation) -> Result<Leader, Problem> {
    let Installation { system_namespace: namespace, release } = installation;
    let lease = connection.get::<Lease>(namespace, release).await;
    let lease = lease.map_err(|failure| match failure {
        Failure::NotFound { .. } => Problem::NotInstalled(installation.clone()),
        failure => failure.into(),
    })?;
    let no_leader = || Problem::NoLeader(installation.clone());
    let holder = leader(&lease, Timestamp::now()).ok_or_else(no_leader)?;
    let pod = connection.get::<Pod>(namespace, holder).await.map_err(|failure| match failure {
        Failure::NotFound { .. } => no_leader(),
        failure => failure.into(),
    })?;
    let off = || Problem::Off { installation: installation.clone(), pod: holder.to_owned() };
    let port = port(&pod).ok_or_else(off)?;
    Ok(Leader { namespace: namespace.clone(), pod: holder.to_owned(), port })
}

fn port(pod: &Pod) -> Option<u16> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
    let page = ports.find(|port| port.name.as_deref() == Some(PORT))?;
    u16::try_from(page.container_port).ok()
}

impl Leader {
    /// A connection to the page.
    pub async fn forward(&self, connection: &Connection) -> Result<Portforwarder, Failure> {
        let pods = connection.api::<Pod>(&Within::Namespace(self.namespace.clone())).await?;
        let ports = [self.port];
        connection.answer(Ask::forward(&self.namespace), pods.portforward(&self.pod, &ports)).await
    }
}
