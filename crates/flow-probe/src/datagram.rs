//! Probes by datagram: UDP and ICMP echo.
//!
//! **What is measured.** The time of sending is read just before the send call, so the round-trip time
//! includes every queue from there on, this node's own included; it ends when the kernel of this node receives
//! the answer, and does not include the time until this process reads it, nor the time the reflector took by
//! its own account. A probe sent late is as good as any other, as its time counts from when it was sent: how
//! late it was is only reported. See [`crate::clock`] for what does falsify the time.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use tokio::time::sleep_until;

use crate::clock::{Departure, Receipt, Stamp};
use crate::datagram_socket::DatagramSocket;
use crate::event::{Discard, Event};
use crate::icmp;
use crate::key::Key;
use crate::outstanding::Outstanding;
use crate::packet::{self, Identity, Packet};
use crate::problem::Problem;
use crate::resolve::Resolution;
use crate::schedule::Schedule;
use crate::silence::Silence;
use crate::spec::Protocol;
use crate::target::Target;

/// How soon opening a socket is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Most datagrams read in a row, so that a flood does not keep this thread from sending.
const BATCH: usize = 64;

/// The probing of one target by datagrams.
pub(crate) struct DatagramProbe {
    target: Target,
    key: Option<Key>,
    session: u64,
    schedule: Schedule,
    outstanding: Outstanding,
    silence: Silence,
    link: Link,
}

/// The way to the target.
enum Link {
    /// Its address is not known.
    Unresolved,
    /// There is a socket.
    Open { peer: SocketAddr, socket: Box<DatagramSocket> },
    /// There is none; time for the next attempt is at `retry_at`.
    Broken { peer: SocketAddr, retry_at: Instant },
}

impl Link {
    fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Unresolved => None,
            Self::Open { peer, .. } | Self::Broken { peer, .. } => Some(*peer),
        }
    }

    async fn readable(&self) {
        match self {
            Self::Open { socket, .. } => socket.readable().await,
            Self::Unresolved | Self::Broken { .. } => std::future::pending().await,
        }
    }
}

impl DatagramProbe {
    pub(crate) fn new(target: Target, key: Option<Key>) -> Self {
        let now = Instant::now();
        Self {
            key,
            session: rand::random(),
            schedule: Schedule::starting(now, target.spec.interval),
            outstanding: Outstanding::new(target.spec.timeout),
            silence: Silence::starting(now),
            link: Link::Unresolved,
            target,
        }
    }

    /// Probes until dropped. Within a runtime only.
    pub(crate) async fn run(mut self) {
        self.follow_name();
        loop {
            let wake_at = self.wake_at();
            tokio::select! {
                () = self.target.name.changed() => self.follow_name(),
                () = self.link.readable() => self.receive(),
                () = wait_until(wake_at) => self.tick(Instant::now()),
            }
        }
    }

    fn wake_at(&mut self) -> Option<Instant> {
        let action = match self.link {
            Link::Unresolved => None,
            Link::Open { .. } => Some(self.schedule.due()),
            Link::Broken { retry_at, .. } => Some(retry_at),
        };
        action.into_iter().chain(self.outstanding.next_deadline()).min()
    }

    fn follow_name(&mut self) {
        match self.target.name.current() {
            Resolution::Pending => {}
            Resolution::Address(address) => {
                let peer = SocketAddr::new(address, self.target.spec.port);
                if self.link.peer() != Some(peer) {
                    self.abandon();
                    self.open(peer);
                }
            }
            Resolution::Unresolved(problem) => {
                self.abandon();
                self.link = Link::Unresolved;
                self.target.failed(problem);
            }
        }
    }

    fn abandon(&mut self) {
        self.receive();
        self.outstanding.abandon(Discard::AddressChanged, &*self.target.sink);
    }

