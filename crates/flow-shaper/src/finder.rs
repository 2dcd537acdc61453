//! Looks for pods' networks without taking more than its share of a core.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::interface::NamespaceId;
use crate::processes::{Found, Processes};

/// How much a search matters: how large a part of one core's time such searches may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// A pod is being started and must not send before it is found: a quarter.
    Soon,
    /// A twentieth.
    CanWait,
}

impl Urgency {
    /// How many times as long as the last search took to rest after it.
    const fn rest(self) -> u32 {
        match self {
            Self::Soon => 3,
            Self::CanWait => 19,
        }
    }
}

/// Finds the networks of pods of this node.
#[derive(Debug)]
pub(crate) struct Finder {
    processes: Processes,
    node: NamespaceId,
    ended: Instant,
    took: Duration,
}

impl Finder {
    /// `node` is the node's own network namespace.
    pub(crate) fn new(processes: Processes, node: NamespaceId) -> Self {
        Self { processes, node, ended: Instant::now(), took: Duration::ZERO }
    }

    pub(crate) fn processes(&self) -> &Processes {
        &self.processes
    }

    /// Whether a search may be made now.
    pub(crate) fn is_rested(&self, urgency: Urgency) -> bool {
        self.ended.elapsed() >= self.took * urgency.rest()
    }

    /// Looks for these pods; `None` where that is not possible.
    pub(crate) async fn find(&mut self, uids: HashSet<String>) -> Option<HashMap<String, Found>> {
        let (processes, node) = (self.processes.clone(), self.node);
        let start = Instant::now();
        let found = tokio::task::spawn_blocking(move || processes.find(&uids, node)).await;
        (self.took, self.ended) = (start.elapsed(), Instant::now());
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
