//! The arithmetic of a limit: from bits per second to the parameters of a token bucket filter (`net/sched/sch_tbf.c`).
//!
//! A TBF lets a packet through when its bucket holds as many tokens (bytes) as the packet has; tokens come in at the
//! rate, up to the burst. Four numbers follow from a limit and the device's MTU:
//!
//! * **Rate**: `limit / 8` bytes/s, rounded down.
//! * **Frame**: MTU + 18 (Ethernet header and one VLAN tag), the largest packet let in. The kernel cuts a larger GSO
//!   packet into its segments if those fit (`tbf_segment`), so what leaves is paced frame by frame and not in lumps
//!   of 64 KiB, which take 5 ms of a 100 Mbit/s link. It must not follow the rate: a packet let in under a larger
//!   limit would, after a cut, never find enough tokens and block the queue for good (seen on Linux 6.18 with bursts
//!   of 70 kB, then 2 kB). `sch_tbf` takes it apart from the burst only through the second bucket, the *peak rate*:
//!   the largest packet is min(`TCA_TBF_BURST`, `TCA_TBF_PBURST`). Hence a peak rate so high that it never holds a
//!   packet back. The price is the sender's CPU: one pass through the stack per frame, felt from some Gbit/s upwards.
//! * **Burst**: frame + rate × 125 µs. When the timer wakes the queue late, tokens beyond the burst are lost, and
//!   throughput with them; what counts is the time by which a burst is more than the one frame that waits. Seen with
//!   one TCP flow on two cores, idle / with three busy loops beside: with 0 µs 63–97 % of the rate, with 60 µs 99–100 /
//!   74–100 %, with 125 µs 99.7–100 / 95–100 %, with 250 µs the same. On the other side, a burst is the longest lump
//!   that leaves at line speed, so no longer than needed. Each change of the rate fills the bucket, which at 5 changes
//!   a second lets through 5 frames and 0.06 % of the rate more.
//! * **Queue**: max(rate × 50 ms + burst, 80 KiB). TCP's usual control (CUBIC, RFC 9438: β = 0.7) keeps a link busy
//!   with a queue of (1 − β)/β = 3/7 of the round trip, so 50 ms serve round trips up to 117 ms; and no packet waits
//!   longer than that, but for the time after a cut, in which what waits leaves at the new rate. Seen with eight TCP
//!   flows: 44 ms at 50 and 200 Mbit/s; with one, some 120 kB wait, which are 19 ms at 50 Mbit/s. The floor holds one
//!   GSO packet of 64 KiB cut into frames with their headers, so that a slow limit does not drop part of each.

use flow_control::Bandwidth;

/// 14 bytes of Ethernet header and 4 of a VLAN tag; the kernel counts the header into a packet's size.
const LINK_HEADER: u32 = 18;
/// How late the timer may be without a loss of throughput, in microseconds.
const LATE_MICROS: u64 = 125;
/// The longest that a packet waits in a full queue, in microseconds.
const QUEUE_MICROS: u64 = 50_000;
/// 65,536 bytes in frames of 1,500 and the headers of each, and some small packets.
const QUEUE_FLOOR: u32 = 80 * 1024;

/// A peak rate in bytes/s under which the tokens of any packet round down to 0 ns.
pub(crate) const NO_PEAK: u64 = 1_000_000_000_000_000;

/// The parameters of the token bucket filter that holds a pod to its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tbf {
    /// Bytes per second.
    pub rate: u64,
    /// Depth of the bucket in bytes.
    pub burst: u32,
    /// Largest packet let in, in bytes; a larger GSO packet is cut into segments.
    pub frame: u32,
    /// Longest queue in bytes.
    pub queue: u32,
}

impl Tbf {
    /// The filter for a limit on a device with that MTU (bytes).
    #[must_use]
    pub fn new(limit: Bandwidth, mtu: u32) -> Self {
        let rate = limit.bps() / 8;
        let frame = mtu.saturating_add(LINK_HEADER);
        let burst = frame.saturating_add(bytes_in(rate, LATE_MICROS));
        let queue = bytes_in(rate, QUEUE_MICROS).saturating_add(burst).max(QUEUE_FLOOR);
        Self { rate, burst, frame, queue }
    }
}

/// Bytes that pass at `rate` in that time, as far as the kernel's 32 bits go.
fn bytes_in(rate: u64, micros: u64) -> u32 {
    let bytes = u128::from(rate) * u128::from(micros) / 1_000_000;
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_parameters_follow_from_rate_and_mtu() {
        for (bps, mtu, rate, burst, queue) in [
            (1_000, 1500, 125, 1_518, 81_920),
            (10_000_000, 1500, 1_250_000, 1_674, 81_920),
            (64_000_000, 1500, 8_000_000, 2_518, 402_518),
            (100_000_000, 1500, 12_500_000, 3_080, 628_080),
            (1_000_000_000, 1500, 125_000_000, 17_143, 6_267_143),
            (1_000_000_000, 65_535, 125_000_000, 81_178, 6_331_178),
            (10_000_000_000, 9000, 1_250_000_000, 165_268, 62_665_268),
        ] {
            let frame = mtu + 18;
            assert_eq!(Tbf::new(Bandwidth::from_bps(bps), mtu), Tbf { rate, burst, frame, queue });
        }
    }

    #[test]
    fn the_largest_packet_let_in_does_not_depend_on_the_rate() {
        let frame = |bps| Tbf::new(Bandwidth::from_bps(bps), 1500).frame;
        assert_eq!(frame(1_000), frame(1_000_000_000_000_000));
    }

    proptest! {
        #[test]
        fn a_frame_fits_the_burst_and_a_burst_fits_the_queue(bps in any::<u64>(), mtu in 68u32..=65_535) {
            let tbf = Tbf::new(Bandwidth::from_bps(bps), mtu);
            prop_assert!(tbf.frame > mtu && tbf.burst >= tbf.frame && tbf.queue >= tbf.burst);
            prop_assert!(tbf.queue >= QUEUE_FLOOR);
        }

        #[test]
        fn no_limit_is_exceeded_by_rounding(bps in any::<u64>()) {
            let rate = Tbf::new(Bandwidth::from_bps(bps), 1500).rate;
            prop_assert!(rate * 8 <= bps && bps - rate * 8 < 8);
        }
    }
}
