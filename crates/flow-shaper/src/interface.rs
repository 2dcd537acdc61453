//! The network interface of a pod: its root queueing discipline, read and set over netlink.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{io, thread};

use futures::{StreamExt, TryStreamExt};
use nix::sched::{CloneFlags, setns};
use rtnetlink::packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use rtnetlink::packet_route::link::{LinkAttribute, LinkExtentMask};
use rtnetlink::packet_route::tc::{TcAttribute, TcHandle, TcHeader, TcMessage, TcStats2};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::{Error as RtnetlinkError, Handle};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::tbf::Tbf;
use crate::wire::{self, Shown};

/// The interface that every container runtime gives a pod.
const DEVICE: &str = "eth0";
/// Marks a queueing discipline as ours, also to an agent started later.
pub const HANDLE: TcHandle = TcHandle { major: 0xf10e, minor: 0 };
/// The kernel answers within microseconds; a request that takes longer has been lost.
const PATIENCE: Duration = Duration::from_secs(1);

/// A network namespace: device and inode of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NamespaceId(u64, u64);

impl NamespaceId {
    /// The namespace behind a file such as `/proc/1/ns/net`.
    pub fn of(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|metadata| Self(metadata.dev(), metadata.ino()))
    }

    fn of_file(file: &File) -> io::Result<Self> {
        file.metadata().map(|metadata| Self(metadata.dev(), metadata.ino()))
    }
}

/// Why a pod's interface cannot be read or set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InterfaceError {
    /// The namespace's file cannot be opened.
    #[error("cannot open the network namespace {path}: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file shows another namespace than when it was looked up.
    #[error("the network namespace {path} has changed")]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// The kernel does not let us in.
    #[error("cannot enter the network namespace (CAP_SYS_ADMIN is needed): {0}")]
    Enter(#[source] nix::Error),
    /// No thread or no netlink socket.
    #[error("cannot open a netlink socket: {0}")]
    Socket(#[source] io::Error),
    /// The namespace has no such interface.
    #[error("there is no interface {DEVICE}")]
    NoDevice,
    /// The kernel refuses a request.
    #[error("netlink: cannot {action}: {source}")]
    Refused {
        /// What was asked for.
        action: &'static str,
        /// The kernel's answer.
        source: RtnetlinkError,
    },
    /// The kernel does not answer.
    #[error("netlink: no answer when asked to {action}")]
    Silent {
        /// What was asked for.
        action: &'static str,
    },
}

/// What is found at the root of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// What the kernel attaches by itself.
    Default,
    /// A token bucket filter with our handle.
    Ours(Shown, Counters),
    /// Somebody else's.
    Foreign {
        /// Its kind, such as `htb`.
        kind: String,
        /// Its handle's major number.
        major: u16,
    },
}

/// The counters of a queueing discipline, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bytes sent, with link headers.
    pub bytes: u64,
    /// Packets sent.
    pub packets: u32,
    /// Packets dropped.
    pub drops: u32,
    /// How often a packet had to wait.
    pub overlimits: u32,
    /// Bytes waiting.
    pub backlog: u32,
}

/// An interface as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its number in its namespace.
    pub index: i32,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// Its root queueing discipline.
    pub root: Root,
}

/// `eth0` in the network namespace of a pod.
#[derive(Debug)]
pub struct Interface {
    netlink: Handle,
    _connection: AbortOnDropHandle<()>,
}

impl Interface {
    /// Opens a netlink socket in the namespace behind `path`, provided that it is the one expected.
    ///
    /// A socket belongs to the namespace of the thread that opened it, so a thread of its own goes in and ends there.
    pub async fn open(path: PathBuf, expected: NamespaceId) -> Result<Self, InterfaceError> {
        let (sender, receiver) = oneshot::channel();
        let runtime = tokio::runtime::Handle::current();
        let enter = move || {
            let _context = runtime.enter();
            // The receiver is gone only where the agent is stopping.
            let _ = sender.send(Self::open_here(&path, expected));
        };
        thread::Builder::new().name("enter-netns".into()).spawn(enter).map_err(InterfaceError::Socket)?;
        receiver.await.unwrap_or_else(|_| Err(InterfaceError::Socket(io::ErrorKind::Interrupted.into())))
    }

    fn open_here(path: &Path, expected: NamespaceId) -> Result<Self, InterfaceError> {
        let failed = |source| InterfaceError::Open { path: path.to_owned(), source };
        let namespace = File::open(path).map_err(failed)?;
        if NamespaceId::of_file(&namespace).map_err(failed)? != expected {
            return Err(InterfaceError::Replaced { path: path.to_owned() });
        }
        setns(namespace, CloneFlags::CLONE_NEWNET).map_err(InterfaceError::Enter)?;
        let (connection, netlink, _) = rtnetlink::new_connection().map_err(InterfaceError::Socket)?;
        let connection = AbortOnDropHandle::new(tokio::spawn(connection));
        Ok(Self { netlink, _connection: connection })
    }

