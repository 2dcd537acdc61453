//! What is said of a policy with the strategy Rollout.

use super::fixture::{at, running};
use super::{Awaiting, Snapshot, Standing, status};
use flow_policy::FlowPolicyStatus;

/// A condition, after the policy stood so and so.
fn condition(type_: &str, standings: &[Standing]) -> String {
    let mut last = FlowPolicyStatus::default();
    for (second, standing) in (100..).zip(standings) {
        last = status(&last, standing, at(second));
    }
    let found = last.conditions.iter().find(|condition| condition.type_ == type_).unwrap();
    format!("{} {}: {}", found.status, found.reason, found.message)
}

fn awaiting(first: Awaiting) -> Standing {
    running(|snapshot| {
        snapshot.targets[0].awaiting = Some(first);
        snapshot.targets[0].enforced = 0;
    })
}

#[test]
fn while_no_limit_was_needed_the_policy_is_ready_and_claims_no_limit_to_be_in_force() {
    let both = || {
        running(|snapshot| {
            for target in &mut snapshot.targets {
                (target.awaiting, target.enforced) = (Some(Awaiting::Need), 0);
            }
        })
    };
    assert!(condition("Enforced", &[both()]).starts_with("False NotNeeded: no limit was needed yet"));
    assert!(condition("Ready", &[both()]).starts_with("True Working"));
}

#[test]
fn a_rollout_is_not_in_force_before_it_is_through_even_if_the_last_one_was() {
    let well = || running(|_| {});
    let under_way = condition("Enforced", &[well(), awaiting(Awaiting::Pods)]);
    assert_eq!(under_way, "Unknown NotInForce: Deployment/upload: a rollout is under way");
    let due = condition("Enforced", &[well(), awaiting(Awaiting::Interval(at(700)))]);
    assert_eq!(
        due,
        "Unknown NotInForce: Deployment/upload: the next rollout may begin at 1970-01-01T00:11:40Z"
    );
    assert!(condition("Ready", &[well(), awaiting(Awaiting::Write)]).starts_with("True"), "it does its work");
    assert!(condition("Enforced", &[awaiting(Awaiting::Pods), well()]).starts_with("True InForce"));
}

#[test]
fn one_target_under_way_says_more_than_another_that_needs_no_limit() {
    let mixed = running(|snapshot| {
        snapshot.targets[0].awaiting = Some(Awaiting::Need);
        snapshot.targets[1].awaiting = Some(Awaiting::Pods);
    });
    assert!(condition("Enforced", &[mixed]).contains("StatefulSet/erp: a rollout is under way"));
}

#[test]
fn a_strategy_that_is_not_allowed_says_which_value_allows_it() {
    let not_allowed = || running(|snapshot: &mut Snapshot| snapshot.strategy_allowed = false);
    for (type_, truth) in
        [("Accepted", "False"), ("Ready", "False"), ("Enforced", "False"), ("Stalled", "True")]
    {
        let said = condition(type_, &[not_allowed()]);
        assert!(said.starts_with(&format!("{truth} StrategyNotAllowed: ")), "{said}");
        assert!(said.contains("rollout.enabled=true"), "{said}");
    }
}
