//! What was measured during one run, in seconds after the start of its traffic.

use crate::capacity::Capacity;
use crate::limits::Total;

/// One probe of the harness.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Probe {
    pub(crate) sent_s: f64,
    /// In microseconds; `None` where it was lost.
    pub(crate) rtt_us: Option<f64>,
}

/// The bytes that had left through the link at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) u64);

/// A limit was written into an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Write {
    pub(crate) at_s: f64,
    pub(crate) object: String,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recording {
    /// In the order of sending.
    pub(crate) probes: Vec<Probe>,
    pub(crate) capacity: Vec<Capacity>,
    pub(crate) totals: Vec<Total>,
    /// The counter of the link, at times.
    pub(crate) sent: Vec<(f64, Bytes)>,
    pub(crate) writes: Vec<Write>,
    /// Pods that went, and containers that restarted.
    pub(crate) pod_restarts: usize,
    /// When the policy first said that its limits do not help; only looked for during a fault.
    pub(crate) ineffective_s: Option<f64>,
}

impl Recording {
    /// The probes sent from `from_s` on, and before `to_s`.
    pub(crate) fn probes(&self, from_s: f64, to_s: f64) -> &[Probe] {
        let before = |time: f64| self.probes.partition_point(|probe| probe.sent_s < time);
        self.probes.get(before(from_s)..before(to_s)).unwrap_or_default()
    }

    /// What left through the link on average, in Mbit/s; `None` where the counter was not read.
    pub(crate) fn link_mbps(&self, from_s: f64, to_s: f64) -> Option<f64> {
        let within: Vec<_> = self.sent.iter().filter(|(at_s, _)| (from_s..=to_s).contains(at_s)).collect();
        let ((first_s, Bytes(first)), (last_s, Bytes(last))) = (within.first()?, within.last()?);
        let bytes = u32::try_from(last.checked_sub(*first)?).ok()?;
        (last_s > first_s).then(|| f64::from(bytes) * 8.0 / 1e6 / (last_s - first_s))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A probe each 10 ms from -2 s to `to_s`, whose delay in microseconds is that of the function.
    pub(crate) fn probed(to_s: u32, rtt_us: impl Fn(f64) -> Option<f64>) -> Recording {
        let times = (0..to_s * 100 + 200).map(|number| (f64::from(number) - 200.0) / 100.0);
        let probes = times.map(|sent_s| Probe { sent_s, rtt_us: rtt_us(sent_s) });
        Recording { probes: probes.collect(), ..Recording::default() }
    }

    #[test]
    fn probes_are_found_by_the_time_of_sending() {
        let recording = probed(3, |_| Some(200.0));
        let found = recording.probes(1.0, 2.0);
        assert_eq!((found.len(), found[0].sent_s, found[99].sent_s), (100, 1.0, 1.99));
        assert!(recording.probes(5.0, 6.0).is_empty());
    }

    #[test]
    fn the_link_carries_what_its_counter_gained() {
        let sent = vec![(0.0, Bytes(0)), (1.0, Bytes(1_000_000)), (3.0, Bytes(5_000_000)), (4.0, Bytes(9))];
        let recording = Recording { sent, ..Recording::default() };
        assert_eq!(recording.link_mbps(0.5, 3.5), Some(16.0));
        assert_eq!((recording.link_mbps(0.5, 2.0), recording.link_mbps(2.5, 4.5)), (None, None));
    }
}
