//! Labs side by side, killed half-way and full of garbage: nothing of one may block the next or stay behind.
//!
//! Needs root, as labs do. Builds the cluster's programs if they are not there.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail as the test does")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_mins(1);

/// A lab of a name and a state folder of this test's own; taken down whatever happens.
struct TestLab {
    name: String,
    root: TempDir,
}

impl TestLab {
    fn new(purpose: &str) -> Self {
        Self { name: format!("{purpose}-{}", std::process::id()), root: tempfile::tempdir().unwrap() }
    }

    fn state(&self) -> PathBuf {
        self.root.path().join(&self.name)
    }

    fn lab(&self, verb: &str) -> Command {
        let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"));
        lab.args([verb, "--name", &self.name]).env("FLOW_LAB_STATE", self.root.path()).stdin(Stdio::null());
        lab
    }

    fn succeeds(&self, verb: &str) {
        check(&self.lab(verb).output().unwrap());
    }

    fn kubectl(&self, words: &str) -> String {
        let mut exec = self.lab("exec");
        exec.args(["--", "kubectl"]).args(words.split(' '));
        check(&exec.output().unwrap())
    }

    fn status(&self) -> String {
        String::from_utf8(self.lab("status").output().unwrap().stdout).unwrap()
    }

    fn is_locked(&self) -> bool {
        !self.status().starts_with("down")
    }

    /// Kills the supervisor, once it has said who it is.
    fn kill_supervisor(&self) {
        let file = self.state().join("supervisor.pid");
        let pid = until("the supervisor's number", || std::fs::read_to_string(&file).ok()?.parse().ok());
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        until("the end of the supervisor", || (!self.is_locked()).then_some(()));
    }

    /// Processes that were started for this lab.
    fn processes(&self) -> Vec<String> {
        let lines = entries(Path::new("/proc")).into_iter().filter_map(|process| {
            let words = std::fs::read(process.join("cmdline")).ok()?;
            Some(String::from_utf8_lossy(&words).replace('\0', " "))
        });
        lines.filter(|line| line.contains(&self.name)).collect()
    }

    fn cgroups(&self) -> Vec<PathBuf> {
        let own = format!("flow-lab-{}", self.name);
        let roots = entries(Path::new("/sys/fs/cgroup")).into_iter().chain([PathBuf::from("/sys/fs/cgroup")]);
        roots.map(|root| root.join(&own)).filter(|cgroup| cgroup.exists()).collect()
    }

    fn assert_nothing_remains(&self) {
        assert_eq!(self.processes(), Vec::<String>::new());
        assert_eq!(self.cgroups(), Vec::<PathBuf>::new());
        assert!(!self.state().exists());
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(&self.name), "{mounts}");
        assert!(!Path::new("/run/flow-lab").join(format!("{}.lock", self.name)).exists());
        for file in ["/run/netns/factory", "/sys/class/net/uplink", "/sys/class/net/cni0"] {
            assert!(!Path::new(file).exists(), "{file}");
        }
    }
}

impl Drop for TestLab {
    fn drop(&mut self) {
        let _ = self.lab("down").output();
    }
}

fn check(output: &Output) -> String {
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{}: {}", output.status, said.concat());
    said[0].clone()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect()
}

fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(Instant::now() < end, "{what} did not come");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Starts `lab up` and kills everything once `step` is under way.
fn kill_while_starting(lab: &TestLab, step: &str) {
    let mut up: Child = lab.lab("up").stdout(Stdio::null()).spawn().unwrap();
    until(step, || {
        assert_eq!(up.try_wait().unwrap(), None, "`lab up` ended before {step}");
        lab.status().contains(step).then_some(())
    });
    up.kill().unwrap();
    up.wait().unwrap();
    lab.kill_supervisor();
}

#[test]
fn two_labs_run_side_by_side_and_leave_nothing() {
    let labs = [TestLab::new("one"), TestLab::new("two")];
    // Twice: a lab that is up stays up.
    for lab in labs.iter().chain(&labs) {
        lab.succeeds("up");
    }
    // What is looked for below is there now: else its absence later would prove nothing.
    assert!(labs.iter().all(|lab| !lab.processes().is_empty() && !lab.cgroups().is_empty()));
    let ids = labs.each_ref().map(|lab| lab.kubectl("get namespace kube-system -o jsonpath={.metadata.uid}"));
    assert_ne!(ids[0], ids[1], "both names lead to the same cluster");
    labs[0].succeeds("down");
    labs[0].assert_nothing_remains();
    let ready = labs[1].kubectl("wait --for=condition=Ready nodes --all --timeout=60s");
    assert!(ready.contains("condition met"), "{ready}");
    labs[1].succeeds("down");
    labs[1].assert_nothing_remains();
}

#[test]
fn a_lab_killed_half_way_dies_with_its_supervisor_and_comes_up_again() {
    let lab = TestLab::new("killed");
    for step in ["etcd", "kube-apiserver", "kubelet"] {
        kill_while_starting(&lab, step);
        until("the end of all its processes", || lab.processes().is_empty().then_some(()));
    }
    lab.succeeds("up");
    assert_eq!(lab.status(), "up\n");
    lab.kill_supervisor();
    lab.succeeds("down");
    lab.assert_nothing_remains();
}

/// Locks the lab's file again and again as one who asks does, until the end.
fn ask_without_pause(lab: &TestLab, over: &AtomicBool) {
    let file = Path::new("/run/flow-lab").join(format!("{}.lock", lab.name));
    while !over.load(Ordering::Relaxed) {
        if let Ok(lock) = std::fs::File::open(&file) {
            let _ = lock.try_lock_shared();
        }
    }
}

#[test]
fn those_who_ask_whether_a_lab_runs_do_not_keep_it_from_starting() {
    let (lab, over) = (TestLab::new("asked"), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| ask_without_pause(&lab, &over));
        let up = lab.lab("up").output().unwrap();
        over.store(true, Ordering::Relaxed);
        check(&up);
    });
    assert_eq!(lab.status(), "up\n");
    lab.succeeds("down");
    lab.assert_nothing_remains();
}

#[test]
fn garbage_in_the_state_folder_blocks_neither_up_nor_down() {
    let lab = TestLab::new("garbage");
    let fill = || {
        std::fs::create_dir_all(lab.state().join("status.json/x")).unwrap();
        std::fs::write(lab.state().join("supervisor.pid"), "no number").unwrap();
    };
    fill();
    lab.succeeds("down");
    lab.assert_nothing_remains();
    fill();
    lab.succeeds("up");
    assert_eq!(lab.status(), "up\n");
    lab.succeeds("down");
    lab.assert_nothing_remains();
}

#[test]
fn the_exit_status_of_a_program_inside_is_passed_on_and_without_a_lab_nothing_runs() {
    let lab = TestLab::new("exec");
    assert!(!lab.lab("exec").args(["--", "true"]).status().unwrap().success());
    lab.succeeds("up");
    let status = lab.lab("exec").args(["--", "sh", "-c", "exit 7"]).status().unwrap();
    assert_eq!(status.code(), Some(7));
    let factory = check(
        &lab.lab("exec").args(["--factory", "--", "ip", "-4", "address", "show", "eth0"]).output().unwrap(),
    );
    assert!(factory.contains("198.18.2.2/30"), "{factory}");
    lab.succeeds("down");
    lab.assert_nothing_remains();
}
