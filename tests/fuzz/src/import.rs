use crate::input::text;
use flow_manager::import::{Config, import as map};
use flow_policy::{FlowPolicy, Policy};
use std::collections::BTreeSet;

/// A configuration of the predecessor.
///
/// What comes out of it are policies that can be used, one for each namespace, which read back the same from the YAML
/// that is printed.
pub fn import(data: &[u8]) {
    let Ok(config) = Config::parse(text(data)) else { return };
    let Ok(imported) = map(&config, "critical-apps") else { return };
    let policies = &imported.policies;
    let namespaces: BTreeSet<_> = policies.iter().map(|policy| &policy.metadata.namespace).collect();
    assert!(!policies.is_empty() && namespaces.len() == policies.len());
    for policy in policies {
        Policy::try_from(&policy.spec).expect("an imported policy can be used");
        let yaml = serde_saphyr::to_string(policy).expect("a policy is YAML");
        let read: FlowPolicy =
            serde_saphyr::from_str(&yaml).unwrap_or_else(|error| panic!("{error}: {yaml}"));
        assert_eq!(read, *policy, "{yaml}");
    }
}
