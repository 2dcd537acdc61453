//! A token bucket filter as the kernel reads and shows it (`struct tc_tbf_qopt` in `linux/pkt_sched.h`).

use std::collections::BTreeMap;

use rtnetlink::packet_core::{DefaultNla, Nla, NlaBuffer, NlasIterator};
use rtnetlink::packet_route::tc::TcOption;

use crate::tbf::{NO_PEAK, Tbf};

/// The kernel's name for the discipline.
pub(crate) const KIND: &str = "tbf";

const TCA_TBF_PARMS: u16 = 1;
const TCA_TBF_RATE64: u16 = 4;
const TCA_TBF_PRATE64: u16 = 5;
const TCA_TBF_BURST: u16 = 6;
const TCA_TBF_PBURST: u16 = 7;

/// With a link layer named, the kernel computes times itself and needs no rate table (`qdisc_get_rtab`).
const TC_LINKLAYER_ETHERNET: u8 = 1;
/// Offsets in `struct tc_tbf_qopt`: two `struct tc_ratespec` of 12 bytes, each with its rate in the last four, then
/// limit, buffer and mtu.
const RATE_AT: usize = 8;
const PEAK_AT: usize = 20;
const QUEUE_AT: usize = 24;
const BUFFER_AT: usize = 28;
/// The kernel shows times in ticks of 64 ns (`PSCHED_SHIFT`).
const TICK_NANOS: u128 = 64;

/// What the kernel shows of a token bucket filter.
///
/// It does not show the largest packet let in, and the burst only as the time that it takes at the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Bytes per second.
    pub rate: u64,
    /// Peak rate in bytes per second.
    pub peak: u64,
    /// Longest queue in bytes.
    pub queue: u32,
    /// The burst's time at the rate, in ticks of 64 ns.
    pub burst_ticks: u32,
}

impl Shown {
    /// Whether this is what the kernel shows of that filter.
    #[must_use]
    pub fn is(&self, tbf: &Tbf) -> bool {
        let same = self.rate == tbf.rate && self.peak == NO_PEAK && self.queue == tbf.queue;
        let nanos = u128::from(tbf.burst) * 1_000_000_000 / u128::from(tbf.rate.max(1));
        let expected = nanos / TICK_NANOS;
        // The kernel divides by multiplying and shifting with 31 significant bits.
        same && expected.abs_diff(u128::from(self.burst_ticks)) <= 1 + expected / 1000
    }

    /// Reads the options of a `tbf` as dumped; `None` where they are not whole.
    pub(crate) fn decode(options: &[TcOption]) -> Option<Self> {
        let [TcOption::Other(nested)] = options else {
            return None;
        };
        let mut bytes = vec![0; nested.value_len()];
        nested.emit_value(&mut bytes);
        let attributes: BTreeMap<u16, &[u8]> = NlasIterator::new(&bytes)
            .map_while(Result::ok)
            .filter_map(|attribute| Some((attribute.kind(), value(attribute)?)))
            .collect();
        let parms = attributes.get(&TCA_TBF_PARMS)?;
        let wide = |kind| attributes.get(kind).and_then(|value| Some(u64::from_ne_bytes(take(value, 0)?)));
        let narrow = |at| Some(u32::from_ne_bytes(take(parms, at)?));
        Some(Self {
            rate: wide(&TCA_TBF_RATE64).or(narrow(RATE_AT).map(u64::from))?,
            peak: wide(&TCA_TBF_PRATE64).or(narrow(PEAK_AT).map(u64::from))?,
            queue: narrow(QUEUE_AT)?,
            burst_ticks: narrow(BUFFER_AT)?,
        })
    }
}

/// An attribute's value, without its header of four bytes and the padding behind.
fn value(attribute: NlaBuffer<&[u8]>) -> Option<&[u8]> {
    let length = usize::from(attribute.length());
    attribute.into_inner().get(4..length)
}

