use crate::program::run;
use crate::wait::{Look, until};
use crate::{Error, Result};
use std::time::{Duration, Instant};

/// The processes of the pod with that UID: it stands in the names of their cgroups.
pub(crate) fn of_pod(uid: &str) -> Result<Vec<u32>> {
    let ids = fs_err::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let in_pod = |pid: &u32| {
        // A process that ends meanwhile is in no pod.
        std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default().contains(uid)
    };
    Ok(ids.filter(in_pod).collect())
}

/// The only process of that name in the pod.
pub(crate) fn named(uid: &str, name: &str) -> Result<u32> {
    let is_named =
        |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim() == name;
    let found = of_pod(uid)?.into_iter().find(is_named);
    found.ok_or_else(|| Error::Missing(format!("a process {name} in the pod {uid}")))
}

/// When the pod's process with that argument was made, in seconds since the machine started; `None` if there is none.
pub(crate) fn made_s(uid: &str, argument: &str) -> Result<Option<f64>> {
    let has_argument = |pid: &u32| {
        let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        command.split('\0').any(|word| word == argument)
    };
    let Some(pid) = of_pod(uid)?.into_iter().find(has_argument) else { return Ok(None) };
    let (file, text) = (format!("/proc/{pid}/stat"), fs_err::read_to_string(format!("/proc/{pid}/stat"))?);
    start_s(&text).map(Some).ok_or_else(|| Error::unreadable(file, text))
}

/// The start time of a process, in hundredths of a second: proc(5), `/proc/pid/stat`, field 22; the state, which follows
/// the name in brackets, is the third.
fn start_s(stat: &str) -> Option<f64> {
    let ticks: u32 = stat.rsplit(") ").next()?.split_whitespace().nth(19)?.parse().ok()?;
    Some(f64::from(ticks) / 100.0)
}

/// Sends a signal, such as `KILL`.
pub(crate) async fn signal(pid: u32, signal: &str) -> Result<()> {
    run("kill", [format!("-{signal}"), pid.to_string()]).await.map(drop)
}

/// The process that holds the sandbox of the pod with that UID: the first that was made.
pub(crate) fn sandbox(uid: &str) -> Result<u32> {
    let made = |pid: u32| Some((start_s(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?, pid));
    let first = of_pod(uid)?.into_iter().filter_map(made).min_by(|one, other| one.0.total_cmp(&other.0));
    first.map(|(_, pid)| pid).ok_or_else(|| Error::Missing(format!("the sandbox of the pod {uid}")))
}

/// Sends SIGTERM, waits for the end, and returns how long it took.
pub(crate) async fn terminate(pid: u32) -> Result<Duration> {
    let start = Instant::now();
    signal(pid, "TERM").await?;
    until(&format!("the end of process {pid}"), Duration::from_secs(30), async || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The state follows the name in brackets: proc(5), `/proc/pid/stat`.
        let state = status.rsplit(") ").next().and_then(|rest| rest.chars().next());
        Ok(Look::when(matches!(state, None | Some('Z' | 'X')), || status))
    })
    .await?;
    Ok(start.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_as_old_as_its_stat_says() {
        let stat = format!("77 (a ) b) S {}12345 0 0\n", "0 ".repeat(18));
        assert_eq!(start_s(&stat), Some(123.45));
    }
}
