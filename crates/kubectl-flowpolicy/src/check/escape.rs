use super::report::{Check, Outcome};
use crate::policies::{Hold, PodView, Pods, Seen};
use std::collections::BTreeSet;

/// No pod of a target escapes its limit, as far as pods tell themselves.
pub(super) fn check(seen: &Seen) -> Vec<Check> {
    let targets = || seen.policies.iter().flat_map(|policy| &policy.targets);
    let pods = targets().flat_map(|target| target.pods.seen());
    let mut told = BTreeSet::new();
    let mut checks: Vec<_> =
        pods.filter(|pod| told.insert((pod.namespace.clone(), pod.name.clone()))).filter_map(judge).collect();
    checks.extend(targets().filter_map(|target| match &target.pods {
        Pods::Seen(_) => None,
        Pods::Unseen(why) => {
            let found = format!("the pods of {} are not seen: {why}", target.target.id);
            Some(Check::otherwise(Outcome::Unknown, found, "", "docs/policy.md#targets"))
        }
    }));
    if checks.is_empty() { vec![Check::passed(none(told.len()))] } else { checks }
}

fn none(pods: usize) -> String {
    match pods {
        0 => "no policy limits a pod now".to_owned(),
        1 => "the only pod is within reach".to_owned(),
        pods => format!("none of {pods} pods"),
    }
}

fn judge(pod: &PodView) -> Option<Check> {
    let name = format!("{}/{}", pod.namespace, pod.name);
    let documentation = "docs/operating.md#when-something-is-off";
    match &pod.hold {
        Hold::HostNetwork => Some(Check::otherwise(
            Outcome::Warning,
            format!("{name} uses the network of its node (hostNetwork): no limit reaches it"),
            "leave it out of the policy, or run it without hostNetwork",
            documentation,
        )),
        Hold::ByHand(deed) => Some(Check::otherwise(
            Outcome::Warning,
            format!("{name}: somebody else has {deed}"),
            "take that back, or leave the pod out of the policy",
            documentation,
        )),
        Hold::Nothing | Hold::Written { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::fixture::{pod, violated};

    #[test]
    fn all_is_well_with_any_number_of_pods() {
        let said = [0, 1, 3].map(none);
        assert_eq!(said, ["no policy limits a pod now", "the only pod is within reach", "none of 3 pods"]);
    }

    #[test]
    fn a_pod_on_the_network_of_its_node_escapes_and_is_told_once() {
        let mut policy = violated();
        policy.targets[0].pods = Pods::Seen(vec![pod(Hold::HostNetwork)]);
        let checks = check(&Seen { policies: vec![policy.clone(), policy] });
        assert_eq!(checks.len(), 1);
        assert_eq!(checks[0].outcome, Outcome::Warning);
        assert_eq!(
            check(&Seen { policies: vec![violated()] }),
            [Check::passed("the only pod is within reach")]
        );
    }
}
