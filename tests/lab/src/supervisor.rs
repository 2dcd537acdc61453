//! The lab's supervisor: stands outside, holds the lock, and takes the lab down when it ends, however it ends.

use std::env;
use std::io;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use fs_err::File;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::setsid;

use crate::address::{API_PORT, NODE};
use crate::cgroup::{self, CgroupError};
use crate::forward::forward;
use crate::lock::Lock;
use crate::place::{Name, Place};
use crate::prepare::{self, PrepareError};
use crate::status::Status;

/// How long the lab's first process may take to appear, and others may hold the lock who only look.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a supervisor cannot work.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// Another one does.
    #[error("the lab {0} has a supervisor already")]
    Running(Name),
    /// The state could not be written.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The cgroup could not be made, or that of a dead lab not removed.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    /// A file or process could not be handled.
    #[error("the lab's supervisor: {0}")]
    Io(#[from] io::Error),
    /// The system refused something.
    #[error("the lab's supervisor: {0}")]
    System(#[from] nix::errno::Errno),
}

/// Runs the lab `name` until SIGTERM, or until its inside ends.
pub fn run(name: &Name) -> Result<(), SupervisorError> {
    let place = Place::find(name);
    let lock = Lock::take(&place, PATIENCE)?.ok_or_else(|| SupervisorError::Running(name.clone()))?;
    lock.record(&place)?;
    // A terminal that closes must not take the lab with it. It fails only for a leader of its own already.
    let _ = setsid();
    clean(&place)?;
    // Threads take over the mask, so that only this one is told of signals.
    let signals = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT, Signal::SIGCHLD]);
    signals.thread_block()?;
    cgroup::enter(&place.cgroup())?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    prepare::write(&place, listener.local_addr()?.port())?;
    let mut inside = start_inside(&place)?;
    let init = init_of(&mut inside)?;
    fs_err::write(place.init_pid(), init.to_string())?;
    fs_err::write(place.supervisor_pid(), std::process::id().to_string())?;
    forward(listener, init, format!("{NODE}:{API_PORT}"))?;
    wait_for_the_end(&signals, &place, &mut inside)
}

/// Removes what a dead lab of this name has left.
pub(crate) fn clean(place: &Place) -> Result<(), CgroupError> {
    cgroup::remove(&place.cgroup(), PATIENCE)?;
    match fs_err::remove_dir_all(place.state()) {
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(fs_err::remove_file(place.state())?),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Starts the lab's init in new namespaces. `setpriv` ends `unshare` with us, and `unshare` ends the init.
fn start_inside(place: &Place) -> io::Result<Child> {
    let log = File::create(place.log("init"))?.into_parts().0;
    Command::new("setpriv")
        .args([
            "--pdeathsig",
            "KILL",
            "unshare",
            "--mount",
            "--pid",
            "--net",
            "--ipc",
            "--uts",
            "--fork",
            "--kill-child",
        ])
        .arg(env::current_exe()?)
        .args(["init", "--name", &place.name().to_string()])
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}

/// The process that `unshare` forks: the lab's process 1.
fn init_of(unshare: &mut Child) -> io::Result<u32> {
    let (id, end) = (unshare.id(), Instant::now() + PATIENCE);
    loop {
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        if let Some(pid) = children.split_whitespace().next().and_then(|pid| pid.parse().ok()) {
            return Ok(pid);
        }
        if let Some(status) = unshare.try_wait()? {
            return Err(io::Error::other(format!("unshare ended with {status}")));
        }
        if Instant::now() > end {
            return Err(io::Error::other("the lab's first process did not appear"));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn wait_for_the_end(signals: &SigSet, place: &Place, inside: &mut Child) -> Result<(), SupervisorError> {
    loop {
        if matches!(signals.wait()?, Signal::SIGTERM | Signal::SIGINT) {
            inside.kill()?;
            inside.wait()?;
            return Ok(());
        }
        if inside.try_wait()?.is_some() {
            // The node has told why, if it could.
            if !matches!(Status::read(place), Some(Status::Failed(_))) {
                Status::Failed("the lab's inside ended".to_owned()).write(place)?;
            }
            return Ok(());
        }
    }
}
