use super::super::subject::Subject;
use super::*;
use crate::policies::PolicyView;
use crate::policies::fixture::{at, changed, page, pod, violated};
use serde_json::json;

fn touching(policy: PolicyView) -> Touching {
    let history = super::super::history::history(&policy, &[]);
    Touching { policy, targets: vec![0], history: Ok(history), lower: Vec::new() }
}

fn drawn(explained: &Explained) -> String {
    anstream::adapter::strip_str(&draw(explained, at(100), 80)).to_string()
}

fn explained(subject: &str, policies: Vec<PolicyView>) -> Explained {
    let limit = Some(Bandwidth::from_mbps(64));
    Explained {
        subject: subject.parse::<Subject>().unwrap(),
        namespace: "factory".to_owned(),
        pods: vec![pod(Hold::Written { limit, before: None })],
        policies: policies.into_iter().map(touching).collect(),
        unseen: None,
        page: None,
        is_page_late: false,
        is_leaderless: false,
    }
}

const POLICY: &str = "\
factory/robot: what led to its limits
  ✔ Accepted      True for 60s, Valid
  ✔ Ready         True for 60s, Working
  ✘ ObjectivesMet False for 60s, Violated: command-jitter (<= 300us) is violated
  ✔ Enforced      True for 60s, InForce
  objective command-jitter: Violated for 12s: 412us, bound <= 300us
  target Deployment/upload: 64M a pod, within 10M to 1G; known to be good 80M
  law: Adaptive (docs/control.md)

factory/robot: what has happened
    12s ago  Decrease, ObjectiveViolated: command-jitter is 412us, bound <=
             300us: limit cut to 64M

factory/robot: what would have to happen for a change
  - Down: while command-jitter stays violated under the present limits, they
    fall further, to `limit.min` at the lowest.
  - Up: once every objective is below 75 % of its bound: command-jitter below
    225us (it was 412us when last told); and no queue is left on its path. After
    a cut, back to what the link seems to carry, once every objective shows that
    it is calm.
";

#[test]
fn a_policy_is_explained_by_numbers_history_and_prospects() {
    assert_eq!(drawn(&explained("fp/robot", vec![violated()])), POLICY);
}

#[test]
fn where_there_is_a_page_one_figure_is_told_of_an_objective() {
    let mut page = page();
    *page.policies[0].objectives[0].values.values.last_mut().unwrap() = Some(200e-6);
    let text = drawn(&Explained { page: Some(page), ..explained("fp/robot", vec![violated()]) });
    for part in [
        "objective command-jitter: Violated for 12s: 200us lately, bound <= 300us",
        "(lately 200us, so it is)",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("412us, bound <= 300us\n"), "{text}");
}

#[test]
fn where_the_page_is_late_it_is_told_what_is_missing() {
    let late = Explained { is_page_late: true, ..explained("fp/robot", vec![violated()]) };
    let expected = "\
? the operator's page did not answer within 1 s: the newest changes, and why
  limits stay, are missing; ask again
";
    assert!(drawn(&late).starts_with(expected), "{}", drawn(&late));
}

#[test]
fn of_a_policy_it_is_told_who_asks_for_less() {
    let mut explained = explained("fp/robot", vec![violated()]);
    let (target, policy) = (violated().targets[0].target.id.clone(), "factory/cameras".to_owned());
    let limit_per_pod = Bandwidth::from_mbps(50);
    explained.policies[0].lower = vec![Lower { target, policy, limit_per_pod }];
    let text = drawn(&explained);
    let expected = "\
  target Deployment/upload: 64M a pod, within 10M to 1G; known to be good 80M;
      factory/cameras decides for pods of it: it asks for less, 50M a pod
";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn of_a_policy_it_is_told_that_others_may_not_be_seen() {
    let unseen = Some("policies of other namespaces may not be seen".to_owned());
    let explained = Explained { unseen, ..explained("fp/robot", vec![violated()]) };
    assert_eq!(drawn(&explained), format!("{POLICY}\n  ? policies of other namespaces may not be seen\n"));
}

#[test]
fn of_a_pod_it_is_told_who_decides() {
    let other = changed(|policy| {
        policy["metadata"]["name"] = json!("cameras");
        policy["status"]["targets"][0]["limit"] = json!("80M");
    });
    let observing = changed(|policy| {
        policy["metadata"]["name"] = json!("trial");
        policy["spec"]["mode"] = json!("Observe");
        policy["status"]["targets"][0]["limit"] = json!("20M");
    });
    let text = drawn(&explained("pod/upload-7d9f", vec![violated(), other, observing]));
    let expected = "\
pod upload-7d9f in factory
  upload-7d9f: 64M, set by flow-manager; before it none

Policies that touch it
  factory/robot: 64M a pod for Deployment/upload, decides: the lowest limit
                 holds
  factory/cameras: 80M a pod for Deployment/upload
  factory/trial: no limit (mode Observe) for Deployment/upload

";
    assert_eq!(text.split_at(expected.len()), (expected, &text[expected.len()..]));
    assert!(text[expected.len()..].starts_with(POLICY), "{text}");
}

#[test]
fn where_something_else_holds_a_pod_no_policy_decides() {
    let before = Some(Bandwidth::from_mbps(20));
    let mut explained = explained("pod/upload-7d9f", vec![violated()]);
    explained.pods = vec![pod(Hold::Written { limit: before, before })];
    let expected = "\
pod upload-7d9f in factory
  upload-7d9f: 20M, which it had before flow-manager; no policy asks for less

Policies that touch it
  factory/robot: 64M a pod for Deployment/upload, the lowest of them; something
                 else holds the pods
";
    assert!(drawn(&explained).starts_with(expected), "{}", drawn(&explained));
}

#[test]
fn a_pod_that_no_policy_touches_is_never_limited() {
    let expected = "\
pod upload-7d9f in factory
  upload-7d9f: 64M, set by flow-manager; before it none

Policies that touch it
  none, so flow-manager does not limit it
";
    assert_eq!(drawn(&explained("pod/upload-7d9f", vec![])), expected);
}
