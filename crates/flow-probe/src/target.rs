//! What all probes of one target share.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use crate::event::{Event, Sink};
use crate::problem::Problem;
use crate::resolve::Followed;
use crate::spec::ProbeSpec;

/// A target, its name being looked up, and who wants to know.
pub(crate) struct Target {
    pub(crate) spec: ProbeSpec,
    pub(crate) name: Followed,
    pub(crate) sink: Arc<dyn Sink>,
}

impl Target {
    /// Says that probes cannot be sent or are not answered, and why.
    pub(crate) fn failed(&self, problem: Problem) {
        tracing::debug!(target = %self.spec, %problem, "probing fails");
        self.sink.record(Event::Failed { at: Instant::now(), problem });
    }

    /// What an error of a socket means for this target.
    pub(crate) fn problem(&self, error: &io::Error) -> Problem {
        Problem::from_io(self.spec.endpoint(), error)
    }
}
