//! `flow-manager reflect`: answers probes, next to the service whose path is probed.

use flow_probe::{Key, KeyError, Reflector, ReflectorError};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// Where UDP probes are answered if nothing is asked for.
const DEFAULT_UDP: (Ipv4Addr, u16) = (Ipv4Addr::UNSPECIFIED, 5201);

/// Answer the probes of `flow-manager run` and `flow-manager probe`
///
/// Run it next to the critical service, so that probes take the same path as its traffic. An answer is never
/// longer than the probe, and each source gets at most 2000 a second.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Answer UDP probes to this address; may be given more than once
    ///
    /// Without --udp and --tcp: 0.0.0.0:5201. Use [::]:5201 for IPv4 and IPv6.
    #[arg(long, value_name = "ADDRESS:PORT")]
    udp: Vec<SocketAddr>,

    /// Accept TCP connections to this address and close them; may be given more than once
    #[arg(long, value_name = "ADDRESS:PORT")]
    tcp: Vec<SocketAddr>,

    /// A file with a key; may be given more than once, such as the old one and the new one
    ///
    /// With a key, UDP probes are answered only if they are sealed with one of the keys, and each probe once.
    #[arg(long, value_name = "FILE")]
    key_file: Vec<PathBuf>,
}

/// Why probes are not answered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address cannot be listened on.
    #[error(transparent)]
    Reflector(#[from] ReflectorError),
    /// A key cannot be used.
    #[error("--key-file: {0}")]
    Key(#[from] KeyError),
    /// A defect.
    #[error("a reflector has ended unexpectedly")]
    Ended(#[from] JoinError),
}

impl Args {
    fn bind(&self) -> Result<Vec<Reflector>, Error> {
        let keys: Vec<_> = self.key_file.iter().map(|file| Key::read(file)).collect::<Result<_, _>>()?;
        let default = (self.udp.is_empty() && self.tcp.is_empty()).then(|| DEFAULT_UDP.into());
        let udp = self.udp.iter().copied().chain(default);
        let udp = udp.map(|address| Ok(Reflector::udp(address)?.with_keys(keys.clone())));
        udp.chain(self.tcp.iter().map(|address| Ok(Reflector::tcp(*address)?))).collect()
    }
}

/// Answers probes until `shutdown`, each address on a thread of its own.
pub async fn run(args: Args, shutdown: CancellationToken) -> Result<(), Error> {
    let stop = shutdown.child_token();
    let _stop_all_at_the_end = stop.clone().drop_guard();
    let mut reflectors = JoinSet::new();
    for reflector in args.bind()? {
        tracing::info!(address = %reflector.local_addr()?, "answering probes");
        let stop = stop.clone();
        reflectors.spawn_blocking(move || reflector.run(&stop));
    }
    while let Some(ended) = reflectors.join_next().await {
        ended??;
    }
    Ok(())
}
