//! A fault on the way to a service: every datagram waits for a random time before it is passed on.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than any datagram that comes here.
const LONGEST: usize = 2048;

type Waiting = (Instant, Vec<u8>);

/// Passes datagrams on until the socket fails. Those of one sender stay in order.
pub(crate) fn run(listen: SocketAddr, to: SocketAddr, delay_ms: u32) -> io::Result<()> {
    let (socket, mut delays) = (UdpSocket::bind(listen)?, Delays::new(delay_ms));
    let mut senders: HashMap<SocketAddr, Sender<Waiting>> = HashMap::new();
    let mut buffer = [0; LONGEST];
    loop {
        let (length, from) = socket.recv_from(&mut buffer)?;
        let datagram = buffer.get(..length).unwrap_or_default().to_vec();
        let waiting = (Instant::now() + delays.next(), datagram);
        if let Some(sender) = senders.get(&from) {
            // A sender whose thread has ended gets no answers any more: as on a broken path.
            let _ = sender.send(waiting);
            continue;
        }
        let sender = serve(socket.try_clone()?, from, to)?;
        let _ = sender.send(waiting);
        senders.insert(from, sender);
    }
}

/// Starts what passes the datagrams of one sender on, and the answers back.
fn serve(socket: UdpSocket, from: SocketAddr, to: SocketAddr) -> io::Result<Sender<Waiting>> {
    let onward = UdpSocket::bind("0.0.0.0:0")?;
    onward.connect(to)?;
    let back = onward.try_clone()?;
    let (sender, waiting) = channel();
    thread::spawn(move || pass_on(&waiting, &onward));
    thread::spawn(move || pass_back(&back, &socket, from));
    Ok(sender)
}

fn pass_on(waiting: &Receiver<Waiting>, onward: &UdpSocket) {
    for (due, datagram) in waiting {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let _ = onward.send(&datagram);
    }
}

fn pass_back(back: &UdpSocket, socket: &UdpSocket, to: SocketAddr) -> ! {
    let mut buffer = [0; LONGEST];
    loop {
        // An error is one of an earlier datagram that nobody took.
        if let Ok(length) = back.recv(&mut buffer) {
            let _ = socket.send_to(buffer.get(..length).unwrap_or_default(), to);
        }
    }
}

/// Delays from 0 up to a longest one, the same at each start: Numerical Recipes' generator is random enough.
struct Delays {
    state: u32,
    longest: Duration,
}

impl Delays {
    fn new(longest_ms: u32) -> Self {
        Self { state: 1, longest: Duration::from_millis(longest_ms.into()) }
    }

    fn next(&mut self) -> Duration {
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.longest.mul_f64(f64::from(self.state) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_fill_their_range() {
        let mut delays = Delays::new(8);
        let all: Vec<_> = (0..100).map(|_| delays.next()).collect();
        assert!(all.iter().all(|delay| *delay <= Duration::from_millis(8)));
        assert!(all.iter().any(|delay| *delay < Duration::from_millis(1)));
        assert!(all.iter().any(|delay| *delay > Duration::from_millis(7)));
    }

    #[test]
    fn answers_come_back_to_who_asked() {
        let service = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = service.local_addr().unwrap();
        let listen = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        thread::spawn(move || run(listen, to, 1));
        let asker = UdpSocket::bind("127.0.0.1:0").unwrap();
        asker.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        service.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut buffer = [0; 16];
        // The relay may not listen yet.
        let was_heard = (0..100).any(|_| {
            asker.send_to(b"a", listen).unwrap();
            service.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            service.recv_from(&mut buffer).is_ok_and(|(_, from)| service.send_to(b"answer", from).is_ok())
        });
        assert!(was_heard);
        let (length, from) = (0..100).find_map(|_| asker.recv_from(&mut buffer).ok()).unwrap();
        assert_eq!((&buffer[..length], from), (&b"answer"[..], listen));
    }
}
