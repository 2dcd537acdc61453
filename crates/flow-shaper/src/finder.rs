//! Looks for pods' networks without taking more than its share of a core.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use crate::interface::NamespaceId;
use crate::processes::{Found, Processes};

/// Searches that can wait are made so rarely that they take a twentieth of one core's time at most.
const REST: u32 = 20;

/// Finds the networks of pods of this node.
#[derive(Debug)]
pub(crate) struct Finder {
    processes: Processes,
    node: NamespaceId,
    rested: Instant,
}

impl Finder {
    /// `node` is the node's own network namespace.
    pub(crate) fn new(processes: Processes, node: NamespaceId) -> Self {
        Self { processes, node, rested: Instant::now() }
    }

    pub(crate) fn processes(&self) -> &Processes {
        &self.processes
    }

    /// Whether a search that can wait may be made now.
    pub(crate) fn is_rested(&self) -> bool {
        Instant::now() >= self.rested
    }

    /// Looks for these pods; `None` where that is not possible.
    pub(crate) async fn find(&mut self, uids: HashSet<String>) -> Option<HashMap<String, Found>> {
        let (processes, node) = (self.processes.clone(), self.node);
        let start = Instant::now();
        let found = tokio::task::spawn_blocking(move || processes.find(&uids, node)).await;
        self.rested = Instant::now() + start.elapsed() * REST;
        match found {
            Ok(Ok(found)) => Some(found),
            Ok(Err(error)) => {
                tracing::warn!(%error, "cannot list the node's processes");
                None
            }
            // Only where the runtime is shutting down.
            Err(_) => None,
        }
    }
}
