use serde_json::Value;

use crate::command::{CommandError, run_line};
use crate::network::{UPLINK_DEVICE, UPLINK_SHAPE};

/// The link from the node to the factory, shared by all pods. Only from inside the lab.
#[derive(Debug)]
pub struct Uplink;

impl Uplink {
    /// Changes its rate, in megabits per second, under load.
    pub fn set_rate(&self, mbps: u32) -> Result<(), CommandError> {
        run_line(&format!("tc qdisc change dev {UPLINK_DEVICE} root tbf rate {mbps}mbit {UPLINK_SHAPE}"))
            .map(drop)
    }

    /// The bytes that have left through it.
    pub fn sent_bytes(&self) -> Result<u64, CommandError> {
        let text = run_line(&format!("tc -s -j qdisc show dev {UPLINK_DEVICE} root"))?;
        let qdiscs: Value = serde_json::from_str(&text).unwrap_or_default();
        Ok(qdiscs.pointer("/0/bytes").and_then(Value::as_u64).unwrap_or_default())
    }
}
