use crate::FOLDER;
use flow_e2e::kubectl::in_repository;
use flow_e2e::program::run;
use flow_e2e::{Error, Result};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// How long a program may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program that runs beside the bench, and ends with it. What it says goes into a file.
pub(crate) struct Program {
    name: String,
    child: Child,
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// Time of a processor, in seconds.
    pub(crate) cpu_s: f64,
    /// Memory of its own in RAM now.
    pub(crate) rss_bytes: u64,
    /// The most that this was since it started.
    pub(crate) peak_bytes: u64,
}

/// The path of a program of ours.
pub(crate) fn ours(name: &str) -> PathBuf {
    in_repository(flow_e2e::kubectl::PROGRAMS).join(name)
}

impl Program {
    /// Starts a program, whose output goes to a file of this name.
    pub(crate) fn start<A: AsRef<OsStr>>(
        name: &str,
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Self> {
        let log = fs_err::File::create(in_repository(FOLDER).join(format!("{name}.log")))?.into_parts().0;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        let child = command.spawn().map_err(|source| Error::Start { program: name.to_owned(), source })?;
        Ok(Self { name: name.to_owned(), child })
    }

    /// What it has used so far. An error if it has ended.
    pub(crate) fn usage(&self) -> Result<Usage> {
        let folder = format!("/proc/{}", self.pid()?);
        let [stat, status] =
            ["stat", "status"].map(|file| fs_err::read_to_string(format!("{folder}/{file}")));
        usage(&stat?, &status?).ok_or_else(|| Error::Missing(format!("what {} uses", self.name)))
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<()> {
        run("kill", ["-TERM", &self.pid()?.to_string()]).await?;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let late = || Error::TimedOut {
            what: format!("the end of {}", self.name),
            after: PATIENCE,
            seen: "it runs".to_owned(),
        };
        ended.map_err(|_| late())?.map(drop).map_err(Error::from)
    }

    fn pid(&self) -> Result<u32> {
        self.child.id().ok_or_else(|| Error::Missing(format!("{}, which has ended,", self.name)))
    }
}

/// proc(5): the processor time is in hundredths of a second, memory in KiB.
fn usage(stat: &str, status: &str) -> Option<Usage> {
    // The state, which follows the name in brackets, is the third field; time for the user is the 14th.
    let mut ticks = stat.rsplit(") ").next()?.split_whitespace().skip(11);
    let mut seconds = || Some(f64::from(ticks.next()?.parse::<u32>().ok()?) / 100.0);
    let cpu_s = seconds()? + seconds()?;
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    };
    Some(Usage { cpu_s, rss_bytes: kib("VmRSS")?, peak_bytes: kib("VmHWM")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_uses_is_read_as_the_kernel_tells_it() {
        let stat = format!("77 (a ) b) S {}250 50 0 0\n", "0 ".repeat(10));
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        let expected = Usage { cpu_s: 3.0, rss_bytes: 1 << 20, peak_bytes: 2 << 20 };
        assert_eq!(usage(&stat, status), Some(expected));
    }
}
