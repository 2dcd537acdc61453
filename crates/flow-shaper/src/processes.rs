//! Finds the network namespace of a pod through its processes.
//!
//! The kubelet puts the processes of a pod into a control group whose name holds the pod's UID: `pod<UID>` with the
//! cgroupfs driver, `kubepods-…-pod<UID with underscores>.slice` with the systemd driver; on cgroup v1 once per
//! controller. Of these processes the first started one at the shallowest level is the sandbox (or, where the runtime
//! has none, a container), whose namespace is the pod's; deeper ones may belong to containers within containers.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::interface::NamespaceId;

/// The parent of all kernel threads, which live in the namespace that the node started with.
const KTHREADD: u32 = 2;
/// The flag of kernel threads (`linux/sched.h`), which no other process can have.
const PF_KTHREAD: u32 = 0x0020_0000;

/// A process that lives in a pod's network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sandbox {
    pid: u32,
    /// In ticks since boot: tells a process from a later one with the same number.
    started: u64,
    /// The namespace it was found in.
    pub(crate) namespace: NamespaceId,
}

/// What is known of a pod with at least one process.
#[derive(Debug)]
pub(crate) enum Found {
    /// It has a network namespace of its own.
    Sandbox(Sandbox),
    /// All its processes are in the node's own namespace.
    OnNode,
    /// It has processes, whose namespace we may not see.
    Hidden(io::Error),
}

/// A `/proc` file system that shows the processes of the node.
#[derive(Clone, Debug)]
pub(crate) struct Processes {
    root: PathBuf,
}

struct Candidate {
    depth: usize,
    started: u64,
    pid: u32,
    namespace: io::Result<NamespaceId>,
}

impl Processes {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The node's own network namespace: that of its first process or, where that one may not be looked into, of the
    /// kernel's own threads.
    pub(crate) fn node_namespace(&self) -> io::Result<NamespaceId> {
        NamespaceId::of(&self.namespace_path(1)).or_else(|error| match self.stat(KTHREADD) {
            Some(stat) if stat.is_kernel_thread => NamespaceId::of(&self.namespace_path(KTHREADD)),
            _ => Err(error),
        })
    }

    /// The file through which a sandbox's namespace is entered.
    pub(crate) fn path_of(&self, sandbox: &Sandbox) -> PathBuf {
        self.namespace_path(sandbox.pid)
    }

    /// Whether that process still runs, and in the same namespace.
    pub(crate) fn has(&self, sandbox: &Sandbox) -> bool {
        self.stat(sandbox.pid).is_some_and(|stat| stat.started == sandbox.started)
            && NamespaceId::of(&self.namespace_path(sandbox.pid)).ok() == Some(sandbox.namespace)
    }

    /// Looks for pods by UID; those without a process are not in the answer.
    pub(crate) fn find(
        &self,
        uids: &HashSet<String>,
        node: NamespaceId,
    ) -> io::Result<HashMap<String, Found>> {
        let mut candidates: HashMap<String, Vec<Candidate>> = HashMap::new();
        for entry in fs::read_dir(&self.root)? {
            // A process may end between being listed and being read.
            let Some(pid) = entry.ok().and_then(|entry| entry.file_name().to_str()?.parse().ok()) else {
                continue;
            };
            let Ok(cgroups) = fs::read_to_string(self.file(pid, "cgroup")) else {
                continue;
            };
            let Some((uid, depth)) = pod_of(&cgroups).filter(|(uid, _)| uids.contains(uid)) else {
                continue;
            };
            let Some(Stat { started, .. }) = self.stat(pid) else {
                continue;
            };
            let namespace = NamespaceId::of(&self.namespace_path(pid));
            candidates.entry(uid).or_default().push(Candidate { depth, started, pid, namespace });
        }
        Ok(candidates.into_iter().filter_map(|(uid, all)| Some((uid, choose(all, node)?))).collect())
    }

    fn stat(&self, pid: u32) -> Option<Stat> {
        Stat::parse(&fs::read_to_string(self.file(pid, "stat")).ok()?)
    }

    fn namespace_path(&self, pid: u32) -> PathBuf {
        self.file(pid, "ns/net")
    }

    fn file(&self, pid: u32, name: impl AsRef<Path>) -> PathBuf {
        self.root.join(pid.to_string()).join(name)
    }
}

