use super::*;
use crate::policies::fixture::{at, changed, page, pod, violated};
use serde_json::json;

fn drawn(policy: PolicyView) -> String {
    drawn_with(None, policy)
}

fn drawn_with(page: Option<&Page>, policy: PolicyView) -> String {
    let within = Within::Namespace("factory".to_owned());
    let text = draw(&Seen { policies: vec![policy] }, page, &within, at(100), 80);
    anstream::adapter::strip_str(&text).to_string()
}

#[test]
fn a_policy_is_a_header_and_a_tree_in_eighty_columns() {
    let expected = "\
factory/robot · mode Enforce · back-end shaper
  ✔ Accepted      True for 60s, Valid
  ✔ Ready         True for 60s, Working
  ✘ ObjectivesMet False for 60s, Violated: command-jitter (<= 300us) is violated
  ✔ Enforced      True for 60s, InForce
    last change   12s ago, Decrease (ObjectiveViolated): command-jitter is
                  412us, bound <= 300us: limit cut to 64M

├─ objectives
│  └─ ✘ command-jitter  Violated for 12s: 412us, bound <= 300us
└─ targets
   └─ Deployment/upload  limit 64M a pod, known to be good 80M, in force on 1 of
      │  1 pods
      └─ ✔ upload-7d9f  64M, in force
";
    assert_eq!(drawn(violated()), expected);
}

#[test]
fn where_there_is_a_page_the_last_minutes_and_what_is_sent_come_with_it() {
    let expected = "\
├─ objectives
│  └─ ✘ command-jitter  Violated for 12s: 412us, bound <= 300us
│        ·························▂▄▆·▇ in 10m (▇█ beyond)
└─ targets
   └─ Deployment/upload  limit 64M a pod, known to be good 80M, all pods send
      │  61.5M, in force on 1 of 1 pods
      └─ ✔ upload-7d9f  64M, in force
";
    let text = drawn_with(Some(&page()), violated());
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn a_limit_above_what_is_known_to_be_good_is_told_as_such() {
    let higher = changed(|policy| policy["status"]["targets"][0]["limit"] = json!("90M"));
    let text = drawn(higher);
    assert!(text.contains("limit 90M a pod, known to be good 80M so far"), "{text}");
}

#[test]
fn where_the_page_is_ahead_of_the_status_its_newest_change_is_told() {
    let mut page = page();
    let told = &mut page.policies[0];
    let mark = |second: i64, message: &str| flow_page::Mark {
        at: second * 1000 + 200,
        decision: "Decrease".to_owned(),
        reason: "ObjectiveViolated".to_owned(),
        message: message.to_owned(),
    };
    let of_status = "command-jitter is 412us, bound <= 300us: limit cut to 64M";
    told.decisions = vec![mark(88, of_status), mark(99, "command-jitter is 999us: limit cut to 32M")];
    told.targets[0].limit.values = vec![Some(64e6), Some(32e6)];
    let text = drawn_with(Some(&page), violated());
    let header = "\
  ✔ Enforced      True for 60s, InForce
  ? the status has not followed the newest change yet: limits, states and the
    last change are those that the operator's page tells
    last change   1s ago, Decrease (ObjectiveViolated): command-jitter is 999us:
                  limit cut to 32M
";
    assert!(text.contains(header) && text.contains("limit 32M a pod"), "{text}");
    page.policies[0].decisions.pop();
    let same = drawn_with(Some(&page), violated());
    assert!(same.contains("12s ago, Decrease") && same.contains("limit 64M a pod"), "{same}");
}

#[test]
fn what_the_page_tells_of_others_is_not_told_of_a_policy() {
    let other = changed(|policy| policy["metadata"]["namespace"] = json!("office"));
    assert_eq!(drawn_with(Some(&page()), other.clone()), drawn(other));
}

#[test]
fn a_policy_that_the_operator_has_not_seen_says_so() {
    let unseen = changed(|policy| policy["status"] = json!({"observedGeneration": -1}));
    let expected = "\
factory/robot · mode Enforce
  ? the operator has told nothing of the spec as it is now
    last change   none yet

├─ objectives
│  └─ nothing is told of them
└─ targets
   └─ Deployment/upload  no limit asked for
      └─ ? upload-7d9f  64M, written
";
    assert_eq!(drawn(unseen), expected);
}

#[test]
fn limits_that_nothing_was_decided_for_are_told_to_be_those_of_before() {
    let undecided = |limit: &str| {
        drawn(changed(|policy| {
            policy["status"].as_object_mut().unwrap().remove("lastDecision");
            policy["status"]["targets"][0]["limit"] = json!(limit);
        }))
    };
    assert!(undecided("64M").contains("last change   none yet: limits go on from what the pods had\n"));
    assert!(undecided("1G").contains("last change   none yet\n"));
}

#[test]
fn what_holds_a_pod_otherwise_is_told() {
    let mut policy = violated();
    let deed = "set kubernetes.io/egress-bandwidth to \"9M\"".to_owned();
    let holds = [Hold::HostNetwork, Hold::Nothing, Hold::ByHand(deed)];
    policy.targets[0].pods = Pods::Seen(holds.into_iter().map(pod).collect());
    let text = drawn(policy.clone());
    for line in [
        "├─ ✘ upload-7d9f  it uses the network of its node: no limit reaches it",
        "├─ ? upload-7d9f  no limit",
        "└─ ✘ upload-7d9f  somebody else has set kubernetes.io/egress-bandwidth to",
    ] {
        assert!(text.contains(line), "{text}");
    }
    policy.targets[0].pods = Pods::Unseen("it is not allowed".to_owned());
    assert!(drawn(policy).contains("└─ ? pods are not seen: it is not allowed"));
}

#[test]
fn no_policies_are_said_to_be_none() {
    let text = draw(&Seen::default(), None, &Within::Everywhere, at(0), 80);
    assert_eq!(text, "There are no FlowPolicies.\n");
}
