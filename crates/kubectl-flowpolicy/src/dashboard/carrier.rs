use crate::connection::Connection;
use crate::installation::Installation;
use crate::page::{Leader, Problem, find};
use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// After this machine could not accept a connection, when it tries again.
const RETRY: Duration = Duration::from_secs(1);

/// Carries connections to the controller that leads.
#[derive(Debug)]
pub struct Carrier<'a> {
    connection: &'a Connection,
    installation: &'a Installation,
    last: Mutex<Leader>,
}

impl<'a> Carrier<'a> {
    /// Carries to `leader` as long as it leads.
    #[must_use]
    pub const fn new(connection: &'a Connection, installation: &'a Installation, leader: Leader) -> Self {
        Self { connection, installation, last: Mutex::new(leader) }
    }

    /// Carries each connection to the controller that leads as it begins. What changes or fails is told by `say`.
    pub async fn carry(&self, listener: &TcpListener, say: &impl Fn(&str)) {
        let mut carried = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((socket, _)) => carried.push(self.carry_one(socket, say)),
                    Err(error) => {
                        say(&format!("warning: a connection was not accepted: {error}"));
                        sleep(RETRY).await;
                    }
                },
                Some(()) = carried.next(), if !carried.is_empty() => {}
            }
        }
    }

    async fn carry_one(&self, mut socket: TcpStream, say: &impl Fn(&str)) {
        match self.forward(&mut socket, say).await {
            Ok(None) => {}
            Ok(Some(problem)) => say(&format!("warning: the pod does not answer: {problem}")),
            Err(problem) => say(&format!("warning: {problem}")),
        }
    }

    /// Carries one connection until either end closes it; gives what the node says where it could not.
    async fn forward(&self, socket: &mut TcpStream, say: &impl Fn(&str)) -> Result<Option<String>, Problem> {
        let leader = find(self.connection, self.installation).await?;
        self.follow(&leader, say);
        let mut forwarder = leader.forward(self.connection).await?;
        let problem = forwarder.take_error(leader.port);
        if let Some(mut stream) = forwarder.take_stream(leader.port) {
            // Who closes a connection in the middle is a browser that has seen enough.
            let _ = copy_bidirectional(socket, &mut stream).await;
        }
        Ok(problem.and_then(FutureExt::now_or_never).flatten())
    }

    fn follow(&self, leader: &Leader, say: &impl Fn(&str)) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.pod != leader.pod {
            say(&format!("{} leads now, no longer {}", leader.pod, last.pod));
            *last = leader.clone();
        }
    }
}
