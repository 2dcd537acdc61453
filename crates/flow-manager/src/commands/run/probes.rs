//! The arguments that say what probes may do.

use flow_probe::{AddressRules, IpNet, Key, KeyError, Options};
use std::path::PathBuf;

/// What the probes of policies may do.
#[derive(Debug, clap::Args)]
pub(super) struct ProbeArgs {
    /// A network that policies may not probe, such as 10.96.0.0/12; may be given more than once.
    ///
    /// Besides, none may probe addresses that are unspecified, loopback, link-local, a cloud's metadata, multicast or
    /// broadcast. Of several networks that an address is in, the smallest decides.
    #[arg(long = "probe-deny-cidr", value_name = "NETWORK")]
    denied: Vec<IpNet>,
    /// A network that policies may probe all the same; may be given more than once.
    #[arg(long = "probe-allow-cidr", value_name = "NETWORK")]
    allowed: Vec<IpNet>,
    /// A file with the key that the reflectors have: UDP probes are sealed with it, and answers without it ignored.
    #[arg(long = "probe-key-file", value_name = "FILE")]
    key: Option<PathBuf>,
}

impl ProbeArgs {
    pub(super) fn options(&self) -> Result<Options, KeyError> {
        let rules = AddressRules::careful().deny(&self.denied).allow(&self.allowed);
        let key = self.key.as_deref().map(Key::read).transpose()?;
        Ok(Options { rules, key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        probes: ProbeArgs,
    }

    fn options(line: &str) -> Options {
        Cli::try_parse_from(line.split(' '))
            .unwrap_or_else(|error| panic!("{error}"))
            .probes
            .options()
            .unwrap()
    }

    #[test]
    fn the_metadata_address_is_forbidden_unless_it_is_allowed() {
        let allows = |line, address: [u8; 4]| options(line).rules.allows(address.into());
        assert!(!allows("run", [169, 254, 169, 254]) && !allows("run", [127, 0, 0, 1]));
        assert!(
            allows("run", [10, 96, 0, 1]) && !allows("run --probe-deny-cidr 10.96.0.0/12", [10, 96, 0, 1])
        );
        assert!(allows("run --probe-allow-cidr 169.254.169.254/32", [169, 254, 169, 254]));
        let only = "run --probe-deny-cidr 0.0.0.0/0 --probe-allow-cidr 198.18.0.0/15";
        assert!(
            allows(only, [198, 18, 0, 1]) && !allows(only, [10, 0, 0, 1]) && !allows(only, [127, 0, 0, 1])
        );
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for network in ["10.0.0.1", "10.0.0.0/33", "robot", "::/129"] {
            assert!(Cli::try_parse_from(["run", "--probe-deny-cidr", network]).is_err(), "{network}");
        }
    }
}
