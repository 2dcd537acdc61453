//! Where probes run.

use std::io;
use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;

use crate::datagram::DatagramProbe;
use crate::event::Sink;
use crate::resolve::Names;
use crate::spec::{ProbeSpec, Protocol};
use crate::target::Target;
use crate::tcp::TcpProbe;
use crate::worker::Worker;

/// Runs probes, on a thread of its own that does nothing else.
///
/// Names are looked up on a second thread, so that this work delays no probe. Dropping the prober stops all
/// its probes.
#[derive(Debug)]
pub struct Prober {
    probes: Worker,
    lookups: Worker,
    names: Names,
}

/// Why no prober can be started.
#[derive(Debug, thiserror::Error)]
#[error("the threads for probing cannot be started")]
pub struct StartError(#[from] io::Error);

/// A running probe; it stops when this is dropped.
#[derive(Debug)]
#[must_use = "the probe stops when this is dropped"]
pub struct ProbeHandle {
    _task: AbortOnDropHandle<()>,
}

impl Prober {
    /// Starts the threads.
    pub fn start() -> Result<Self, StartError> {
        Self::start_with(Names::system())
    }

    pub(crate) fn start_with(names: Names) -> Result<Self, StartError> {
        Ok(Self { probes: Worker::start("probe")?, lookups: Worker::start("probe-names")?, names })
    }

    /// Starts to probe a target, and goes on until the handle is dropped: no fault ends it. Whatever happens
    /// is told to `sink`.
    pub fn spawn(&self, spec: ProbeSpec, sink: Arc<dyn Sink>) -> ProbeHandle {
        let spec = spec.within_limits();
        let name = self.names.follow(&spec.host, self.lookups.runtime());
        let target = Target { spec, name, sink };
        let runtime = self.probes.runtime();
        let task = match target.spec.protocol {
            Protocol::Udp | Protocol::Icmp => runtime.spawn(DatagramProbe::new(target).run()),
            Protocol::Tcp => runtime.spawn(TcpProbe::new(target).run()),
        };
        ProbeHandle { _task: AbortOnDropHandle::new(task) }
    }
}
