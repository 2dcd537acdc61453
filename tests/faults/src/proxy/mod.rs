//! A proxy between the operator and a server, that makes faults.
//!
//! Towards the operator it speaks plain HTTP on a port of 127.0.0.1, towards the server whatever that speaks. What the
//! operator shows of itself, such as its token, is passed on, so that its permissions hold. Bodies are passed on as
//! they come, so that watches work.

mod asked;
mod events;
mod fault;
mod relay;
#[cfg(test)]
mod tests;
mod upstream;

pub use asked::Asked;
pub use fault::{Answer, Fate, Fault, Hook, hook};
pub use upstream::Upstream;

use flow_e2e::Result;
use relay::Relay;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A proxy that makes faults, until it is dropped.
pub struct Proxy {
    address: SocketAddr,
    relay: Arc<Relay>,
    server: JoinHandle<()>,
}

impl Proxy {
    /// Starts one before `upstream`. At first it passes everything on.
    pub async fn start(upstream: Upstream) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let relay = Arc::new(Relay::new(upstream));
        let server = tokio::spawn(relay::serve(listener, Arc::clone(&relay)));
        Ok(Self { address, relay, server })
    }

    /// Where it listens, as in `http://127.0.0.1:34567`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on each request meets the fault that `rule` chooses. It is asked once for each request, in their order.
    pub fn on_request(&self, rule: impl Fn(&Asked) -> Fault + Send + Sync + 'static) {
        self.relay.on_request(Arc::new(rule));
    }

    /// From now on each event of a watch, also of one that is open already, meets the fate that `rule` chooses. An event
    /// is a line of JSON.
    pub fn on_event(&self, rule: impl Fn(&Asked, &str) -> Fate + Send + Sync + 'static) {
        self.relay.on_event(Arc::new(rule));
    }

    /// From now on all connections are broken, and new ones too as soon as they are made.
    pub fn part(&self) {
        self.relay.part(true);
    }

    /// From now on everything is passed on; events that were held come now.
    pub fn heal(&self) {
        self.on_request(|_| Fault::Pass);
        self.on_event(|_, _| Fate::Pass);
        self.relay.part(false);
    }

    /// Ends all watches that are open, as a server does when their time is over.
    pub fn close_watches(&self) {
        self.relay.close_watches();
    }

    /// All requests since the start, or since [`Self::forget`].
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.relay.asked()
    }

    /// Those of them that change something, if they reach the server.
    #[must_use]
    pub fn writes(&self) -> Vec<Asked> {
        self.asked().into_iter().filter(Asked::is_write).collect()
    }

    /// Forgets the requests, and the lists of [`Fault::Old`].
    pub fn forget(&self) {
        self.relay.forget();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.relay.part(true);
        self.server.abort();
    }
}
