//! Who holds a pod, as one of the policies that limit it sees it.

use super::book::Claims;
use super::write::Foreign;
use crate::cluster::PolicyId;
use flow_control::{Bandwidth, arbitrate};
use flow_policy::show;
use std::collections::BTreeSet;

/// How many policies a message names.
const MOST_NAMES: usize = 3;

/// Who holds a pod, as a policy that limits it sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// The policy alone, or nobody.
    Alone,
    /// The policy, and these others limit it too, no lower.
    Also(BTreeSet<PolicyId>),
    /// Another policy, lower.
    Lower(PolicyId),
    /// A lower limit that the pod had before any policy.
    Before(Bandwidth),
    /// Somebody by hand, no higher.
    ByHand {
        /// What they have done.
        deed: String,
    },
}

/// Who holds a pod, as `policy` sees it, which had the limit `before` any policy.
pub(super) fn held(
    before: Option<Bandwidth>,
    policy: &PolicyId,
    claims: &Claims,
    foreign: Option<&Foreign>,
) -> Held {
    let Some(mine) = claims.get(policy) else { return Held::Alone };
    if let Some(by_hand) = foreign.and_then(|foreign| by_hand(foreign, *mine)) {
        return by_hand;
    }
    let lowest = arbitrate(claims.iter());
    match (before, lowest) {
        (Some(before), Some(lowest)) if before < lowest.limit => Held::Before(before),
        (_, Some(lowest)) if lowest.limit < *mine => Held::Lower(lowest.policy.clone()),
        _ => {
            let others = claims.iter().map(|claim| claim.policy).filter(|other| *other != policy);
            let others: BTreeSet<_> = others.cloned().collect();
            if others.is_empty() { Held::Alone } else { Held::Also(others) }
        }
    }
}

fn by_hand(foreign: &Foreign, mine: Bandwidth) -> Option<Held> {
    foreign.holds(Some(&mine)).then(|| Held::ByHand { deed: foreign.deed() })
}

/// What there is to say of a target whose pods are held like this; nothing where the policy holds them alone. No limit
/// of another policy is in it, since that may change several times a second.
#[must_use]
pub fn sentence(pods: &[Held]) -> Option<String> {
    let said = [lower(pods), before(pods), by_hands(pods), also(pods)];
    let said: Vec<_> = said.into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join("; "))
}

fn lower(pods: &[Held]) -> Option<String> {
    let by: Vec<_> =
        pods.iter().filter_map(|held| if let Held::Lower(by) = held { Some(by) } else { None }).collect();
    let are = of(by.len(), pods.len(), "is", "are")?;
    Some(format!("{are} held lower by {}", names(&by.into_iter().collect())))
}

fn before(pods: &[Held]) -> Option<String> {
    let limits: Vec<_> = pods
        .iter()
        .filter_map(|held| if let Held::Before(limit) = held { Some(limit) } else { None })
        .collect();
    let keep = of(limits.len(), pods.len(), "keeps", "keep")?;
    Some(format!("{keep} the lower limit of before, {}", show::bandwidth(**limits.iter().min()?)))
}

fn by_hands(pods: &[Held]) -> Option<String> {
    let deeds: Vec<_> = pods
        .iter()
        .filter_map(|held| if let Held::ByHand { deed } = held { Some(deed) } else { None })
        .collect();
    let are = of(deeds.len(), pods.len(), "is", "are")?;
    Some(format!("{are} held by somebody else, who has {}", deeds.into_iter().min()?))
}

fn also(pods: &[Held]) -> Option<String> {
    let others: BTreeSet<_> = pods
        .iter()
        .filter_map(|held| if let Held::Also(others) = held { Some(others) } else { None })
        .flatten()
        .collect();
    (!others.is_empty()).then(|| format!("also limited by {}", names(&others)))
}

/// So many of all pods with the verb for them; `None` if that is none of them.
fn of(number: usize, all: usize, one: &str, more: &str) -> Option<String> {
    let noun = if all == 1 { "pod" } else { "pods" };
    (number > 0).then(|| format!("{number} of {all} {noun} {}", if number == 1 { one } else { more }))
}