    fn open(&mut self, peer: SocketAddr) {
        let now = Instant::now();
        let opened = match self.target.spec.protocol {
            Protocol::Icmp => DatagramSocket::ping(peer),
            Protocol::Udp | Protocol::Tcp => DatagramSocket::udp(peer),
        };
        if !matches!(self.link, Link::Open { .. }) {
            self.schedule = Schedule::starting(now, self.target.spec.interval);
            self.silence = Silence::starting(now);
        }
        self.link = match opened {
            Ok(socket) => Link::Open { peer, socket: Box::new(socket) },
            Err(error) => {
                self.target.failed(self.open_problem(&error));
                Link::Broken { peer, retry_at: now + RETRY }
            }
        };
    }

    fn open_problem(&self, error: &io::Error) -> Problem {
        match (self.target.spec.protocol, error.kind()) {
            (Protocol::Icmp, io::ErrorKind::PermissionDenied) => {
                Problem::PingNotPermitted { endpoint: self.target.spec.endpoint() }
            }
            _ => self.target.problem(error),
        }
    }

    fn tick(&mut self, now: Instant) {
        self.receive();
        self.outstanding.expire(now, &*self.target.sink);
        match self.link {
            Link::Unresolved => {}
            Link::Broken { peer, retry_at } => {
                if now >= retry_at {
                    self.open(peer);
                }
            }
            Link::Open { peer, .. } => {
                self.heed_silence(peer, now);
                if now >= self.schedule.due() {
                    self.send(peer, now);
                }
            }
        }
    }

    fn heed_silence(&mut self, peer: SocketAddr, now: Instant) {
        if self.silence.is_time_to_look_up(now) {
            self.target.name.look_up_again();
        }
        if self.silence.is_time_to_reopen(now) {
            self.open(peer);
        }
    }

    fn send(&mut self, peer: SocketAddr, now: Instant) {
        let timer_error = now.saturating_duration_since(self.schedule.due());
        self.schedule.advance(now);
        let identity = Identity { session: self.session, sequence: self.outstanding.next_sequence() };
        let datagram = self.datagram(peer, identity);
        let (departure, outcome) = match self.attempt(&datagram) {
            (_, Err(error)) if !would_block(&error) => self.attempt_again(&datagram, &error),
            attempted => attempted,
        };
        match outcome {
            Ok(()) => self.sent(departure, timer_error),
            // The queue of this node is full, which is as much a loss as in any other queue.
            Err(error) if would_block(&error) => self.sent(departure, timer_error),
            Err(error) => self.fault(peer, &error),
        }
    }

    fn datagram(&self, peer: SocketAddr, identity: Identity) -> Vec<u8> {
        let mut packet = packet::probe(identity);
        match self.target.spec.protocol {
            Protocol::Icmp => icmp::request(peer, identity.sequence, &packet),
            Protocol::Udp | Protocol::Tcp => {
                if let Some(key) = &self.key {
                    key.seal(&mut packet);
                }
                packet.to_vec()
            }
        }
    }

    fn attempt(&self, datagram: &[u8]) -> (Departure, io::Result<()>) {
        let at = Stamp::now();
        let outcome = match &self.link {
            Link::Open { socket, .. } => socket.send(datagram),
            Link::Unresolved | Link::Broken { .. } => Err(io::ErrorKind::NotConnected.into()),
        };
        (Departure { at, took: at.monotonic.elapsed() }, outcome)
    }

    /// What became of an earlier probe is said in place of sending this one; a fault of this node is still there.
    fn attempt_again(&self, datagram: &[u8], said: &io::Error) -> (Departure, io::Result<()>) {
        let (departure, outcome) = self.attempt(datagram);
        if outcome.is_ok() {
            self.target.failed(self.target.problem(said));
        }
        (departure, outcome)
    }

    fn sent(&mut self, departure: Departure, timer_error: Duration) {
        self.outstanding.sent(departure);
        self.target.sink.record(Event::Sent { sent_at: departure.at.monotonic, timer_error });
    }

