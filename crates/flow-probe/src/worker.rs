//! A thread with a runtime of its own.

use std::io;
use std::thread::{Builder, JoinHandle};

use tokio::runtime::{self, Handle};
use tokio_util::sync::CancellationToken;

/// Runs tasks on one thread of its own, until dropped.
#[derive(Debug)]
pub(crate) struct Worker {
    runtime: Handle,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread; `name` shows up in `top -H`, with 15 bytes at most.
    pub(crate) fn start(name: &str) -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (handle, stop) = (runtime.handle().clone(), CancellationToken::new());
        let stopped = stop.clone().cancelled_owned();
        let thread = Builder::new().name(name.to_owned()).spawn(move || runtime.block_on(stopped))?;
        Ok(Self { runtime: handle, stop, thread: Some(thread) })
    }

    /// Where to spawn the tasks.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

impl Drop for Worker {
    /// Ends the thread and with it all tasks, at their next await.
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a thread of the prober has panicked");
        }
    }
}