fn take<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// The options that make the kernel set that filter.
///
/// Buffer and mtu of `tc_tbf_qopt` stay 0: `TCA_TBF_BURST` and `TCA_TBF_PBURST`, in bytes, replace them.
pub(crate) fn encode(tbf: &Tbf) -> Vec<TcOption> {
    let mut parms = [ratespec(tbf.rate), ratespec(NO_PEAK)].concat();
    parms.extend([tbf.queue, 0, 0].into_iter().flat_map(u32::to_ne_bytes));
    let mut options = vec![(TCA_TBF_PARMS, parms)];
    if u32::try_from(tbf.rate).is_err() {
        options.push((TCA_TBF_RATE64, tbf.rate.to_ne_bytes().to_vec()));
    }
    options.push((TCA_TBF_PRATE64, NO_PEAK.to_ne_bytes().to_vec()));
    options.push((TCA_TBF_BURST, tbf.burst.to_ne_bytes().to_vec()));
    options.push((TCA_TBF_PBURST, tbf.frame.to_ne_bytes().to_vec()));
    options.into_iter().map(|(kind, value)| TcOption::Other(DefaultNla::new(kind, value))).collect()
}

/// `struct tc_ratespec`: cell size (1 byte), link layer (1), overhead (2), alignment (2), smallest packet (2), and the
/// rate (4), which is all ones where the 64-bit attribute holds it.
fn ratespec(rate: u64) -> Vec<u8> {
    let narrow = u32::try_from(rate).unwrap_or(u32::MAX);
    let mut spec = vec![0, TC_LINKLAYER_ETHERNET, 0, 0, 0, 0, 0, 0];
    spec.extend(narrow.to_ne_bytes());
    spec
}

#[cfg(test)]
mod tests {
    use flow_control::Bandwidth;
    use proptest::prelude::*;
    use rtnetlink::packet_core::Emitable;

    use super::*;

    /// The options as one attribute, as a dump has them; the kernel fills in the buffer's time.
    fn as_dumped(tbf: &Tbf) -> Vec<TcOption> {
        let options = encode(tbf);
        let mut bytes = vec![0; options.as_slice().buffer_len()];
        options.as_slice().emit(&mut bytes);
        let ticks = u128::from(tbf.burst) * 1_000_000_000 / u128::from(tbf.rate) / TICK_NANOS;
        let ticks = u32::try_from(ticks).unwrap();
        bytes[4 + BUFFER_AT..8 + BUFFER_AT].copy_from_slice(&ticks.to_ne_bytes());
        vec![TcOption::Other(DefaultNla::new(2, bytes))]
    }

    #[test]
    fn parameters_have_the_kernels_layout() {
        let parms = match &encode(&Tbf::new(Bandwidth::from_bps(80_000_000), 1500))[0] {
            TcOption::Other(nla) => nla.clone(),
            other => panic!("{other:?}"),
        };
        let mut bytes = vec![0; parms.value_len()];
        parms.emit_value(&mut bytes);
        assert_eq!(bytes.len(), 36);
        assert_eq!(bytes[..8], [0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[8..12], 10_000_000u32.to_ne_bytes());
        assert_eq!(bytes[20..24], u32::MAX.to_ne_bytes());
        assert_eq!(bytes[24..28], 502_768u32.to_ne_bytes());
    }

    #[test]
    fn options_cut_short_are_not_read() {
        let TcOption::Other(whole) = &as_dumped(&Tbf::new(Bandwidth::from_bps(80_000_000), 1500))[0] else {
            panic!()
        };
        let mut bytes = vec![0; whole.value_len()];
        whole.emit_value(&mut bytes);
        for length in 0..36 {
            let cut = TcOption::Other(DefaultNla::new(2, bytes[..length].to_vec()));
            assert_eq!(Shown::decode(&[cut]), None);
        }
        assert_eq!(Shown::decode(&[]), None);
    }

    proptest! {
        #[test]
        fn what_is_encoded_reads_back_the_same(bps in 1_000u64..=1_000_000_000_000_000, mtu in 68u32..=65_535) {
            let tbf = Tbf::new(Bandwidth::from_bps(bps), mtu);
            let shown = Shown::decode(&as_dumped(&tbf)).unwrap();
            prop_assert_eq!(shown.rate, tbf.rate);
            prop_assert!(shown.is(&tbf));
            let (faster, shorter) = (Tbf { rate: tbf.rate + 1, ..tbf }, Tbf { queue: tbf.queue - 1, ..tbf });
            prop_assert!(!shown.is(&faster) && !shown.is(&shorter));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Shown::decode(&[TcOption::Other(DefaultNla::new(2, bytes))]);
        }
    }
}
