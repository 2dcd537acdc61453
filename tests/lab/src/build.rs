//! Builds the cluster's programs, once per recipe.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use fs_err::File;

use crate::logfile;
use crate::tool::Tool;

/// How often a build under way is reported.
const TICK: Duration = Duration::from_secs(1);

/// News of a build.
#[derive(Debug)]
pub struct Building<'a> {
    /// What is being built.
    pub tool: &'a Tool,
    /// How long it has taken so far.
    pub elapsed: Duration,
    /// Whether this is the last word on it.
    pub done: bool,
}

/// A program of the cluster that could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A file could not be read or written.
    #[error("cannot build the cluster's programs: {0}")]
    Io(#[from] io::Error),
    /// Go is missing.
    #[error("cannot run `go`: {0}; the lab builds Kubernetes with Go 1.26 or later, see https://go.dev/dl")]
    NoGo(io::Error),
    /// The compiler refused, or a module could not be downloaded.
    #[error("building {tool} ended with {status}; its last words in {}:\n{tail}", .log.display())]
    Failed {
        /// What was being built.
        tool: &'static str,
        /// How `go build` ended.
        status: ExitStatus,
        /// All that it said.
        log: PathBuf,
        /// The end of that.
        tail: String,
    },
}

/// Builds `tool` into `cache`, unless it is there. A second builder waits for the first.
pub(crate) fn ensure(
    tool: &Tool,
    cache: &Path,
    report: &mut dyn FnMut(Building<'_>),
) -> Result<(), BuildError> {
    if tool.is_built(cache) {
        return Ok(());
    }
    fs_err::create_dir_all(cache)?;
    let lock = File::create(cache.join(format!(".{}.lock", tool.name)))?.into_parts().0;
    let start = Instant::now();
    let mut tell = |done| report(Building { tool, elapsed: start.elapsed(), done });
    wait_for(&lock, &mut tell)?;
    if !tool.is_built(cache) {
        build(tool, cache, lock, &mut tell)?;
    }
    tell(true);
    Ok(())
}

fn wait_for(lock: &std::fs::File, tell: &mut dyn FnMut(bool)) -> io::Result<()> {
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(std::fs::TryLockError::WouldBlock) => {
                tell(false);
                thread::sleep(TICK);
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(error),
        }
    }
}

fn build(
    tool: &Tool,
    cache: &Path,
    lock: std::fs::File,
    tell: &mut dyn FnMut(bool),
) -> Result<(), BuildError> {
    let scratch = cache.join(format!(".building-{}", tool.name));
    remove_if_there(&scratch)?;
    let (source, output) = (scratch.join("source"), scratch.join("output"));
    fs_err::create_dir_all(&source)?;
    fs_err::create_dir_all(&output)?;
    for (name, text) in tool.sources {
        fs_err::write(source.join(name), text)?;
    }
    let log = cache.join(format!("{}.log", tool.name));
    let status = wait(compile(tool, &source, &output, &log, lock)?, tell)?;
    if !status.success() {
        return Err(BuildError::Failed { tool: tool.name, status, tail: logfile::tail(&log), log });
    }
    remove_if_there(&tool.folder(cache))?;
    fs_err::rename(&output, tool.folder(cache))?;
    Ok(remove_if_there(&scratch)?)
}

/// Starts `go build`. The lock is its standard input: should we be killed, it stays held until Go has ended.
fn compile(
    tool: &Tool,
    source: &Path,
    output: &Path,
    log: &Path,
    lock: std::fs::File,
) -> Result<Child, BuildError> {
    let log = File::create(log)?.into_parts().0;
    Command::new("go")
        .args(["build", "-trimpath", "-o"])
        // The slash tells Go that this is a folder, even for a single program.
        .arg(format!("{}/", output.display()))
        .args(tool.arguments)
        .current_dir(source)
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "-buildvcs=false")
        .env("GOWORK", "off")
        .stdin(lock)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(BuildError::NoGo)
}

fn wait(mut child: Child, tell: &mut dyn FnMut(bool)) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        tell(false);
        thread::sleep(TICK);
    }
}

fn remove_if_there(folder: &Path) -> io::Result<()> {
    match fs_err::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::Need;

    const HELLO: &str = "package main\nfunc main() {}\n";

    fn tool(main: &'static [(&'static str, &'static str)]) -> Tool {
        Tool {
            name: "hello",
            version: "1",
            programs: &["hello"],
            sources: main,
            arguments: &["."],
            expected: Duration::from_secs(5),
            needed_by: Need::Lab,
        }
    }

    #[test]
    fn a_tool_is_built_once_and_a_dead_builders_rubble_is_no_obstacle() {
        let cache = tempfile::tempdir().unwrap();
        let hello = tool(&[("go.mod", "module hello\ngo 1.26\n"), ("main.go", HELLO)]);
        fs_err::create_dir_all(cache.path().join(".building-hello/output/hello")).unwrap();
        let mut ends = 0;
        ensure(&hello, cache.path(), &mut |news| ends += u32::from(news.done)).unwrap();
        ensure(&hello, cache.path(), &mut |news| ends += u32::from(news.done)).unwrap();
        assert!(hello.is_built(cache.path()));
        assert_eq!(ends, 1);
        assert!(!cache.path().join(".building-hello").exists());
    }

    #[test]
    fn a_build_that_fails_shows_what_the_compiler_said_and_leaves_no_half_result() {
        let cache = tempfile::tempdir().unwrap();
        let broken =
            tool(&[("go.mod", "module hello\ngo 1.26\n"), ("main.go", "package main\nfunc main( {")]);
        let error = ensure(&broken, cache.path(), &mut |_| {}).unwrap_err().to_string();
        assert!(error.contains("building hello") && error.contains("main.go:2"), "{error}");
        assert!(!broken.folder(cache.path()).exists());
    }
}