    /// Takes what a socket says; after a fault of this node another one is needed.
    fn fault(&mut self, peer: SocketAddr, error: &io::Error) {
        let problem = self.target.problem(error);
        if !problem.is_remote() {
            self.link = Link::Broken { peer, retry_at: Instant::now() + RETRY };
        }
        self.target.failed(problem);
    }

    fn receive(&mut self) {
        for _ in 0..BATCH {
            let Link::Open { peer, socket } = &mut self.link else {
                return;
            };
            let peer = *peer;
            match socket.receive() {
                Ok((datagram, received)) => {
                    let read = Stamp::now();
                    let answer = answer(self.target.spec.protocol, self.key.as_ref(), peer, datagram);
                    self.answered(answer, received, read);
                }
                Err(error) if would_block(&error) => return,
                // What a router or the target says of one probe: others are under way on this socket.
                Err(error) => self.target.failed(self.target.problem(&error)),
            }
        }
    }

    fn answered(&mut self, answer: Option<(Identity, Duration)>, received: SystemTime, read: Stamp) {
        let sink = &*self.target.sink;
        match answer {
            Some((identity, residence)) if identity.session == self.session => {
                self.silence.broken(read.monotonic);
                self.outstanding.answered(identity.sequence, &Receipt { received, read, residence }, sink);
            }
            _ => sink.record(Event::Stray),
        }
    }
}

/// Whether a queue of this node is full, or an empty one was to be read.
fn would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// Reads an answer: which probe it is to, and how long the reflector had it.
pub(crate) fn answer(
    protocol: Protocol,
    key: Option<&Key>,
    peer: SocketAddr,
    datagram: &[u8],
) -> Option<(Identity, Duration)> {
    let packet = match protocol {
        Protocol::Icmp => icmp::reply(peer, datagram)?,
        Protocol::Udp | Protocol::Tcp => datagram,
    };
    if packet.len() != packet::LENGTH {
        return None;
    }
    match (protocol, packet::decode(packet)?) {
        (Protocol::Icmp, Packet::Probe(identity)) => Some((identity, Duration::ZERO)),
        (Protocol::Udp, Packet::Answer { identity, residence }) => {
            key.is_none_or(|key| key.sealed(packet)).then_some((identity, residence))
        }
        _ => None,
    }
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread::sleep;

    use tokio::runtime::Handle;

    use super::*;
    use crate::recorder::Recorder;
    use crate::resolve::Names;
    use crate::spec::ProbeSpec;

    #[tokio::test]
    async fn answer_that_came_in_time_is_no_loss_though_this_thread_was_held_up() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let peer = socket.local_addr().unwrap();
        let (interval, timeout) = (Duration::from_mins(1), Duration::from_millis(200));
        let (protocol, host) = (Protocol::Udp, peer.ip().to_string());
        let spec = ProbeSpec { protocol, host, port: peer.port(), interval, timeout };
        let (name, events) =
            (Names::system().follow("127.0.0.1", &Handle::current()), Arc::new(Recorder::default()));
        let mut probe = DatagramProbe::new(Target { spec, name, sink: events.clone() }, None);
        probe.follow_name();
        let answered = |event: &Event| matches!(event, Event::Answered { .. });
        // The kernel begins to stamp a little after it was asked to; from then on the first is answered.
        let mut attempts = 0..10;
        while events.count(answered) == 0 {
            assert!(attempts.next().is_some(), "{:?}", events.all());
            probe.send(peer, Instant::now());
            let mut datagram = [0; packet::LENGTH];
            let (_, from) = socket.recv_from(&mut datagram).unwrap();
            assert!(packet::answer(&mut datagram, SystemTime::now(), SystemTime::now()));
            socket.send_to(&datagram, from).unwrap();
            sleep(timeout * 2);
            probe.tick(Instant::now());
        }
    }
}
