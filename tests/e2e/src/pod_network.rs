use crate::program::run;
use crate::{Error, Result, processes};
use serde_json::Value;

/// The device of a pod that its limit stands on.
const DEVICE: &str = "eth0";

/// A pod's network namespace as the kernel shows it, whoever set it up.
#[derive(Clone, Debug)]
pub struct PodNetwork {
    pid: u32,
}

/// What a qdisc is, and the rate it holds its device to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qdisc {
    /// Its kind, such as `tbf`.
    pub kind: String,
    /// Bits per second, where it has a rate.
    pub rate_bps: Option<u64>,
}

impl PodNetwork {
    /// The network of the pod with that UID, found through one of its processes.
    pub fn of(uid: &str) -> Result<Self> {
        let pid = processes::of_pod(uid)?.into_iter().next();
        pid.map(|pid| Self { pid }).ok_or_else(|| Error::Missing(format!("a process of the pod {uid}")))
    }

    /// The bytes that have left the pod's device.
    pub fn sent_bytes(&self) -> Result<u64> {
        let path = format!("/proc/{}/net/dev", self.pid);
        sent_bytes(&fs_err::read_to_string(&path)?).ok_or_else(|| Error::unreadable(path, "no eth0"))
    }

    /// What `tc` says about the queue of the pod's device.
    pub async fn qdisc(&self) -> Result<Qdisc> {
        let said = run(ENTER, self.enter("tc -j qdisc show dev").chain([DEVICE.to_owned()])).await?;
        qdisc(&said).ok_or_else(|| Error::unreadable("tc's answer", said))
    }

    /// The limit that the kernel holds the pod to, in bits per second.
    pub async fn limit_bps(&self) -> Result<Option<u64>> {
        Ok(self.qdisc().await?.rate_bps)
    }

    /// Runs `tc` with the words of `line` in this network, as somebody might who is let in.
    pub async fn tc(&self, line: &str) -> Result<()> {
        run(ENTER, self.enter(&format!("tc {line}"))).await.map(drop)
    }

    /// The bytes that left the pod before it was limited; those that leave between the two looks count as well.
    pub async fn sent_before_limit(&self) -> Result<u64> {
        let said = run(ENTER, self.enter("tc -s -j qdisc show dev").chain([DEVICE.to_owned()])).await?;
        let under_limit = counted(&said).ok_or_else(|| Error::unreadable("tc's answer", said))?;
        Ok(self.sent_bytes()?.saturating_sub(under_limit))
    }

    /// The arguments of [`ENTER`] that run the words of `line` in this network.
    pub(crate) fn enter(&self, line: &str) -> impl Iterator<Item = String> {
        let pid = self.pid.to_string();
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        ["--net".to_owned(), "--target".to_owned(), pid].into_iter().chain(words)
    }
}

/// The program that runs another one in a network.
pub(crate) const ENTER: &str = "nsenter";

/// The ninth number of the device's line: proc(5), `/proc/net/dev`.
fn sent_bytes(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix(DEVICE)?.strip_prefix(':'))?;
    line.split_whitespace().nth(8)?.parse().ok()
}

fn root(json: &str) -> Option<Value> {
    let all: Vec<Value> = serde_json::from_str(json).ok()?;
    all.into_iter().find(|qdisc| qdisc.get("root").is_some())
}

/// What the queue at the root has let through since it was made.
fn counted(json: &str) -> Option<u64> {
    root(json)?.get("bytes")?.as_u64()
}

fn qdisc(json: &str) -> Option<Qdisc> {
    let root = root(json)?;
    let bytes_per_second = root.pointer("/options/rate").and_then(Value::as_u64);
    let kind = root.get("kind")?.as_str()?.to_owned();
    Some(Qdisc { kind, rate_bps: bytes_per_second.map(|rate| rate * 8) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_has_sent_is_the_ninth_number() {
        let text =
            "Inter-|   Receive\n face |bytes\n    lo: 1 2 3 4 5 6 7 8 9 10\n  eth0: 11 2 3 4 5 6 7 8 99 10\n";
        assert_eq!(sent_bytes(text), Some(99));
    }

    #[test]
    fn a_queue_tells_what_it_has_let_through() {
        let said = r#"[{"kind":"tbf","handle":"f10e:","root":true,"options":{"rate":1000000},"bytes":1542,"packets":2}]"#;
        assert_eq!((counted(said), counted("[]")), (Some(1542), None));
    }

    #[test]
    fn a_rate_is_told_in_bytes_and_no_qdisc_has_none() {
        let tbf = r#"[{"kind":"tbf","handle":"8001:","root":true,"options":{"rate":10000000,"burst":2500}}]"#;
        assert_eq!(qdisc(tbf), Some(Qdisc { kind: "tbf".into(), rate_bps: Some(80_000_000) }));
        let none = r#"[{"kind":"noqueue","handle":"0:","root":true,"refcnt":2,"options":{}}]"#;
        assert_eq!(qdisc(none), Some(Qdisc { kind: "noqueue".into(), rate_bps: None }));
    }
}
