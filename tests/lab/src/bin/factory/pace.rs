use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// The time between two blocks: short, so that a slow sender makes no bursts.
const TICK: Duration = Duration::from_millis(2);

/// Hands out blocks of zeros at `mbps` Mbit/s until one fails. After a pause no block is made up for.
pub(crate) fn each_block(mbps: u32, mut send: impl FnMut(&[u8]) -> io::Result<()>) {
    let block = vec![0; block_bytes(mbps)];
    let mut due = Instant::now();
    while send(&block).is_ok() {
        let now = Instant::now();
        due += TICK;
        if now > due + TICK {
            due = now;
        }
        thread::sleep(due.saturating_duration_since(now));
    }
}

/// Bits per tick, in bytes: 1 Mbit/s are 250 bytes in 2 ms.
fn block_bytes(mbps: u32) -> usize {
    usize::try_from(mbps).unwrap_or(usize::MAX).saturating_mul(250)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_at_the_rate_that_is_asked_for() {
        let (start, mut bytes) = (Instant::now(), 0);
        each_block(8, |block| {
            bytes += block.len();
            if bytes < 100_000 { Ok(()) } else { Err(io::ErrorKind::Other.into()) }
        });
        // 50 blocks of 2,000 bytes, with a pause after each but the last.
        assert_eq!(bytes, 100_000);
        assert!(start.elapsed() >= Duration::from_millis(90), "{:?}", start.elapsed());
    }
}