fn names(policies: &BTreeSet<&PolicyId>) -> String {
    let noun = if policies.len() == 1 { "policy" } else { "policies" };
    let named: Vec<_> = policies.iter().take(MOST_NAMES).map(ToString::to_string).collect();
    let more = policies.len().saturating_sub(MOST_NAMES);
    let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("the {noun} {}{rest}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::backend::Backend;
    use super::super::record::before_us;
    use super::*;
    use crate::cluster::CachedPod;
    use flow_policy::names::{EGRESS_BANDWIDTH, ORIGINAL_EGRESS_BANDWIDTH};
    use k8s_openapi::api::core::v1::Pod;
    use proptest::prelude::*;

    fn policy(name: &str) -> PolicyId {
        PolicyId::new("lab", name)
    }

    fn claims(claims: &[(&str, u64)]) -> Claims {
        claims.iter().map(|(name, mbps)| (policy(name), Bandwidth::from_mbps(*mbps))).collect()
    }

    fn pod(original: &str) -> CachedPod {
        let mut pod = Pod::default();
        let annotations = [(ORIGINAL_EGRESS_BANDWIDTH.to_owned(), original.to_owned())];
        pod.metadata.annotations = Some(annotations.into());
        CachedPod::from(&pod)
    }

    fn set_by_hand(mbps: u64) -> Foreign {
        let limit = Some(Bandwidth::from_mbps(mbps));
        Foreign { key: EGRESS_BANDWIDTH.to_owned(), value: Some(format!("{mbps}M")), limit }
    }

    fn seen_by(who: &str, original: &str, of: &[(&str, u64)], foreign: Option<&Foreign>) -> Held {
        held(before_us(&pod(original), Backend::Shaper), &policy(who), &claims(of), foreign)
    }

    fn others(names: &[&str]) -> Held {
        Held::Also(names.iter().map(|name| policy(name)).collect())
    }

    #[test]
    fn the_lowest_policy_holds_a_pod_and_both_know_of_each_other() {
        let both = [("a", 60), ("b", 30)];
        assert_eq!(seen_by("a", "", &both, None), Held::Lower(policy("b")));
        assert_eq!(seen_by("b", "", &both, None), others(&["a"]));
        assert_eq!(seen_by("a", "", &[("a", 60)], None), Held::Alone);
        assert_eq!(seen_by("c", "", &both, None), Held::Alone, "it limits nothing");
    }

    #[test]
    fn of_equal_limits_neither_is_lower() {
        let both = [("a", 30), ("b", 30)];
        assert_eq!(
            [seen_by("a", "", &both, None), seen_by("b", "", &both, None)],
            [others(&["b"]), others(&["a"])]
        );
    }

    #[test]
    fn a_limit_of_before_counts_where_it_is_lower() {
        let both = [("a", 60), ("b", 30)];
        assert_eq!(seen_by("a", "20M", &both, None), Held::Before(Bandwidth::from_mbps(20)));
        assert_eq!(seen_by("a", "40M", &both, None), Held::Lower(policy("b")));
        assert_eq!(seen_by("b", "30M", &both, None), others(&["a"]));
    }

    #[test]
    fn a_value_set_by_hand_holds_for_those_that_want_no_less() {
        let (both, by_hand) = ([("a", 60), ("b", 30)], set_by_hand(40));
        let held = Held::ByHand { deed: "set kubernetes.io/egress-bandwidth to \"40M\"".to_owned() };
        assert_eq!(seen_by("a", "", &both, Some(&by_hand)), held);
        assert_eq!(seen_by("b", "", &both, Some(&by_hand)), others(&["a"]));
    }

    #[test]
    fn a_target_whose_pods_are_held_by_the_policy_alone_needs_no_word() {
        assert_eq!(sentence(&[]), None);
        assert_eq!(sentence(&[Held::Alone, Held::Alone]), None);
    }

    #[test]
    fn what_else_holds_pods_is_said_in_one_line() {
        let (other, alone) = (Held::Lower(policy("other")), Held::Alone);
        assert_eq!(
            sentence(&[other.clone(), alone.clone(), other.clone()]).unwrap(),
            "2 of 3 pods are held lower by the policy lab/other"
        );
        assert_eq!(sentence(&[others(&["a"]), others(&["a"])]).unwrap(), "also limited by the policy lab/a");
        let by_hand = Held::ByHand { deed: set_by_hand(5).deed() };
        assert_eq!(
            sentence(&[by_hand]).unwrap(),
            "1 of 1 pod is held by somebody else, who has set kubernetes.io/egress-bandwidth to \"5M\""
        );
        let before = Held::Before(Bandwidth::from_mbps(20));
        assert_eq!(
            sentence(&[before, other, others(&["a", "b"])]).unwrap(),
            "1 of 3 pods is held lower by the policy lab/other; 1 of 3 pods keeps the lower limit of before, 20M; \
             also limited by the policies lab/a, lab/b"
        );
    }

    #[test]
    fn a_crowd_is_counted_and_a_long_value_is_cut() {
        let crowd: Vec<_> = ["d", "a", "c", "b", "e"].map(|name| Held::Lower(policy(name))).into();
        let expected = "5 of 5 pods are held lower by the policies lab/a, lab/b, lab/c and 2 more";
        assert_eq!(sentence(&crowd).unwrap(), expected);
        let long = Foreign { value: Some("9".repeat(10_000)), ..set_by_hand(5) };
        assert!(sentence(&[Held::ByHand { deed: long.deed() }]).unwrap().len() < 150);
    }

    proptest! {
        #[test]
        fn the_order_of_pods_does_not_matter(names in prop::collection::vec("[a-d]", 1..6)) {
            let pods: Vec<_> = names.iter().map(|name| Held::Lower(policy(name))).collect();
            let turned: Vec<_> = pods.iter().rev().cloned().collect();
            prop_assert_eq!(sentence(&pods), sentence(&turned));
        }
    }
}
