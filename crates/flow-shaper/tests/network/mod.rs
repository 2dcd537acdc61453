//! Two network namespaces made for a test: a pod's, with `eth0`, and that of a peer. Both go when this is dropped.

#![expect(dead_code, reason = "each test file uses its own part of this")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use flow_shaper::{Counters, Interface, NamespaceId, Root};
use nix::sched::{CloneFlags, setns};

static NUMBER: AtomicU8 = AtomicU8::new(0);

/// How long a transfer may notice late that it is to stop, also where nothing moves any more.
const STOPS_WITHIN: Duration = Duration::from_millis(200);

/// A pod's network and its peer's.
pub(crate) struct Network {
    name: String,
    number: u8,
}

impl Network {
    pub(crate) fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let network = Self { name: format!("shaper-{}-{number}", std::process::id()), number };
        let (pod, peer) = (network.pod(), network.peer());
        ip(&["netns", "add", &pod]);
        ip(&["netns", "add", &peer]);
        ip(&["link", "add", "eth0", "netns", &pod, "type", "veth", "peer", "name", "peer0", "netns", &peer]);
        ip(&["-n", &pod, "addr", "add", &format!("198.18.{number}.1/24"), "dev", "eth0"]);
        ip(&["-n", &peer, "addr", "add", &format!("198.18.{number}.2/24"), "dev", "peer0"]);
        ip(&["-n", &pod, "link", "set", "eth0", "up"]);
        ip(&["-n", &peer, "link", "set", "peer0", "up"]);
        network
    }

    pub(crate) fn pod(&self) -> String {
        format!("{}-pod", self.name)
    }

    pub(crate) fn peer(&self) -> String {
        format!("{}-peer", self.name)
    }

    pub(crate) fn peer_address(&self, port: u16) -> SocketAddr {
        SocketAddr::from(([198, 18, self.number, 2], port))
    }

    /// The file of the pod's namespace.
    pub(crate) fn path(&self) -> PathBuf {
        namespace(&self.pod())
    }

    pub(crate) async fn interface(&self) -> Interface {
        Interface::open(self.path(), NamespaceId::of(&self.path()).unwrap()).await.unwrap()
    }

    /// What is at the root of the pod's interface.
    pub(crate) async fn root(&self) -> Root {
        self.interface().await.look().await.unwrap().root
    }

    /// Waits until that is as wanted.
    pub(crate) async fn wait_for_root(&self, wanted: impl Fn(&Root) -> bool) {
        let start = Instant::now();
        let interface = self.interface().await;
        loop {
            let root = interface.look().await.unwrap().root;
            if wanted(&root) {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(5), "waited in vain; the root is {root:?}");
        }
    }

    /// Runs tc on the pod's `eth0`, to do what somebody else might.
    pub(crate) fn tc(&self, arguments: &[&str]) -> String {
        run("tc", &[&["-n", &self.pod()], arguments].concat())
    }

    /// The mean size of the packets that have left the pod's interface, in bytes. The queueing discipline itself counts
    /// the segments of a packet that it lets pass whole; the interface does not.
    pub(crate) fn mean_packet(&self) -> u64 {
        let shown = run("ip", &["-n", &self.pod(), "-j", "-s", "link", "show", "dev", "eth0"]);
        let shown: Vec<serde_json::Value> = serde_json::from_str(&shown).unwrap();
        let sent = |what| shown.first()?.pointer(&format!("/stats64/tx/{what}"))?.as_u64();
        sent("bytes").unwrap() / sent("packets").unwrap()
    }

    /// Takes the name `eth0` from the pod's interface.
    pub(crate) fn rename(&self) {
        ip(&["-n", &self.pod(), "link", "set", "eth0", "down"]);
        ip(&["-n", &self.pod(), "link", "set", "eth0", "name", "eth1"]);
    }

    /// Gives it back.
    pub(crate) fn name_back(&self) {
        ip(&["-n", &self.pod(), "link", "set", "eth1", "name", "eth0"]);
        ip(&["-n", &self.pod(), "link", "set", "eth0", "up"]);
    }

    /// Sends as much as TCP can from the pod to its peer, until dropped.
    pub(crate) fn flood(&self) -> Flood {
        Flood::start(self)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in [self.pod(), self.peer()] {
            let _ = Command::new("ip").args(["netns", "del", &name]).output();
        }
    }
}

fn namespace(name: &str) -> PathBuf {
    PathBuf::from("/run/netns").join(name)
}

fn ip(arguments: &[&str]) {
    run("ip", arguments);
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs something in a thread within a namespace.
pub(crate) fn within<T: Send + 'static>(
    name: &str,
    task: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let file = File::open(namespace(name)).unwrap();
    thread::spawn(move || {
        setns(file, CloneFlags::CLONE_NEWNET).unwrap();
        task()
    })
}

/// A TCP transfer that never ends by itself.
pub(crate) struct Flood {
    received: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Flood {
    fn start(network: &Network) -> Self {
        let received = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let address = network.peer_address(5201);
        let listener = within(&network.peer(), move || TcpListener::bind(address).unwrap()).join().unwrap();
        let count = Arc::clone(&received);
        let stopped = Arc::clone(&stop);
        let receive = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(STOPS_WITHIN)).unwrap();
            let mut buffer = vec![0; 256 * 1024];
            while !stopped.load(Ordering::Relaxed) {
                // A read that runs into its timeout brings nothing.
                let length = stream.read(&mut buffer).unwrap_or(0);
                count.fetch_add(u64::try_from(length).unwrap(), Ordering::Relaxed);
            }
        });
        let stopped = Arc::clone(&stop);
        let send = within(&network.pod(), move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_write_timeout(Some(STOPS_WITHIN)).unwrap();
            let buffer = vec![0; 256 * 1024];
            while !stopped.load(Ordering::Relaxed) {
                // A write that runs into its timeout is only slow.
                let _ = stream.write(&buffer);
            }
        });
        Self { received, stop, threads: vec![send, receive] }
    }

    /// Bits per second that arrive during that time.
    pub(crate) fn arriving(&self, time: Duration) -> f64 {
        let (start, before) = (Instant::now(), self.received.load(Ordering::Relaxed));
        thread::sleep(time);
        let bytes = self.received.load(Ordering::Relaxed) - before;
        f64::from(u32::try_from(bytes).unwrap()) * 8.0 / start.elapsed().as_secs_f64()
    }

    /// Waits until something has arrived.
    pub(crate) fn wait_for_arrival(&self) {
        let before = self.received.load(Ordering::Relaxed);
        let start = Instant::now();
        while self.received.load(Ordering::Relaxed) == before {
            assert!(start.elapsed() < Duration::from_secs(5), "nothing arrives");
            thread::yield_now();
        }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// The counters of our filter, which must be there.
pub(crate) fn counters(root: &Root) -> Counters {
    match root {
        Root::Ours(_, counters) => *counters,
        other => panic!("not ours: {other:?}"),
    }
}
