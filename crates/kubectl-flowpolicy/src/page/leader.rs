use super::Problem;
use crate::connection::{Ask, Connection, Failure, Within};
use crate::installation::{Installation, Lead};
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
    let namespace = &installation.system_namespace;
    let no_leader = || Problem::NoLeader(installation.clone());
    let holder = match Lead::find(connection, installation).await? {
        Lead::By(holder) => holder,
        Lead::Nobody => return Err(no_leader()),
        Lead::NotInstalled => return Err(Problem::NotInstalled(installation.clone())),
    };
    let pod = connection.get::<Pod>(namespace, &holder).await.map_err(|failure| match failure {
        Failure::NotFound { .. } => no_leader(),
        failure => failure.into(),
    })?;
    let off = || Problem::Off { installation: installation.clone(), pod: holder.clone() };
    let port = port(&pod).ok_or_else(off)?;
    Ok(Leader { namespace: namespace.clone(), pod: holder.clone(), port })
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
