//! Process 1 of a lab: collects the dead, and takes the lab with it when it ends.

use std::env;
use std::io;
use std::process::Command;

use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, wait};
use nix::unistd::Pid;

/// Runs the lab's node until it ends. Every process that loses its parent becomes ours, and is collected.
pub fn run(name: &str) -> io::Result<()> {
    let node = Command::new(env::current_exe()?).args(["node", "--name", name]).spawn()?;
    let node = i32::try_from(node.id()).map(Pid::from_raw).map_err(io::Error::other)?;
    loop {
        match wait() {
            Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) if pid == node => return Ok(()),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
