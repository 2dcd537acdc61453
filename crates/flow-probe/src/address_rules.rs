//! Which addresses may be probed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Addresses that no flow is at: of this pod itself, of its node's link, of a cloud's metadata, of groups.
const FORBIDDEN: [&str; 15] = [
    // "This network" (RFC 1122); Linux takes 0.0.0.0 for itself.
    "0.0.0.0/8",
    "127.0.0.0/8",
    // Link-local (RFC 3927), with the metadata of most clouds, and more narrowly those addresses themselves.
    "169.254.0.0/16",
    "169.254.169.254/32",
    "169.254.170.2/32",
    // Metadata of Alibaba Cloud and of Oracle Cloud, and the agent of Azure.
    "100.100.100.200/32",
    "192.0.0.192/32",
    "168.63.129.16/32",
    // Groups and everybody.
    "224.0.0.0/4",
    "255.255.255.255/32",
    // Unspecified and loopback.
    "::/127",
    "fe80::/10",
    // Metadata of AWS and of Google Cloud.
    "fd00:ec2::254/128",
    "fd20:ce::254/128",
    "ff00::/8",
];

/// Which addresses may be probed: of all networks that an address is in, the smallest decides; of two that are alike,
/// the one that is allowed.
#[derive(Clone, Debug, Default)]
pub struct AddressRules {
    rules: Vec<(IpNet, Verdict)>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Verdict {
    Denied,
    Allowed,
}

impl AddressRules {
    /// Every address may be probed.
    #[must_use]
    pub fn anywhere() -> Self {
        Self::default()
    }

    /// No address may be that is unspecified, loopback, link-local, a cloud's metadata, multicast or broadcast.
    #[must_use]
    pub fn careful() -> Self {
        let forbidden: Vec<_> = FORBIDDEN.iter().filter_map(|network| network.parse().ok()).collect();
        Self::anywhere().deny(&forbidden)
    }

    /// The same, but the addresses in `networks` may not be probed.
    #[must_use]
    pub fn deny(self, networks: &[IpNet]) -> Self {
        self.with(networks, Verdict::Denied)
    }

    /// The same, but the addresses in `networks` may be probed.
    #[must_use]
    pub fn allow(self, networks: &[IpNet]) -> Self {
        self.with(networks, Verdict::Allowed)
    }

    fn with(mut self, networks: &[IpNet], verdict: Verdict) -> Self {
        self.rules.extend(networks.iter().map(|network| (network.trunc(), verdict)));
        self
    }

    /// Whether `address` may be probed. One of IPv6 that carries one of IPv4 is as forbidden as that.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        let carried = match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => carried(address).map(IpAddr::V4),
        };
        [Some(address), carried]
            .into_iter()
            .flatten()
            .all(|address| self.verdict(address) == Verdict::Allowed)
    }

    fn verdict(&self, address: IpAddr) -> Verdict {
        let holding = self.rules.iter().filter(|(network, _)| network.contains(&address));
        let smallest = holding.max_by_key(|(network, verdict)| (network.prefix_len(), *verdict));
        smallest.map_or(Verdict::Allowed, |(_, verdict)| *verdict)
    }
}

/// The IPv4 address that an IPv6 address leads to: mapped or compatible (RFC 4291), by NAT64 (RFC 6052) or by 6to4 (RFC
/// 3056).
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    // They look like compatible ones.
    if address.is_unspecified() || address.is_loopback() {
        return None;
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn allowed(rules: &AddressRules, address: &str) -> bool {
        rules.allows(address.parse().unwrap())
    }

    fn networks(networks: &[&str]) -> Vec<IpNet> {
        networks.iter().map(|network| network.parse().unwrap()).collect()
    }

    #[test]
    fn each_network_of_the_list_is_one() {
        assert_eq!(AddressRules::careful().rules.len(), FORBIDDEN.len());
    }

    #[test]
    fn addresses_that_no_flow_is_at_are_forbidden_by_default() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.0.1",
            "169.254.169.254",
            "169.254.170.2",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
            "224.0.0.1",
            "239.255.255.255",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "ff02::1",
        ] {
            assert!(!allowed(&AddressRules::careful(), address), "{address}");
        }
    }

    #[test]
    fn an_ipv6_address_is_as_forbidden_as_the_ipv4_address_that_it_leads_to() {
        for address in [
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "::169.254.169.254",
            "2002:a9fe:a9fe::1",
            "::ffff:0.0.0.0",
        ] {
            assert!(!allowed(&AddressRules::careful(), address), "{address}");
        }
        for address in ["::ffff:198.18.0.1", "64:ff9b::198.18.0.1", "2002:c612:1::1"] {
            assert!(allowed(&AddressRules::careful(), address), "{address}");
        }
    }

    #[test]
    fn all_others_are_allowed_by_default() {
        for address in
            ["198.18.0.1", "10.96.0.1", "192.168.0.1", "1.1.1.1", "169.253.1.1", "fd00::1", "2001:db8::1"]
        {
            assert!(allowed(&AddressRules::careful(), address), "{address}");
        }
    }

    #[test]
    fn the_smallest_network_decides_and_of_two_alike_the_allowed_one() {
        let rules = AddressRules::careful()
            .deny(&networks(&["0.0.0.0/0", "10.96.0.0/12"]))
            .allow(&networks(&["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "::ffff:10.1.2.3/128"]));
        for (address, expected) in [
            ("10.1.2.3", true),
            ("10.96.0.1", false),
            ("198.18.0.1", false),
            ("127.0.0.1", true),
            ("169.254.7.7", true),
            ("169.254.169.254", false),
            ("::ffff:10.1.2.3", true),
            ("::ffff:198.18.0.1", false),
        ] {
            assert_eq!(allowed(&rules, address), expected, "{address}");
        }
    }

    proptest! {
        #[test]
        fn no_way_to_write_a_forbidden_ipv4_address_is_allowed(address: u32) {
            let rules = AddressRules::careful();
            let address = Ipv4Addr::from(address);
            let mapped = address.to_ipv6_mapped();
            prop_assert_eq!(rules.allows(mapped.into()), rules.allows(address.into()));
        }
    }
}