    /// The interface, its root queueing discipline and the counters of that.
    pub async fn look(&self) -> Result<Seen, InterfaceError> {
        let (index, mtu) =
            within("read the interface", self.device()).await?.ok_or(InterfaceError::NoDevice)?;
        let root = within("read its queueing discipline", self.root(index)).await?;
        Ok(Seen { index, mtu, root })
    }

    /// Sets the filter; one with our handle is changed in place, and keeps its queue and counters.
    pub async fn set(&self, index: i32, tbf: &Tbf) -> Result<(), InterfaceError> {
        let attributes =
            vec![TcAttribute::Kind(wire::KIND.to_owned()), TcAttribute::Options(wire::encode(tbf))];
        let message = RouteNetlinkMessage::NewQueueDiscipline(ours(index, attributes));
        within("set the limit", self.execute(message, NLM_F_CREATE | NLM_F_REPLACE)).await
    }

    /// Takes our filter away, so that the kernel's default is there again.
    pub async fn remove(&self, index: i32) -> Result<(), InterfaceError> {
        let message = RouteNetlinkMessage::DelQueueDiscipline(ours(index, Vec::new()));
        within("remove the limit", self.execute(message, 0)).await
    }

    async fn device(&self) -> Result<Option<(i32, u32)>, RtnetlinkError> {
        let request = self.netlink.link().get().match_name(DEVICE);
        let request = request.set_filter_mask(AddressFamily::Unspec, vec![LinkExtentMask::SkipStats]);
        let link = match request.execute().try_next().await {
            Err(RtnetlinkError::NetlinkError(error)) if error.raw_code() == -NO_SUCH_DEVICE => {
                return Ok(None);
            }
            other => other?,
        };
        Ok(link.and_then(|link| {
            let mtu = link.attributes.iter().find_map(|attribute| match attribute {
                LinkAttribute::Mtu(mtu) => Some(*mtu),
                _ => None,
            })?;
            Some((i32::try_from(link.header.index).ok()?, mtu))
        }))
    }

    async fn root(&self, index: i32) -> Result<Root, RtnetlinkError> {
        let mut found = Root::Default;
        let mut messages = self.netlink.qdisc().get().index(index).execute();
        // Read to the end: a dump left half read would answer the next request.
        while let Some(message) = messages.try_next().await? {
            if message.header.index == index && message.header.parent == TcHandle::ROOT {
                found = classify(&message);
            }
        }
        Ok(found)
    }

    async fn execute(&self, message: RouteNetlinkMessage, flags: u16) -> Result<(), RtnetlinkError> {
        let mut request = NetlinkMessage::from(message);
        request.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        let mut answers = self.netlink.clone().request(request)?;
        while let Some(answer) = answers.next().await {
            if let NetlinkPayload::Error(error) = answer.payload {
                return Err(RtnetlinkError::NetlinkError(error));
            }
        }
        Ok(())
    }
}

/// ENODEV, the kernel's answer to a name that no interface has.
const NO_SUCH_DEVICE: i32 = 19;

async fn within<T>(
    action: &'static str,
    request: impl Future<Output = Result<T, RtnetlinkError>>,
) -> Result<T, InterfaceError> {
    match timeout(PATIENCE, request).await {
        Ok(answer) => answer.map_err(|source| InterfaceError::Refused { action, source }),
        Err(_) => Err(InterfaceError::Silent { action }),
    }
}

fn ours(index: i32, attributes: Vec<TcAttribute>) -> TcMessage {
    let header = TcHeader { index, handle: HANDLE, parent: TcHandle::ROOT, ..TcHeader::default() };
    TcMessage::from_parts(header, attributes)
}

/// The kernel gives what it attaches by itself the handle 0, and what anybody sets another one.
fn classify(message: &TcMessage) -> Root {
    let mut kind = "";
    let mut shown = None;
    let mut counters = Counters::default();
    for attribute in &message.attributes {
        match attribute {
            TcAttribute::Kind(name) => kind = name,
            TcAttribute::Options(options) if kind == wire::KIND => shown = Shown::decode(options),
            TcAttribute::Stats2(stats) => counters = count(stats),
            _ => {}
        }
    }
    match (message.header.handle, shown) {
        (TcHandle::UNSPEC, _) => Root::Default,
        (HANDLE, Some(shown)) => Root::Ours(shown, counters),
        (handle, _) => Root::Foreign { kind: kind.to_owned(), major: handle.major },
    }
}

fn count(stats: &[TcStats2]) -> Counters {
    let mut counters = Counters::default();
    for stat in stats {
        match stat {
            TcStats2::Basic(basic) => (counters.bytes, counters.packets) = (basic.bytes, basic.packets),
            TcStats2::Queue(queue) => {
                (counters.drops, counters.overlimits, counters.backlog) =
                    (queue.drops, queue.overlimits, queue.backlog);
            }
            _ => {}
        }
    }
    counters
}
