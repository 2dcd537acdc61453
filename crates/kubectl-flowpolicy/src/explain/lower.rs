use crate::policies::{PolicyView, TargetView};
use flow_control::Bandwidth;
use flow_policy::TargetId;
use serde::Serialize;

/// What another policy asks for pods of a target: less, so that it decides for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Lower {
    #[serde(skip)]
    pub(super) target: TargetId,
    /// The other policy, with its namespace.
    pub(super) policy: String,
    /// What it asks for each pod.
    #[serde(serialize_with = "as_text")]
    pub(super) limit_per_pod: Bandwidth,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn as_text<S: serde::Serializer>(limit: &Bandwidth, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(limit)
}

/// The lowest limit that any of `all` asks for pods of each target of `policy`, where that is less than it asks itself.
pub(super) fn lower(policy: &PolicyView, all: &[PolicyView]) -> Vec<Lower> {
    let others = || all.iter().filter(|other| other.id() != policy.id() && other.enforces());
    let lowest = |target: &TargetView| {
        let asks = others().flat_map(|other| other.targets.iter().map(move |theirs| (other, theirs)));
        let claims = asks.filter(|(_, theirs)| share_a_pod(target, theirs)).filter_map(|(other, theirs)| {
            let id = target.target.id.clone();
            Some(Lower { target: id, policy: other.name(), limit_per_pod: theirs.claim()? })
        });
        let lowest = claims.min_by_key(|claim| claim.limit_per_pod)?;
        target.claim().is_none_or(|own| lowest.limit_per_pod < own).then_some(lowest)
    };
    policy.targets.iter().filter_map(lowest).collect()
}

fn share_a_pod(one: &TargetView, other: &TargetView) -> bool {
    one.pods.seen().iter().any(|pod| other.pods.seen().iter().any(|their| their.is(pod)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::fixture::{changed, violated};
    use serde_json::json;

    fn other(name: &str, mode: &str, limit: &str) -> PolicyView {
        changed(|policy| {
            policy["metadata"]["name"] = json!(name);
            policy["spec"]["mode"] = json!(mode);
            policy["status"]["targets"][0]["limit"] = json!(limit);
        })
    }

    #[test]
    fn the_lowest_of_those_that_ask_for_less_is_named() {
        let all = [
            violated(),
            other("cameras", "Enforce", "50M"),
            other("backup", "Enforce", "80M"),
            other("trial", "Observe", "1M"),
        ];
        let limit_per_pod = Bandwidth::from_mbps(50);
        let target = violated().targets[0].target.id.clone();
        let expected = Lower { target, policy: "factory/cameras".to_owned(), limit_per_pod };
        assert_eq!(lower(&all[0], &all), std::slice::from_ref(&expected));
        assert_eq!(lower(&all[1], &all), []);
        assert_eq!(
            serde_json::to_value(expected).unwrap(),
            json!({"policy": "factory/cameras", "limitPerPod": "50M"})
        );
    }

    #[test]
    fn other_pods_are_another_matter() {
        let mut elsewhere = other("cameras", "Enforce", "50M");
        elsewhere.targets[0].pods = crate::policies::Pods::Seen(Vec::new());
        assert_eq!(lower(&violated(), &[elsewhere]), []);
    }
}
