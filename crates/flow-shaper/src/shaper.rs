//! How an agent is made and run.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::finder::Finder;
use crate::processes::Processes;
use crate::report::NodeReport;
use crate::reports::Reports;
use crate::watching;

/// What an agent has to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The node whose pods are its own.
    pub node_name: String,
    /// A `/proc` that shows all processes of the node.
    pub proc_root: PathBuf,
    /// Time between two measurements of each limited pod.
    pub measure_interval: Duration,
}

/// Why an agent cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Without it, the node's network could be taken for a pod's.
    #[error(
        "cannot tell the node's own network namespace from {proc_root} (CAP_SYS_PTRACE is needed): {source}"
    )]
    NodeNamespace {
        /// The `/proc` looked at.
        proc_root: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An interval of nothing.
    #[error("the measuring interval must not be 0")]
    NoInterval,
    /// The watch has ended, which it never does.
    #[error("the watch of the node's pods has ended")]
    WatchEnded,
}

/// The agent of a node.
#[derive(Debug)]
pub struct Shaper {
    config: Config,
    processes: Processes,
    pods: Api<Pod>,
    sender: watch::Sender<Arc<NodeReport>>,
    reports: Reports,
}

impl Shaper {
    /// An agent that watches through this client.
    #[must_use]
    pub fn new(client: Client, config: Config) -> Self {
        let (sender, reports) =
            Reports::new(NodeReport { node: config.node_name.clone(), ..NodeReport::default() });
        let processes = Processes::new(config.proc_root.clone());
        Self { processes, pods: Api::all(client), config, sender, reports }
    }

    /// What the agent has to say, while it runs.
    #[must_use]
    pub fn reports(&self) -> Reports {
        self.reports.clone()
    }

    /// Runs until told to stop. Limits stay in force after that; an agent started later takes them over.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        if self.config.measure_interval.is_zero() {
            return Err(Error::NoInterval);
        }
        let node = self
            .processes
            .node_namespace()
            .map_err(|source| Error::NodeNamespace { proc_root: self.config.proc_root.clone(), source })?;
        let own_pods = watcher::Config::default().fields(&format!("spec.nodeName={}", self.config.node_name));
        let events = watching::watch(self.pods.clone(), own_pods);
        let mut agent = Agent::new(self.config, Finder::new(self.processes, node), self.sender);
        tokio::select! {
            () = shutdown.cancelled() => Ok(()),
            () = agent.run(events) => Err(Error::WatchEnded),
        }
    }
}