/// What is used of `/proc/PID/stat`.
struct Stat {
    is_kernel_thread: bool,
    started: u64,
}

impl Stat {
    /// Fields 9 (flags) and 22 (start time); the second, a name in parentheses, may hold anything.
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.rsplit_once(')')?.1.split_whitespace();
        let flags: u32 = fields.nth(6)?.parse().ok()?;
        let started = fields.nth(12)?.parse().ok()?;
        Some(Self { is_kernel_thread: flags & PF_KTHREAD != 0, started })
    }
}

/// Processes in the node's namespace (such as `conmon` of CRI-O, in the pod's group) count only where there is no other.
fn choose(mut all: Vec<Candidate>, node: NamespaceId) -> Option<Found> {
    all.sort_by_key(|candidate| (candidate.depth, candidate.started, candidate.pid));
    let mut rest = None;
    for candidate in all {
        match candidate.namespace {
            Ok(namespace) if namespace != node => {
                let Candidate { pid, started, .. } = candidate;
                return Some(Found::Sandbox(Sandbox { pid, started, namespace }));
            }
            Ok(_) => rest = Some(Found::OnNode),
            // Not there any more: the process has just ended.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => rest = rest.or(Some(Found::Hidden(error))),
        }
    }
    rest
}

/// The pod's UID in a `/proc/PID/cgroup`, and how many levels are below the pod's group.
///
/// Only the outermost pod counts: a pod may make groups below its own, and name them as it likes.
fn pod_of(cgroups: &str) -> Option<(String, usize)> {
    cgroups.lines().find_map(|line| {
        let path = line.splitn(3, ':').nth(2)?;
        let mut levels = path.split('/');
        let uid = levels.by_ref().find_map(uid_of)?;
        Some((uid, levels.count()))
    })
}

