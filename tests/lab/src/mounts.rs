//! The lab's view of the file system: the machine's own, save what a kubelet and a container runtime write.

use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use serde_json::json;

use crate::address::NODE;
use crate::place::Place;

/// Folders of the state that replace folders of the machine.
pub(crate) const OWN_FOLDERS: &[&str] = &["var-lib/kubelet", "var-lib/containerd", "var-lib/cni", "var-log"];
/// What is hidden of the machine's /var/lib, being the lab's own.
const HIDDEN: [&str; 3] = ["kubelet", "containerd", "cni"];
/// Tells a process that it is inside a lab, and which: on a tmpfs that only the lab sees.
pub(crate) const MARKER: &str = "/run/flow-lab/inside.json";

/// Kernel settings of the whole machine that the kubelet would change; it is shown its favourite values instead.
const SETTINGS: [(&str, &str); 6] = [
    ("/proc/sys/vm/overcommit_memory", "1"),
    ("/proc/sys/vm/panic_on_oom", "0"),
    ("/proc/sys/kernel/panic", "10"),
    ("/proc/sys/kernel/panic_on_oops", "1"),
    ("/proc/sys/kernel/keys/root_maxkeys", "1000000"),
    ("/proc/sys/kernel/keys/root_maxbytes", "25000000"),
];

/// A mount that failed.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// The system refused it.
    #[error("cannot mount {target}: {source}")]
    Mount {
        /// Where.
        target: String,
        /// Why.
        source: Errno,
    },
    /// A file or folder to mount on could not be made.
    #[error("cannot prepare the lab's mounts: {0}")]
    Io(#[from] io::Error),
}

/// Sets up the mounts of a new mount namespace, in which this process must be.
pub(crate) fn set_up(place: &Place) -> Result<(), MountError> {
    // First of all: nothing that follows may be seen outside.
    attach(None, "/", None, MsFlags::MS_REC | MsFlags::MS_PRIVATE)?;
    let closed = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    attach(Some("proc"), "/proc", Some("proc"), closed | MsFlags::MS_NOEXEC)?;
    attach(Some("tmpfs"), "/run", Some("tmpfs"), closed)?;
    fs_err::create_dir("/run/flow-lab")?;
    fs_err::write(MARKER, json!({"name": place.name().to_string(), "state": place.state()}).to_string())?;
    cover_var_lib(&place.state().join("var-lib"))?;
    bind(&place.state().join("var-log"), Path::new("/var/log"))?;
    resolve_in_cluster()?;
    show_settings()?;
    // Pods may ask that mounts travel into or out of them.
    attach(None, "/", None, MsFlags::MS_REC | MsFlags::MS_SHARED)
}

/// Replaces /var/lib, in which all that was there stays visible, save what the lab has of its own.
/// No mount point has to be made on the machine for that.
fn cover_var_lib(own: &Path) -> Result<(), MountError> {
    let (target, below) = (Path::new("/var/lib"), Path::new("/run/flow-lab/var-lib"));
    fs_err::create_dir(below)?;
    bind(target, below)?;
    bind(own, target)?;
    for entry in fs_err::read_dir(below)? {
        let entry = entry?;
        if !HIDDEN.iter().any(|name| entry.file_name() == *name) {
            bring_back(&entry.path(), &target.join(entry.file_name()))?;
        }
    }
    umount2(below, MntFlags::MNT_DETACH).map_err(|source| failed(&below.to_string_lossy(), source))
}

fn bring_back(from: &Path, to: &Path) -> Result<(), MountError> {
    let kind = fs_err::symlink_metadata(from)?.file_type();
    if kind.is_symlink() {
        return Ok(symlink(fs_err::read_link(from)?, to)?);
    }
    if kind.is_dir() {
        fs_err::create_dir_all(to)?;
    } else {
        fs_err::write(to, "")?;
    }
    bind(from, to)
}

/// Programs run inside the lab resolve the cluster's names.
fn resolve_in_cluster() -> Result<(), MountError> {
    let own = Path::new("/run/flow-lab/resolv.conf");
    let text = format!("nameserver {NODE}\nsearch svc.cluster.local cluster.local\noptions ndots:5\n");
    fs_err::write(own, text)?;
    let target = Path::new("/etc/resolv.conf");
    if !target.exists() {
        // Mostly a link into /run, which is the lab's own by now.
        let linked = target.with_file_name(fs_err::read_link(target)?);
        fs_err::create_dir_all(linked.parent().unwrap_or(target))?;
        fs_err::write(linked, "")?;
    }
    bind(own, target)
}

fn show_settings() -> Result<(), MountError> {
    let folder = Path::new("/run/flow-lab/settings");
    for (target, value) in SETTINGS {
        let own = folder.join(target.trim_start_matches('/'));
        fs_err::create_dir_all(own.parent().unwrap_or(folder))?;
        fs_err::write(&own, value)?;
        bind(&own, Path::new(target))?;
    }
    Ok(())
}

fn bind(from: &Path, to: &Path) -> Result<(), MountError> {
    let (from, to) = (from.to_string_lossy(), to.to_string_lossy());
    attach(Some(&from), &to, None, MsFlags::MS_BIND | MsFlags::MS_REC)
}

fn attach(from: Option<&str>, to: &str, kind: Option<&str>, flags: MsFlags) -> Result<(), MountError> {
    mount(from, to, kind, flags, None::<&str>).map_err(|source| failed(to, source))
}

fn failed(target: &str, source: Errno) -> MountError {
    MountError::Mount { target: target.to_owned(), source }
}
