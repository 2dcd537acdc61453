//! The link: its rate, and what it carries.

use crate::recording::Bytes;
use flow_e2e::program::run;
use flow_e2e::{Error, Result};
use flow_lab::{UPLINK_DEVICE, UPLINK_SHAPE};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// How often the counter is read.
const EACH: Duration = Duration::from_millis(100);
const COUNTERS: &str = "/proc/self/net/dev";

/// Sets the capacity. What waits at the link stays there.
pub(crate) async fn set_mbps(mbps: u32) -> Result<()> {
    let line = format!("qdisc change dev {UPLINK_DEVICE} root tbf rate {mbps}mbit {UPLINK_SHAPE}");
    run("tc", line.split_whitespace()).await.map(drop)
}

/// Reads the counter of the link until it is dropped.
pub(crate) struct Counting {
    read: Arc<Mutex<Vec<(f64, Bytes)>>>,
    task: JoinHandle<()>,
}

impl Counting {
    /// Starts to read; times count from `start`.
    pub(crate) fn start(start: Instant) -> Result<Self> {
        sent()?;
        let read = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&read);
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(EACH);
            loop {
                ticks.tick().await;
                if let Ok(bytes) = sent() {
                    let at_s = start.elapsed().as_secs_f64();
                    into.lock().unwrap_or_else(PoisonError::into_inner).push((at_s, bytes));
                }
            }
        });
        Ok(Self { read, task })
    }

    /// What was read from `from_s` to `to_s`.
    pub(crate) fn read(&self, from_s: f64, to_s: f64) -> Vec<(f64, Bytes)> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.iter().filter(|(at_s, _)| (from_s..=to_s).contains(at_s)).copied().collect()
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn sent() -> Result<Bytes> {
    let missing = || Error::Missing(format!("the counter of {UPLINK_DEVICE} in {COUNTERS}"));
    sent_bytes(&fs_err::read_to_string(COUNTERS)?).map(Bytes).ok_or_else(missing)
}

/// The ninth number of the device's line: proc(5), `/proc/net/dev`.
fn sent_bytes(text: &str) -> Option<u64> {
    let line =
        text.lines().find_map(|line| line.trim_start().strip_prefix(UPLINK_DEVICE)?.strip_prefix(':'))?;
    line.split_whitespace().nth(8)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_link_has_sent_is_the_ninth_number() {
        let text =
            "Inter-|   Receive\n face |bytes\n    lo: 1 2 3 4 5 6 7 8 9 10\nuplink: 11 2 3 4 5 6 7 8 99 10\n";
        assert_eq!((sent_bytes(text), sent_bytes("lo: 1")), (Some(99), None));
    }
}