fn uid_of(level: &str) -> Option<String> {
    let name = level.strip_suffix(".slice").unwrap_or(level);
    let uid = name.strip_prefix("pod").or_else(|| {
        let (parents, uid) = name.split_once("-pod")?;
        parents.starts_with("kubepods").then_some(uid)
    })?;
    (!uid.is_empty()).then(|| uid.replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use tempfile::TempDir;

    use super::*;

    const UID: &str = "11111111-2222-3333-4444-555555555555";
    const SYSTEMD: &str = "0::/kubepods.slice/kubepods-burstable.slice/\
                           kubepods-burstable-pod11111111_2222_3333_4444_555555555555.slice/cri-containerd-abc.scope\n";

    struct FakeProc {
        folder: TempDir,
    }

    impl FakeProc {
        fn new() -> Self {
            let fake = Self { folder: tempfile::tempdir().unwrap() };
            for namespace in ["node", "pod", "nested"] {
                File::create(fake.folder.path().join(namespace)).unwrap();
            }
            fs::create_dir(fake.folder.path().join("proc")).unwrap();
            fake.process(1, 1, "0::/init.scope\n", "node");
            fake
        }

        fn process(&self, pid: u32, started: u64, cgroups: &str, namespace: &str) {
            let folder = self.folder.path().join("proc").join(pid.to_string());
            fs::create_dir_all(folder.join("ns")).unwrap();
            fs::write(folder.join("cgroup"), cgroups).unwrap();
            self.stat(pid, 0, started);
            let link = folder.join("ns/net");
            if !link.exists() {
                fs::hard_link(self.folder.path().join(namespace), link).unwrap();
            }
        }

        fn stat(&self, pid: u32, flags: u32, started: u64) {
            let (before, between) = ("0 ".repeat(5), "0 ".repeat(12));
            let stat = format!("{pid} (a ) 1 b) S {before}{flags} {between}{started} 0 0\n");
            fs::write(self.folder.path().join("proc").join(pid.to_string()).join("stat"), stat).unwrap();
        }

        fn processes(&self) -> Processes {
            Processes::new(self.folder.path().join("proc"))
        }

        fn find(&self) -> Option<Found> {
            let processes = self.processes();
            let node = processes.node_namespace().unwrap();
            processes.find(&HashSet::from([UID.to_owned()]), node).unwrap().remove(UID)
        }

        fn found_pid(&self) -> u32 {
            match self.find() {
                Some(Found::Sandbox(sandbox)) => sandbox.pid,
                other => panic!("{other:?}"),
            }
        }
    }

    fn cgroupfs(below: &str) -> String {
        format!("0::/kubepods/besteffort/pod{UID}/{below}\n")
    }

    #[test]
    fn a_pod_is_found_with_either_driver_and_either_version() {
        let v1 = format!("12:pids:/\n5:cpu,cpuacct:/kubepods/burstable/pod{UID}/abc\n0::/\n");
        let relative = format!("0::/../../besteffort/pod{UID}/abc\n");
        for cgroups in [&cgroupfs("abc"), SYSTEMD, &v1, &relative] {
            let fake = FakeProc::new();
            fake.process(77, 500, cgroups, "pod");
            assert_eq!(fake.found_pid(), 77, "{cgroups}");
        }
    }

    #[test]
    fn other_pods_and_other_processes_are_not_it() {
        let fake = FakeProc::new();
        fake.process(70, 500, "0::/kubepods/pod11111111-2222-3333-4444-555555555556/abc\n", "pod");
        fake.process(71, 500, &format!("0::/kubepods/pod{UID}0/abc\n"), "pod");
        fake.process(72, 500, &format!("0::/user.slice/my-pod{UID}.slice\n"), "pod");
        fake.process(73, 500, "", "pod");
        fs::write(fake.folder.path().join("proc/uptime"), "1 1").unwrap();
        assert!(fake.find().is_none());
    }

    #[test]
    fn a_group_that_a_pod_made_does_not_count_as_another_pod() {
        let fake = FakeProc::new();
        fake.process(70, 500, &format!("0::/kubepods/pod9999/abc/pod{UID}/x\n"), "nested");
        assert!(fake.find().is_none());
    }

    #[test]
    fn the_first_started_of_the_shallowest_processes_is_the_sandbox() {
        let fake = FakeProc::new();
        fake.process(90, 900, &cgroupfs("app"), "pod");
        fake.process(91, 500, &cgroupfs("sandbox"), "pod");
        fake.process(92, 400, &cgroupfs("app/inner"), "nested");
        assert_eq!(fake.found_pid(), 91);
    }

    #[test]
    fn a_process_in_the_nodes_namespace_does_not_make_that_the_pods() {
        let fake = FakeProc::new();
        fake.process(80, 400, &cgroupfs("conmon"), "node");
        assert!(matches!(fake.find(), Some(Found::OnNode)));
        fake.process(81, 500, &cgroupfs("app"), "pod");
        assert_eq!(fake.found_pid(), 81);
    }

    #[test]
    fn a_sandbox_is_gone_when_its_number_belongs_to_a_later_process() {
        let fake = FakeProc::new();
        fake.process(77, 500, &cgroupfs("abc"), "pod");
        let Some(Found::Sandbox(sandbox)) = fake.find() else { panic!() };
        assert!(fake.processes().has(&sandbox));
        fake.process(77, 501, &cgroupfs("abc"), "pod");
        assert!(!fake.processes().has(&sandbox));
    }

    #[test]
    fn a_sandbox_is_gone_when_its_process_is_in_another_namespace_or_has_ended() {
        let fake = FakeProc::new();
        fake.process(77, 500, &cgroupfs("abc"), "pod");
        let Some(Found::Sandbox(sandbox)) = fake.find() else { panic!() };
        let folder = fake.folder.path().join("proc/77");
        fs::remove_file(folder.join("ns/net")).unwrap();
        fake.process(77, 500, &cgroupfs("abc"), "nested");
        assert!(!fake.processes().has(&sandbox));
        fs::remove_dir_all(folder).unwrap();
        assert!(!fake.processes().has(&sandbox));
    }

    #[test]
    fn kernel_threads_tell_the_nodes_namespace_where_the_first_process_does_not() {
        let fake = FakeProc::new();
        let node = fake.processes().node_namespace().unwrap();
        fs::remove_file(fake.folder.path().join("proc/1/ns/net")).unwrap();
        fake.process(2, 2, "0::/\n", "node");
        assert!(fake.processes().node_namespace().is_err(), "process 2 may be anybody's");
        fake.stat(2, PF_KTHREAD, 2);
        assert_eq!(fake.processes().node_namespace().unwrap(), node);
    }

    #[test]
    fn a_proc_that_cannot_be_read_is_an_error() {
        let processes = Processes::new("/nonexistent".into());
        assert!(processes.node_namespace().is_err());
    }
}
