//! A limit as the annotations of each back-end, and back.
//!
//! What each plugin takes comes from its source:
//! * Kubernetes' `pkg/util/bandwidth/utils.go` (1 kbit/s to 1 Pbit/s), which our shaper and the CNI plugin `bandwidth`
//!   follow;
//! * Cilium's `pkg/datapath/linux/bandwidth/bandwidth.go`: whole bytes per second, of which 0 is no limit;
//! * Calico's `libcalico-go/lib/backend/k8s/conversion/workload_endpoint_default.go`: the same bounds as Kubernetes, and
//!   a value beyond them counts as the bound; a burst in bits, 1 k to 8 × (2³² − 1), and 4 Gi without one;
//! * Kube-OVN's `pkg/ovs/ovs-vsctl_linux.go`: a whole number of Mbit/s, of which 0 is no limit. It goes to Open vSwitch
//!   as kbit/s, which are 32 bits wide there (`lib/netdev-linux.c`).
//!
//! Kube-OVN also has a burst. It stays what Kube-OVN makes of the rate: the burst is that of a policer, which drops, and
//! with a small one TCP gets much less than the rate.

use super::backend::Backend;
use flow_control::Bandwidth;
use flow_policy::names::{
    CALICO_EGRESS_BANDWIDTH, CALICO_EGRESS_BURST, EGRESS_BANDWIDTH, KUBE_OVN_EGRESS_RATE,
};

const BPS_PER_MBPS: u64 = 1_000_000;

/// A packet of 64 KiB that the kernel segments later, with the headers of its segments. After a change to a smaller
/// burst than such a packet that waits, a token bucket of Linux never sends again. Not more, as each change fills the
/// bucket.
const CALICO_BURST_FLOOR: u64 = 80 * 1024 * 8;
/// How late the timer of a token bucket may be without loss of throughput: 125 µs, as in our shaper.
const CALICO_LATE: u64 = 1_000_000 / 125;
const CALICO_HIGHEST_BURST: u64 = 8 * 4_294_967_295;

impl Backend {
    /// The annotations that it follows and that we write, the one with the limit first.
    #[must_use]
    pub const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Shaper | Self::Cilium | Self::AtCreation => &[EGRESS_BANDWIDTH],
            Self::Calico => &[CALICO_EGRESS_BANDWIDTH, CALICO_EGRESS_BURST],
            Self::KubeOvn => &[KUBE_OVN_EGRESS_RATE],
        }
    }

    /// The limits that it obeys.
    const fn obeyed(self) -> (Bandwidth, Bandwidth) {
        let (lowest, highest) = match self {
            Self::Shaper | Self::Calico | Self::AtCreation => (1_000, 1_000_000_000_000_000),
            Self::Cilium => (8, 1_000_000_000_000_000),
            Self::KubeOvn => (BPS_PER_MBPS, 4_294_967 * BPS_PER_MBPS),
        };
        (Bandwidth::from_bps(lowest), Bandwidth::from_bps(highest))
    }

    /// The limit that holds where `limit` is asked for: never a higher one, unless that is the lowest there is.
    #[must_use]
    pub fn nearest(self, limit: Bandwidth) -> Bandwidth {
        let (lowest, highest) = self.obeyed();
        let limit = limit.clamp(lowest, highest);
        if self == Self::KubeOvn { limit.whole_mbps() } else { limit }
    }

    /// The annotations for a limit: each of [`Self::keys`] with its value.
    #[must_use]
    pub fn encode(self, limit: Bandwidth) -> Vec<(&'static str, String)> {
        let limit = self.nearest(limit);
        match self {
            Self::Shaper | Self::Cilium | Self::AtCreation => vec![(EGRESS_BANDWIDTH, limit.to_string())],
            Self::Calico => vec![
                (CALICO_EGRESS_BANDWIDTH, limit.to_string()),
                (CALICO_EGRESS_BURST, calico_burst(limit).to_string()),
            ],
            Self::KubeOvn => vec![(KUBE_OVN_EGRESS_RATE, (limit.bps() / BPS_PER_MBPS).to_string())],
        }
    }

    /// The limit that it takes from a pod's annotations; `None` where that is none, or none that it understands.
    pub fn read<'a>(self, annotation: impl Fn(&str) -> Option<&'a str>) -> Option<Bandwidth> {
        let (lowest, highest) = self.obeyed();
        match self {
            Self::Shaper | Self::AtCreation => {
                let found = Bandwidth::parse_quantity(annotation(EGRESS_BANDWIDTH)?).ok()?;
                (lowest..=highest).contains(&found).then_some(found)
            }
            Self::Cilium => {
                let found = Bandwidth::parse_quantity(annotation(EGRESS_BANDWIDTH)?).ok()?;
                (found >= lowest).then_some(found)
            }
            Self::Calico => {
                let text = annotation(CALICO_EGRESS_BANDWIDTH).or_else(|| annotation(EGRESS_BANDWIDTH))?;
                Some(Bandwidth::parse_quantity(text).ok()?.clamp(lowest, highest))
            }
            Self::KubeOvn => {
                let mbps = annotation(KUBE_OVN_EGRESS_RATE)?.parse().ok()?;
                (mbps > 0).then_some(Bandwidth::from_mbps(mbps))
            }
        }
    }
}

