//! Probers and reflectors on real sockets.

mod bad_path;
mod icmp;
mod icmp_errors;
mod names;
mod network;
mod reflector;
mod tcp;
mod udp;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::event::Event;
use crate::recorder::Recorder;
use crate::{ProbeHandle, ProbeSpec, Prober, Protocol, Reflector};

/// A probe of `address`, 200 ms of timeout, as often as allowed but no more than every 5 ms.
fn spec(protocol: Protocol, host: &str, port: u16) -> ProbeSpec {
    let (interval, timeout) = (Duration::from_millis(5), Duration::from_millis(200));
    ProbeSpec { protocol, host: host.into(), port, interval, timeout }
}

/// A probe that runs, and what it says.
struct Probing {
    _prober: Prober,
    _handle: ProbeHandle,
    events: Arc<Recorder>,
}

impl Probing {
    fn of(spec: ProbeSpec) -> Self {
        Self::with(Prober::start().unwrap(), spec)
    }

    fn with(prober: Prober, spec: ProbeSpec) -> Self {
        let events = Arc::new(Recorder::default());
        Self { _handle: prober.spawn(spec, events.clone()), _prober: prober, events }
    }
}

/// A reflector that runs until this is dropped.
struct Reflecting {
    address: SocketAddr,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Reflecting {
    fn udp(address: &str) -> Self {
        Self::start(Reflector::udp(address.parse().unwrap()).unwrap())
    }

    fn tcp(address: &str) -> Self {
        Self::start(Reflector::tcp(address.parse().unwrap()).unwrap())
    }

    fn start(reflector: Reflector) -> Self {
        let (address, stop) = (reflector.local_addr().unwrap(), CancellationToken::new());
        let stopped = stop.clone();
        let thread = Some(thread::spawn(move || reflector.run(&stopped).unwrap()));
        Self { address, stop, thread }
    }
}

impl Drop for Reflecting {
    fn drop(&mut self) {
        self.stop.cancel();
        self.thread.take().unwrap().join().unwrap();
    }
}

/// A peer that does with each datagram what a test wants, until this is dropped.
struct Peer {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    fn start(on_datagram: impl FnMut(&UdpSocket, &mut [u8], SocketAddr) + Send + 'static) -> Self {
        Self::start_on(UdpSocket::bind("127.0.0.1:0").unwrap(), on_datagram)
    }

    fn start_on(
        socket: UdpSocket,
        mut on_datagram: impl FnMut(&UdpSocket, &mut [u8], SocketAddr) + Send + 'static,
    ) -> Self {
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let (address, stop) = (socket.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            let mut buffer = [0; 2048];
            while !stopped.load(Ordering::Relaxed) {
                if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                    on_datagram(&socket, &mut buffer[..length], from);
                }
            }
        });
        Self { address, stop, thread: Some(thread) }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn is_answered(event: &Event) -> bool {
    matches!(event, Event::Answered { .. })
}

fn is_lost(event: &Event) -> bool {
    matches!(event, Event::Lost { .. })
}
