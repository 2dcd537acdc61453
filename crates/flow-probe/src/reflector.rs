//! The endpoint that answers probes.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::key::Key;
use crate::udp_reflector::UdpReflector;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;
/// How long to wait after a fault that may still be there, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers UDP probes, or accepts TCP connections and closes them.
///
/// An answer is exactly as long as the probe, so nothing is to be gained by forging a source; and each source
/// is limited to 2000 answers a second. Whatever is not a probe is ignored; with keys, so is what is not sealed with one
/// of them, and what came before.
#[derive(Debug)]
pub struct Reflector {
    socket: Socket,
    kind: Kind,
    keys: Vec<Key>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Udp,
    Tcp,
}

/// Why a reflector cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum ReflectorError {
    /// The address cannot be listened on.
    #[error("cannot listen on {protocol} {address}")]
    Bind {
        /// `UDP` or `TCP`.
        protocol: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The socket cannot be used.
    #[error("the reflector cannot be started")]
    Start(#[from] io::Error),
}

impl Reflector {
    /// Answers UDP probes to `address`. With an unspecified address it answers on all, each from the address
    /// that was probed.
    pub fn udp(address: SocketAddr) -> Result<Self, ReflectorError> {
        let bind = || {
            let socket =
                Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
            UdpReflector::prepare(&socket, address)?;
            socket.bind(&address.into())?;
            Ok(socket)
        };
        let socket = bind().map_err(|source| ReflectorError::Bind { protocol: "UDP", address, source })?;
        Ok(Self { socket, kind: Kind::Udp, keys: Vec::new() })
    }

    /// The same, but UDP probes are answered only if they are sealed with one of `keys`, and each once. Without any key,
    /// all are.
    #[must_use]
    pub fn with_keys(self, keys: Vec<Key>) -> Self {
        Self { keys, ..self }
    }

    /// Accepts TCP connections to `address` and closes them.
    pub fn tcp(address: SocketAddr) -> Result<Self, ReflectorError> {
        let bind = || {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), None)?;
            socket.set_reuse_address(true)?;
            socket.bind(&address.into())?;
            socket.listen(BACKLOG)?;
            Ok(socket)
        };
        let socket = bind().map_err(|source| ReflectorError::Bind { protocol: "TCP", address, source })?;
        Ok(Self { socket, kind: Kind::Tcp, keys: Vec::new() })
    }

    /// Where it listens: tells the port where 0 was asked for.
    pub fn local_addr(&self) -> Result<SocketAddr, ReflectorError> {
        let address = self.socket.local_addr()?.as_socket();
        Ok(address.ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?)
    }

    /// Answers until told to stop. Blocks: give it a thread of its own, so that nothing delays the answers.
    pub fn run(self, shutdown: &CancellationToken) -> Result<(), ReflectorError> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            match self.kind {
                Kind::Udp => {
                    shutdown.run_until_cancelled(UdpReflector::new(self.socket, self.keys)?.run()).await
                }
                Kind::Tcp => {
                    let listener = TcpListener::from_std(self.socket.into())?;
                    shutdown.run_until_cancelled(accept(listener)).await
                }
            };
            Ok(())
        })
    }
}

async fn accept(listener: TcpListener) {
    loop {
        if let Err(error) = listener.accept().await {
            tracing::warn!(%error, "cannot accept a connection");
            sleep(PAUSE).await;
        }
    }
}