fn calico_burst(limit: Bandwidth) -> Bandwidth {
    let burst = CALICO_BURST_FLOOR.saturating_add(limit.bps() / CALICO_LATE);
    Bandwidth::from_bps(burst.min(CALICO_HIGHEST_BURST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn read(backend: Backend, annotations: &[(&str, &str)]) -> Option<u64> {
        let annotations: BTreeMap<_, _> = annotations.iter().copied().collect();
        backend.read(|key| annotations.get(key).copied()).map(Bandwidth::bps)
    }

    fn back(backend: Backend, limit: Bandwidth) -> Bandwidth {
        let annotations: BTreeMap<_, _> = backend.encode(limit).into_iter().collect();
        backend.read(|key| annotations.get(key).map(String::as_str)).unwrap()
    }

    fn encoded(backend: Backend, bps: u64) -> Vec<String> {
        let annotations = backend.encode(Bandwidth::from_bps(bps));
        annotations.into_iter().map(|(key, value)| format!("{key}={value}")).collect()
    }

    #[test]
    fn each_plugin_gets_its_own_syntax() {
        for backend in [Backend::Shaper, Backend::Cilium, Backend::AtCreation] {
            assert_eq!(encoded(backend, 64_500_000), ["kubernetes.io/egress-bandwidth=64500k"]);
        }
        assert_eq!(
            encoded(Backend::Calico, 64_000_000),
            ["qos.projectcalico.org/egressBandwidth=64M", "qos.projectcalico.org/egressBurst=663360"]
        );
        assert_eq!(encoded(Backend::KubeOvn, 64_999_999), ["ovn.kubernetes.io/egress_rate=64"]);
    }

    #[test]
    fn what_would_mean_no_limit_becomes_the_lowest_limit() {
        for bps in [0, 1, 7, 999, 999_999] {
            assert_eq!(encoded(Backend::KubeOvn, bps), ["ovn.kubernetes.io/egress_rate=1"]);
        }
        assert_eq!(encoded(Backend::Cilium, 0), ["kubernetes.io/egress-bandwidth=8"]);
        assert_eq!(encoded(Backend::Shaper, 0), ["kubernetes.io/egress-bandwidth=1k"]);
    }

    #[test]
    fn what_is_too_high_becomes_the_highest_limit() {
        assert_eq!(encoded(Backend::KubeOvn, u64::MAX), ["ovn.kubernetes.io/egress_rate=4294967"]);
        assert_eq!(encoded(Backend::Shaper, u64::MAX), ["kubernetes.io/egress-bandwidth=1P"]);
        assert_eq!(
            encoded(Backend::Calico, u64::MAX),
            ["qos.projectcalico.org/egressBandwidth=1P", "qos.projectcalico.org/egressBurst=34359738360"]
        );
    }

    #[test]
    fn values_that_a_plugin_does_not_obey_are_no_limit() {
        for value in ["", "0", "999", "2P", "fast", "-5M"] {
            assert_eq!(read(Backend::Shaper, &[(EGRESS_BANDWIDTH, value)]), None, "{value}");
        }
        for value in ["", "0", "7", "fast"] {
            assert_eq!(read(Backend::Cilium, &[(EGRESS_BANDWIDTH, value)]), None, "{value}");
        }
        for value in ["", "0", "-5", "64M", "1.5", " 3"] {
            assert_eq!(read(Backend::KubeOvn, &[(KUBE_OVN_EGRESS_RATE, value)]), None, "{value}");
        }
        assert_eq!(read(Backend::Calico, &[(CALICO_EGRESS_BANDWIDTH, "fast")]), None);
        for backend in Backend::ALL {
            assert_eq!(read(backend, &[]), None, "{backend:?}");
        }
    }

    #[test]
    fn values_that_a_plugin_obeys_are_limits() {
        assert_eq!(read(Backend::Shaper, &[(EGRESS_BANDWIDTH, "1Ki")]), Some(1024));
        assert_eq!(read(Backend::Cilium, &[(EGRESS_BANDWIDTH, "8")]), Some(8));
        assert_eq!(read(Backend::KubeOvn, &[(KUBE_OVN_EGRESS_RATE, "3")]), Some(3_000_000));
    }

    #[test]
    fn calico_takes_its_own_annotation_first_and_caps_it() {
        let both = [(CALICO_EGRESS_BANDWIDTH, "5M"), (EGRESS_BANDWIDTH, "3M")];
        assert_eq!(read(Backend::Calico, &both), Some(5_000_000));
        assert_eq!(read(Backend::Calico, &[(EGRESS_BANDWIDTH, "3M")]), Some(3_000_000));
        assert_eq!(read(Backend::Calico, &[(CALICO_EGRESS_BANDWIDTH, "0")]), Some(1_000));
        assert_eq!(read(Backend::Calico, &[(CALICO_EGRESS_BANDWIDTH, "2P")]), Some(1_000_000_000_000_000));
    }

    #[test]
    fn kube_ovn_is_exact_around_every_megabit() {
        for mbps in 1..=10_000 {
            for (below, expected) in [(0, mbps), (1, (mbps - 1).max(1))] {
                let limit = Bandwidth::from_bps(mbps * BPS_PER_MBPS - below);
                assert_eq!(back(Backend::KubeOvn, limit), Bandwidth::from_mbps(expected));
            }
        }
    }

    /// Any magnitude is as likely as another.
    fn limits() -> impl Strategy<Value = Bandwidth> {
        (any::<u64>(), 0u32..64).prop_map(|(bps, shift)| Bandwidth::from_bps(bps >> shift))
    }

    fn backends() -> impl Strategy<Value = Backend> {
        prop::sample::select(&Backend::ALL[..])
    }

    proptest! {
        #[test]
        fn what_the_plugin_reads_is_never_more_than_was_asked_for(backend in backends(), limit in limits()) {
            let (lowest, _) = backend.obeyed();
            prop_assert!(back(backend, limit) <= limit.max(lowest));
            prop_assert_eq!(back(backend, limit), backend.nearest(limit));
        }

        #[test]
        fn within_the_bounds_less_than_a_megabit_is_lost(backend in backends(), limit in limits()) {
            let (lowest, highest) = backend.obeyed();
            if (lowest..=highest).contains(&limit) {
                let lost = limit.minus(back(backend, limit)).bps();
                let step = if backend == Backend::KubeOvn { BPS_PER_MBPS } else { 1 };
                prop_assert!(lost < step);
            }
        }

        #[test]
        fn a_lower_limit_is_never_encoded_as_a_higher_one(backend in backends(), a in limits(), b in limits()) {
            let (lower, higher) = (a.min(b), a.max(b));
            prop_assert!(back(backend, lower) <= back(backend, higher));
        }

        #[test]
        fn each_key_gets_a_value(backend in backends(), limit in limits()) {
            let keys: Vec<_> = backend.encode(limit).into_iter().map(|(key, _)| key).collect();
            prop_assert_eq!(keys, backend.keys());
        }

        #[test]
        fn the_burst_of_calico_is_one_that_it_takes_and_holds_a_packet(limit in limits()) {
            let annotations = Backend::Calico.encode(limit);
            let bits = Bandwidth::parse_quantity(&annotations[1].1).unwrap().bps();
            prop_assert!((CALICO_BURST_FLOOR..=CALICO_HIGHEST_BURST).contains(&bits));
            // Calico counts the time of a burst in microseconds; none is too little.
            let micros = u128::from(bits) * 1_000_000 / u128::from(back(Backend::Calico, limit).bps());
            prop_assert!(micros >= 1, "{micros}");
        }

        #[test]
        fn any_text_is_read_without_a_panic(backend in backends(), text in ".{0,40}") {
            let _ = backend.read(|_| Some(&text));
        }
    }
}
