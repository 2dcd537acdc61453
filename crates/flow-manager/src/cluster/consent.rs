use super::Caches;
use flow_policy::names::POLICIES_FROM;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;

/// What stands for every namespace.
const ALL: &str = "*";

/// Whether pods in `namespace` may be limited by policies in the namespace `policies`. Only its Namespace object says
/// so, which tenants cannot usually write.
pub(super) fn consents(caches: &Caches, namespace: &str, policies: &str) -> bool {
    namespace == policies
        || caches.namespaces.get(&ObjectRef::new(namespace)).is_some_and(|found| {
            found.annotations().get(POLICIES_FROM).is_some_and(|listed| lists(listed, policies))
        })
}

/// Whether `listed`, names of namespaces separated by commas, has `namespace` among them.
fn lists(listed: &str, namespace: &str) -> bool {
    let mut names = listed.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.any(|name| name == ALL || name == namespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_namespace_consents_to_those_that_it_lists() {
        for listed in ["factory", "factory,lab", "lab, factory", "  factory\t,", ",,factory", "*", "lab, *"] {
            assert!(lists(listed, "factory"), "{listed:?}");
        }
    }

    #[test]
    fn whatever_only_looks_like_consent_is_none() {
        for listed in [
            "",
            " ",
            ",",
            "lab",
            "factory-2",
            "my-factory",
            "factor",
            "Factory",
            "fac*",
            "**",
            "factory;lab",
            "factory lab",
            "factory/robot",
            "!factory",
            "\"factory\"",
            "true",
            "all",
        ] {
            assert!(!lists(listed, "factory"), "{listed:?}");
        }
        assert!(!lists(", ,", ""), "no name is no namespace");
    }

    proptest! {
        #[test]
        fn any_list_consents_to_its_members_and_to_nobody_else(
            names in prop::collection::vec("[a-z]{1,3}", 0..5), asking in "[a-z]{1,3}", blanks in " {0,2}",
        ) {
            let listed = names.join(&format!("{blanks},{blanks}"));
            prop_assert_eq!(lists(&listed, &asking), names.contains(&asking));
        }
    }
}
