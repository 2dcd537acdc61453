//! Where probes run.

use std::io;
use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;

use crate::address_rules::AddressRules;
use crate::datagram::DatagramProbe;
use crate::event::Sink;
use crate::key::Key;
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
    key: Option<Key>,
}

/// What a prober may do, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which addresses it may probe; by default all.
    pub rules: AddressRules,
    /// What UDP probes and their answers are sealed with, if they are.
    pub key: Option<Key>,
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
    /// Starts the threads; every address may be probed.
    pub fn start() -> Result<Self, StartError> {
        Self::start_with(Options::default())
    }

    /// Starts the threads.
    pub fn start_with(options: Options) -> Result<Self, StartError> {
        Self::start_by(Names::system(), options)
    }

    pub(crate) fn start_by(names: Names, Options { rules, key }: Options) -> Result<Self, StartError> {
        let (probes, lookups) = (Worker::start("probe")?, Worker::start("probe-names")?);
        Ok(Self { probes, lookups, names: names.within(rules), key })
    }

    /// Starts to probe a target, and goes on until the handle is dropped: no fault ends it. Whatever happens
    /// is told to `sink`.
    pub fn spawn(&self, spec: ProbeSpec, sink: Arc<dyn Sink>) -> ProbeHandle {
        let spec = spec.within_limits();
        let name = self.names.follow(&spec.host, self.lookups.runtime());
        let target = Target { spec, name, sink };
        let runtime = self.probes.runtime();
        let task = match target.spec.protocol {
            Protocol::Udp | Protocol::Icmp => {
                runtime.spawn(DatagramProbe::new(target, self.key.clone()).run())
            }
            Protocol::Tcp => runtime.spawn(TcpProbe::new(target).run()),
        };
        ProbeHandle { _task: AbortOnDropHandle::new(task) }
    }
}
