//! The lab's cgroup: by it the lab's processes are known, and ended, even when nothing else is left of it.

use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Controllers that the kubelet needs.
const CONTROLLERS: [&str; 4] = ["cpu", "cpuset", "memory", "pids"];

/// What keeps a cgroup from being made or removed.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// Reading or writing the cgroup file system failed.
    #[error("cgroup: {0}")]
    Io(#[from] io::Error),
    /// No cgroup file system is mounted.
    #[error("no cgroup file system is mounted: the kubelet cannot work on this machine")]
    NotMounted,
    /// A process of the lab may not be ended.
    #[error("cannot end process {pid}: {source}")]
    Kill {
        /// The process.
        pid: i32,
        /// Why.
        source: Errno,
    },
    /// Processes did not end in time.
    #[error("processes in {} did not end", .0.display())]
    Busy(PathBuf),
}

/// The mounted cgroup hierarchies: one on a machine with cgroup v2 alone, many with v1.
#[derive(Debug)]
struct Hierarchies {
    unified: Option<PathBuf>,
    legacy: Vec<PathBuf>,
}

impl Hierarchies {
    fn mounted() -> io::Result<Self> {
        Ok(Self::parse(&fs_err::read_to_string("/proc/self/mountinfo")?))
    }

    /// Format: proc(5), `/proc/pid/mountinfo`; the mount point is the fifth word, the type follows " - ".
    fn parse(mounts: &str) -> Self {
        let of_type = |wanted: &str| {
            let found = mounts.lines().filter_map(move |line| {
                let (left, right) = line.split_once(" - ")?;
                let is_wanted = right.split(' ').next() == Some(wanted);
                left.split(' ').nth(4).filter(|_| is_wanted).map(PathBuf::from)
            });
            found.collect::<Vec<_>>()
        };
        Self { unified: of_type("cgroup2").pop(), legacy: of_type("cgroup") }
    }

    fn all(&self) -> impl Iterator<Item = &PathBuf> {
        self.unified.iter().chain(&self.legacy)
    }

    /// The one hierarchy that all processes of the lab are in: others may belong to whoever started us.
    fn tracking(&self) -> Result<&PathBuf, CgroupError> {
        self.all().next().ok_or(CgroupError::NotMounted)
    }
}

/// Makes the cgroup `name` and moves this process into it, and with it all its descendants.
pub(crate) fn enter(name: &str) -> Result<(), CgroupError> {
    let hierarchies = Hierarchies::mounted()?;
    for root in hierarchies.all() {
        fs_err::create_dir_all(root.join(name))?;
    }
    if let (Some(root), true) = (&hierarchies.unified, hierarchies.legacy.is_empty()) {
        delegate(root)?;
    }
    // A leaf of its own: cgroup v2 allows no processes where pods' cgroups branch off.
    let own = hierarchies.tracking()?.join(name).join("lab");
    fs_err::create_dir_all(&own)?;
    Ok(fs_err::write(own.join("cgroup.procs"), "0")?)
}

/// Lets cgroups below the root have the controllers that the kubelet needs.
fn delegate(root: &Path) -> io::Result<()> {
    CONTROLLERS
        .iter()
        .try_for_each(|name| fs_err::write(root.join("cgroup.subtree_control"), format!("+{name}")))
}

/// Sends SIGKILL to each process in the cgroup `name`, without waiting.
pub(crate) fn kill_all(name: &str) -> Result<(), CgroupError> {
    Hierarchies::mounted()?.all().try_for_each(|root| kill_below(&root.join(name)))
}

/// Ends all processes in the cgroup `name` and removes it from each hierarchy.
pub(crate) fn remove(name: &str, patience: Duration) -> Result<(), CgroupError> {
    let end = Instant::now() + patience;
    for root in Hierarchies::mounted()?.all() {
        let own = root.join(name);
        while own.exists() {
            kill_below(&own)?;
            if remove_below(&own).is_ok() {
                break;
            }
            if Instant::now() > end {
                return Err(CgroupError::Busy(own));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

fn kill_below(own: &Path) -> Result<(), CgroupError> {
    children(own).iter().try_for_each(|child| kill_below(child))?;
    let processes = std::fs::read_to_string(own.join("cgroup.procs")).unwrap_or_default();
    // 0 stands for a process outside our pid namespace, and would mean our own process group.
    for pid in processes.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 0) {
        match kill(Pid::from_raw(pid), Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(source) => return Err(CgroupError::Kill { pid, source }),
        }
    }
    Ok(())
}

fn remove_below(own: &Path) -> io::Result<()> {
    children(own).iter().try_for_each(|child| remove_below(child))?;
    match std::fs::remove_dir(own) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The cgroups directly below; none where it has just been removed.
fn children(own: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(own).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime shared:9 - cgroup cgroup rw,pids
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    #[test]
    fn both_kinds_of_hierarchy_are_found_and_the_unified_one_tracks() {
        let found = Hierarchies::parse(HYBRID);
        assert_eq!(found.unified.as_deref(), Some(Path::new("/sys/fs/cgroup/unified")));
        assert_eq!(found.legacy, [Path::new("/sys/fs/cgroup/pids")]);
        assert_eq!(found.tracking().unwrap(), Path::new("/sys/fs/cgroup/unified"));
    }

    #[test]
    fn a_machine_without_cgroups_is_an_error_not_a_guess() {
        let found = Hierarchies::parse("23 1 0:21 / /proc rw - proc proc rw\n");
        assert!(matches!(found.tracking(), Err(CgroupError::NotMounted)));
    }
}
