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
  target Deployment/upload: 64M a pod, 1 pod; 10M to 1G allowed
    - known to be good 80M
    - what the link seems to carry is not seen without the operator's page
  law: Adaptive
    https://github.com/Fustli/k8s-deterministic-networking/blob/main/docs/control.md

factory/robot: what has happened
    12s ago  Decrease, ObjectiveViolated: command-jitter is 412us, bound <=
             300us: limit cut to 64M

factory/robot: what would have to happen for a change
  - Down: while command-jitter stays violated under the present limits, they
    fall further, to `limit.min` at the lowest. A cut goes to what the link then
    seems to carry less 6 % (`headroomPercent`), and lower while the queue
    drains, to 50 % of that at the lowest.
  - Up: once every objective is below 75 % of its bound: command-jitter below
    225us (it was 412us when last told); and no queue is left on its path.
  - After a cut: back to what the link seems to carry once it is calm, that is,
    for 1s (or three measurements, where those take longer) nothing is violated
    and no queue is beyond what is allowed under the present limits.
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
        "objective command-jitter: Violated for 12s: 200us at worst lately, bound <=\n      300us",
        "(lately 200us, so it is)",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("412us, bound <= 300us\n"), "{text}");
}

#[test]
fn where_the_page_is_ahead_of_the_status_all_is_told_by_the_page() {
    let mut page = page();
    page.policies[0].decisions = vec![flow_page::Mark {
        at: 99_900,
        decision: "Decrease".to_owned(),
        reason: "QueueGrows".to_owned(),
        message: "the queue grows: limit cut to 32M".to_owned(),
    }];
    page.policies[0].targets[0].limit.values = vec![Some(32e6)];
    page.policies[0].targets[0].too_much = Some(34.1e6);
    let explained = Explained { page: Some(page), ..explained("fp/robot", vec![violated()]) };
    let text = drawn(&explained.newest());
    for part in [
        "  ? the status has not followed the newest change yet: limits, states and the\n",
        "  target Deployment/upload: 32M a pod, 1 pod; 10M to 1G allowed\n",
        "6 % of that stay free after a cut (`headroomPercent`): 32.1M, which is the\n",
        "     1s ago  Decrease, QueueGrows: the queue grows: limit cut to 32M\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
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
  target Deployment/upload: 64M a pod, 1 pod; 10M to 1G allowed; factory/cameras
      decides for pods of it: it asks for less, 50M a pod
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
  upload-7d9f: 64M, set by flow-manager; no limit before it

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
  upload-7d9f: 20M, as before flow-manager; no policy asks for less

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
  upload-7d9f: 64M, set by flow-manager; no limit before it

Policies that touch it
  none, so flow-manager does not limit it
";
    assert_eq!(drawn(&explained("pod/upload-7d9f", vec![])), expected);
}

#[test]
fn pods_that_are_held_alike_are_told_of_together_with_what_that_means_in_all() {
    let named = |name: &str, hold| PodView { name: name.to_owned(), ..pod(hold) };
    let written = |mbps| Hold::Written { limit: Some(Bandwidth::from_mbps(mbps)), before: None };
    let mut explained = explained("deployment/upload", vec![]);
    let text = |explained: &Explained| drawn(explained).split("\n\n").next().unwrap().to_owned();
    explained.pods = ["a", "b", "c", "d"].map(|name| named(name, written(23))).into();
    let alike = "\
Deployment upload in factory
  4 pods: 23M each, 92M in all, set by flow-manager; no limit before it";
    assert_eq!(text(&explained), alike);
    explained.pods[1] = named("b", Hold::HostNetwork);
    let others = "\
Deployment upload in factory
  a and 2 more: 23M each, 69M in all, set by flow-manager; no limit before it
  b: it uses the network of its node, so that no limit reaches it";
    assert_eq!(text(&explained), others);
}

#[test]
fn what_is_not_measured_is_told_with_when_it_last_was() {
    let unknown = changed(|policy| {
        policy["status"]["objectives"][0]["state"] = json!("Unknown");
        policy["status"]["objectives"][0]["message"] =
            json!("the newest measurement is too old: more than 500ms");
    });
    let mut page = page();
    let mut text = |measured| {
        page.policies[0].objectives[0].measured = measured;
        drawn(&Explained { page: Some(page.clone()), ..explained("fp/robot", vec![unknown.clone()]) })
    };
    let expected = "\
  objective command-jitter: Unknown for 12s: the newest measurement is too old:
      more than 500ms; last measured 35s ago; bound <= 300us
";
    assert!(text(Some(65_000)).contains(expected), "{}", text(Some(65_000)));
    assert!(text(None).contains("; last measured 0s ago;"), "the last step that has a value");
    page.policies[0].objectives[0].values.values.clear();
    let never = drawn(&Explained { page: Some(page), ..explained("fp/robot", vec![unknown]) });
    assert!(never.contains("not measured in the last hour"), "{never}");
}

#[test]
fn changes_that_are_left_out_are_told_by_their_number() {
    let mut page = page();
    let mark = |at: i64| flow_page::Mark {
        at: at * 1000,
        decision: if at == 3 { "Increase" } else { "Decrease" }.to_owned(),
        reason: "R".to_owned(),
        message: format!("change {at}"),
    };
    page.policies[0].decisions = (2..12).map(mark).collect();
    let text = drawn(&Explained { page: Some(page), ..explained("fp/robot", vec![violated()]) });
    let expected =
        "  … 2 earlier changes, the first 98s ago: 1 cut, 1 raise\n    96s ago  Decrease, R: change 4\n";
    assert!(text.contains(expected), "{text}");
}
