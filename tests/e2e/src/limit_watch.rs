use crate::pod_network::{ENTER, PodNetwork};
use crate::recording::LimitPoint;
use crate::{Error, Result};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;

/// Watches the limits that the kernel holds pods to, by its own notifications (`tc monitor`), and so apart
/// from both the operator and the shaper.
pub struct LimitWatch {
    points: Arc<Mutex<Vec<LimitPoint>>>,
    watchers: Vec<JoinHandle<()>>,
}

impl LimitWatch {
    /// Watches these pods, by name, from now on; times count from `start`.
    pub async fn start(start: Instant, pods: impl Iterator<Item = (String, PodNetwork)>) -> Result<Self> {
        let points = Arc::new(Mutex::new(Vec::new()));
        let mut watchers = Vec::new();
        for (pod, network) in pods {
            let (child, lines) = monitor(&network)?;
            let record = Record { start, pod, points: Arc::clone(&points) };
            // What was set before the first notification.
            if let Some(bps) = network.limit_bps().await? {
                record.push(Some(mbps(bps)));
            }
            watchers.push(tokio::spawn(follow(child, lines, record)));
        }
        Ok(Self { points, watchers })
    }

    /// All changes so far, in the order in which they were seen.
    #[must_use]
    pub fn points(&self) -> Vec<LimitPoint> {
        self.points.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The newest limit of `pod`, in Mbit/s.
    #[must_use]
    pub fn newest_mbps(&self, pod: &str) -> Option<f64> {
        self.points().iter().rev().find(|point| point.pod == pod)?.mbps
    }
}

impl Drop for LimitWatch {
    fn drop(&mut self) {
        self.watchers.iter().for_each(JoinHandle::abort);
    }
}

struct Record {
    start: Instant,
    pod: String,
    points: Arc<Mutex<Vec<LimitPoint>>>,
}

impl Record {
    fn push(&self, mbps: Option<f64>) {
        let at_s = self.start.elapsed().as_secs_f64();
        let point = LimitPoint { at_s, pod: self.pod.clone(), mbps };
        self.points.lock().unwrap_or_else(PoisonError::into_inner).push(point);
    }
}

type Output = Lines<BufReader<ChildStdout>>;

fn monitor(network: &PodNetwork) -> Result<(Child, Output)> {
    let mut command = Command::new(ENTER);
    command.args(network.enter("tc monitor")).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|source| Error::Start { program: ENTER.to_owned(), source })?;
    let output = child.stdout.take().ok_or_else(|| Error::Missing("the output of tc monitor".to_owned()))?;
    Ok((child, BufReader::new(output).lines()))
}

/// Records until the monitor ends. The child is held, since it ends when it is dropped.
async fn follow(_child: Child, mut lines: Output, record: Record) {
    while let Ok(Some(line)) = lines.next_line().await {
        match news(&line) {
            Some(News::Set(mbps)) => record.push(Some(mbps)),
            Some(News::Gone) => record.push(None),
            None => {}
        }
    }
}

/// What a notification tells of a pod's limit.
#[derive(Debug, PartialEq)]
enum News {
    /// It is now so many Mbit/s.
    Set(f64),
    /// It was taken away.
    Gone,
}

/// What a line of the monitor tells; `None` where it is about something else.
fn news(line: &str) -> Option<News> {
    let words: Vec<&str> = line.split_whitespace().collect();
    if !words.windows(2).any(|pair| pair == ["qdisc", "tbf"]) {
        return None;
    }
    if words.first() == Some(&"deleted") {
        return Some(News::Gone);
    }
    let rate = words.windows(2).find(|pair| pair.first() == Some(&"rate"))?.last()?;
    rate_mbps(rate).map(News::Set)
}

/// A rate as tc writes it: `80Mbit`, `81234Kbit`, `800bit`.
fn rate_mbps(text: &str) -> Option<f64> {
    let number = text.strip_suffix("bit")?;
    let units = [("G", 1e3), ("M", 1.0), ("K", 1e-3)];
    let with_unit = units.into_iter().find_map(|(unit, factor)| Some((number.strip_suffix(unit)?, factor)));
    let (digits, factor) = with_unit.unwrap_or((number, 1e-6));
    Some(digits.parse::<f64>().ok()? * factor)
}

/// Bits per second as Mbit/s.
#[must_use]
pub fn mbps(bps: u64) -> f64 {
    // A rate that does not fit 32 bits of kbit/s is far above all that a test sets.
    f64::from(u32::try_from(bps / 1_000).unwrap_or(u32::MAX)) / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notifications_tell_of_a_limit_set_or_taken_away() {
        let set = "qdisc tbf 8001: dev eth0 root refcnt 2 rate 80Mbit burst 2500b peakrate 8Tbit minburst 1518b lat 50ms";
        assert_eq!(news(set), Some(News::Set(80.0)));
        assert_eq!(news("deleted qdisc tbf 8001: dev eth0 root refcnt 2 rate 80Mbit"), Some(News::Gone));
        assert_eq!(news("qdisc noqueue 0: dev eth0 root refcnt 2"), None);
    }

    #[test]
    fn rates_are_read_in_each_unit() {
        let read = ["64Mbit", "51200Kbit", "1Gbit", "8000bit", "fast"].map(rate_mbps);
        assert_eq!(read, [Some(64.0), Some(51.2), Some(1_000.0), Some(0.008), None]);
    }
}
