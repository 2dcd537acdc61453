use super::super::fixture::{at, cut, policy, running, view, well};
use super::*;
use crate::enforce::Backend;
use flow_control::Unknown;
use flow_policy::Invalid;
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn first(standing: &Standing) -> FlowPolicyStatus {
    status(&FlowPolicyStatus::default(), standing, at(100))
}

/// A condition as `status/reason`; empty where there is none.
fn shown(status: &FlowPolicyStatus, type_: &str) -> String {
    let condition = status.conditions.iter().find(|condition| condition.type_ == type_);
    condition.map_or_else(String::new, |condition| format!("{}/{}", condition.status, condition.reason))
}

fn message<'a>(status: &'a FlowPolicyStatus, type_: &str) -> &'a str {
    let condition = status.conditions.iter().find(|condition| condition.type_ == type_);
    &condition.unwrap().message
}

fn invalid() -> Standing {
    let problem = Invalid { field: "spec.interval".into(), problem: "found 0s".into() };
    Standing::Invalid { generation: Some(2), problem }
}

fn unmeasured(unknown: Unknown, since: i64) -> Standing {
    running(|snapshot| {
        snapshot.objectives[0] = view(0, Err(unknown));
        snapshot.measured_since = at(since);
    })
}

/// A policy whose first target is not to be found in another namespace, which consents or not.
fn elsewhere(consents: bool) -> Standing {
    running(|snapshot| {
        let mut policy = policy("Enforce");
        Arc::make_mut(&mut policy.targets[0]).id.namespace = Some("lab".into());
        snapshot.policy = Arc::new(policy);
        (snapshot.targets[0].consents, snapshot.targets[0].found) = (consents, false);
    })
}

#[test]
fn a_target_elsewhere_is_shown_with_its_namespace() {
    let namespaces = first(&elsewhere(true)).targets.into_iter().map(|target| target.namespace);
    assert_eq!(namespaces.collect::<Vec<_>>(), ["lab", ""]);
}

/// Accepted, Ready, `ObjectivesMet`, Enforced and Stalled.
fn assert_conditions(cases: impl IntoIterator<Item = (&'static str, Standing, [&'static str; 5])>) {
    for (name, standing, expected) in cases {
        let status = first(&standing);
        let types = ["Accepted", "Ready", "ObjectivesMet", "Enforced", "Stalled"];
        assert_eq!(types.map(|type_| shown(&status, type_)), expected, "{name}");
    }
}

#[test]
fn conditions_tell_how_objectives_stand() {
    let violated_and_unknown =
        running(|snapshot| snapshot.objectives = vec![view(0, Ok(1.0)), view(1, Err(Unknown::NoSeries))]);
    let (few, stale) = (Unknown::TooFewSamples { have: 1, need: 5 }, Unknown::Stale { age: SECOND });
    let met = Standing::Running(well());
    let violated = Standing::Running(cut(412e-6, 80, 99));
    let seen = |ready, met| ["True/Valid", ready, met, "True/InForce", ""];
    assert_conditions([
        ("met", met, seen("True/Working", "True/AllMet")),
        ("violated", violated, seen("True/Working", "False/Violated")),
        ("violated and unknown", violated_and_unknown, seen("False/NoData", "False/Violated")),
        ("starting", unmeasured(few, 99), seen("Unknown/Starting", "Unknown/Starting")),
        ("not scraped yet", unmeasured(Unknown::NoSeries, 99), seen("Unknown/Starting", "Unknown/Starting")),
        ("no data for long", unmeasured(Unknown::NoData, 50), seen("False/NoData", "Unknown/NoData")),
        ("no data any more", unmeasured(stale, 99), seen("False/NoData", "Unknown/NoData")),
    ]);
}

#[test]
fn conditions_tell_how_limits_stand() {
    let released = running(|snapshot| {
        snapshot.objectives[0] = view(0, Err(Unknown::NoSeries));
        snapshot.released = true;
    });
    let problem = running(|snapshot| snapshot.targets[1].problem = Some("pod erp-0: no shaper".into()));
    let on_the_way = running(|snapshot| snapshot.targets[0].enforced = 0);
    let no_pods = running(|snapshot| {
        for target in &mut snapshot.targets {
            (target.pods, target.enforced) = (0, 0);
        }
    });
    let observing = running(|snapshot| snapshot.policy = Arc::new(policy("Observe")));
    let unreported = running(|snapshot| {
        for target in &mut snapshot.targets {
            (target.enforced, target.unverified) = (0, target.pods);
        }
    });
    let seen = |ready, met, enforced| ["True/Valid", ready, met, enforced, ""];
    assert_conditions([
        ("released", released, seen("False/NoData", "Unknown/NoData", "False/Released")),
        ("problem", problem, seen("False/NotInForce", "True/AllMet", "False/NotInForce")),
        ("on the way", on_the_way, seen("Unknown/Starting", "True/AllMet", "Unknown/NotInForce")),
        ("unreported", unreported, seen("True/Working", "True/AllMet", "Unknown/NotVerified")),
        ("no pods", no_pods, seen("True/NoPods", "True/AllMet", "Unknown/NoPods")),
        ("observing", observing, seen("True/Observing", "True/AllMet", "False/Observing")),
    ]);
}

#[test]
fn limits_that_do_not_help_are_a_condition_of_their_own() {
    let after = flow_control::Finite::new(450e-6).unwrap();
    let found = flow_control::NoEffect { objective: 0, before: None, after, retry: None };
    let mut snapshot = cut(500e-6, 10, 99);
    snapshot.ineffective =
        super::super::Ineffective::next(None, Some(found), flow_control::Moment::default(), at(99));
    let status = first(&Standing::Running(snapshot));
    let types = ["Ready", "ObjectivesMet", "Ineffective"];
    let expected = ["True/Working", "False/Violated", "True/NoEffect"];
    assert_eq!(types.map(|type_| shown(&status, type_)), expected);
    assert!(message(&status, "Ineffective").contains("450us with lower limits"));
    assert_eq!(shown(&first(&Standing::Running(well())), "Ineffective"), "", "only while it holds");
}

#[test]
fn conditions_tell_what_somebody_has_to_change() {
    let missing = running(|snapshot| snapshot.targets[0].found = false);
    let not_found = "False/TargetNotFound";
    let forbidden = running(|snapshot| {
        (snapshot.targets[0].consents, snapshot.targets[0].found) = (false, false);
        snapshot.targets[1].found = false;
    });
    let not_consented = "False/NotConsented";
    assert_conditions([
        (
            "not consented, and another is missing",
            forbidden,
            [not_consented, not_consented, "True/AllMet", "True/InForce", "True/NotConsented"],
        ),
        ("missing", missing, [not_found, not_found, "True/AllMet", "True/InForce", "True/TargetNotFound"]),
        (
            "invalid",
            invalid(),
            [
                "False/InvalidSpec",
                "False/InvalidSpec",
                "Unknown/InvalidSpec",
                "False/InvalidSpec",
                "True/InvalidSpec",
            ],
        ),
    ]);
}

#[test]
fn messages_name_what_is_at_fault() {
    let missing = first(&running(|snapshot| snapshot.targets[0].found = false));
    assert_eq!(message(&missing, "Stalled"), "Deployment/upload does not exist in this namespace");
    assert_eq!(
        message(&first(&elsewhere(false)), "Accepted"),
        "Deployment/upload in lab: the namespace lab does not let policies of factory limit its pods; it would \
         by its annotation flow.fustli.io/policies-from, with factory among its values"
    );
    assert_eq!(message(&first(&elsewhere(true)), "Accepted"), "Deployment/upload in lab does not exist");
    assert_eq!(message(&first(&invalid()), "Accepted"), "spec.interval: found 0s");
    let no_series = first(&unmeasured(Unknown::NoSeries, 50));
    let expected = "command-jitter cannot be measured: the query returned no series";
    assert_eq!(message(&no_series, "Ready"), expected);
    let failed = running(|snapshot| {
        snapshot.objectives[1] =
            ObjectiveView { detail: Some("401".into()), ..view(1, Err(Unknown::SourceFailed)) };
    });
    assert_eq!(message(&first(&failed), "Ready"), "scanner-rate cannot be measured: the source failed: 401");
    let lost = running(|snapshot| snapshot.targets[1].problem = Some("pod erp-0: no shaper".into()));
    assert_eq!(message(&first(&lost), "Enforced"), "StatefulSet/erp: pod erp-0: no shaper");
    let violated = first(&Standing::Running(cut(1.0, 80, 99)));
    assert_eq!(message(&violated, "ObjectivesMet"), "violated: command-jitter (<= 300us)");
}

#[test]
fn an_objective_that_only_watches_decides_nothing() {
    let standing = running(|snapshot| {
        let mut policy = policy("Enforce");
        policy.objectives[1].role = flow_control::Role::Watch;
        snapshot.policy = Arc::new(policy);
        snapshot.objectives[1] = view(1, Err(Unknown::NoSeries));
    });
    let status = first(&standing);
    assert_eq!(
        ["Ready", "ObjectivesMet"].map(|type_| shown(&status, type_)),
        ["True/Working", "True/AllMet"]
    );
    assert_eq!(status.objectives[1].state, ObjectiveState::Unknown);
}

#[test]
fn the_back_end_and_what_else_holds_pods_are_told() {
    let held = "1 of 3 pods is held lower by the policy lab/other";
    let status = first(&running(|snapshot| {
        snapshot.backend = Backend::KubeOvn;
        snapshot.targets[1].message = Some(held.to_owned());
    }));
    assert_eq!(status.backend.as_deref(), Some("kube-ovn"));
    assert_eq!(
        (status.targets[0].message.as_deref(), status.targets[1].message.as_deref()),
        (None, Some(held))
    );
}

#[test]
fn what_a_network_plugin_does_not_limit_is_told() {
    let unverified = |backend| {
        let standing = running(|snapshot| {
            snapshot.backend = backend;
            for target in &mut snapshot.targets {
                (target.enforced, target.unverified) = (0, target.pods);
            }
        });
        message(&first(&standing), "Enforced").to_owned()
    };
    assert!(unverified(Backend::Cilium).ends_with("does not limit traffic that stays on a node"));
    assert!(unverified(Backend::Calico).ends_with("whether they are in force"));
}

#[test]
fn nothing_significant_changed_means_nothing_to_write() {
    let old = first(&Standing::Running(cut(412e-6, 80, 99)));
    let mut later = cut(412e-6, 80, 99);
    later.objectives = vec![view(0, Ok(987e-6)), view(1, Ok(7e7))];
    later.targets[0].sent = Some(flow_control::Bandwidth::from_mbps(7));
    // A newer limit is on its way.
    later.targets[1].enforced = 1;
    assert_eq!(status(&old, &Standing::Running(later), at(1000)), old);

    let aged = |seconds| unmeasured(Unknown::Stale { age: SECOND * seconds }, 0);
    let old = first(&aged(1));
    assert_eq!(status(&old, &aged(2), at(1000)), old);
}

#[test]
fn a_safe_limit_that_moves_a_little_is_taken_over_with_whatever_else_changes() {
    let stands = |safe: u64, mbps| {
        let mut snapshot = cut(412e-6, mbps, 99);
        snapshot.targets[0].safe = Some(Bandwidth::from_mbps(safe));
        Standing::Running(snapshot)
    };
    let shown =
        |status: &FlowPolicyStatus| [0, 1].map(|target: usize| status.targets[target].safe_limit.clone());
    let old = first(&stands(100, 80));
    assert_eq!(shown(&old), [Some("100M".to_owned()), None]);
    assert_eq!(status(&old, &stands(104, 80), at(101)), old);
    assert_eq!(shown(&status(&old, &stands(104, 81), at(101))), [Some("104M".to_owned()), None]);
    assert_eq!(shown(&status(&old, &stands(106, 80), at(101))), [Some("106M".to_owned()), None]);
}

#[test]
fn in_mode_observe_no_limit_is_known_to_be_good() {
    let observing = running(|snapshot| {
        snapshot.policy = Arc::new(policy("Observe"));
        snapshot.targets[0].safe = Some(Bandwidth::from_mbps(100));
    });
    assert_eq!(first(&observing).targets[0].safe_limit, None);
}

#[test]
fn what_the_api_stores_is_equal_to_what_was_written() {
    let mut snapshot = cut(412e-6, 80, 99);
    let change = Arc::make_mut(snapshot.last_change.as_mut().unwrap());
    change.at = Timestamp::from_millisecond(99_750).unwrap();
    let standing = Standing::Running(snapshot);
    let written =
        status(&FlowPolicyStatus::default(), &standing, Timestamp::from_millisecond(100_500).unwrap());
    let stored: FlowPolicyStatus = serde_json::from_str(&serde_json::to_string(&written).unwrap()).unwrap();
    assert_eq!(stored, written);
    assert_eq!(status(&stored, &standing, at(200)), stored);
}

#[test]
fn a_value_is_taken_over_with_a_new_state_or_a_new_decision() {
    let old = first(&Standing::Running(well()));
    let value = |status: &FlowPolicyStatus| status.objectives[0].value.clone().unwrap();
    assert_eq!(value(&old), "82us");
    let calm = status(&old, &running(|snapshot| snapshot.objectives[0] = view(0, Ok(90e-6))), at(101));
    assert_eq!(value(&calm), "82us");
    let violated = status(&calm, &Standing::Running(cut(412e-6, 80, 102)), at(102));
    assert_eq!(value(&violated), "412us");
    let again = status(&violated, &Standing::Running(cut(500e-6, 64, 103)), at(103));
    assert_eq!((value(&again).as_str(), again.limit.as_deref()), ("500us", Some("64M")));
}

#[test]
fn the_last_decision_outlives_a_restart_and_an_invalid_spec() {
    let old = first(&Standing::Running(cut(412e-6, 80, 99)));
    let decided = old.last_decision.as_ref().unwrap();
    assert_eq!(decided.message, "command-jitter is 412us, bound <= 300us: limits cut, the lowest to 80M");
    assert_eq!((decided.action.as_str(), decided.reason.as_str()), ("Decrease", "ObjectiveViolated"));
    for standing in [Standing::Running(well()), invalid()] {
        assert_eq!(status(&old, &standing, at(101)).last_decision, old.last_decision);
    }
}

#[test]
fn limits_that_are_taken_away_are_not_shown() {
    let status = first(&running(|snapshot| snapshot.released = true));
    assert_eq!((status.limit, status.targets[0].limit.clone()), (None, None));
    assert_eq!(first(&Standing::Running(well())).limit.as_deref(), Some("500M"));
}

#[test]
fn no_limit_is_shown_of_a_target_that_is_missing_or_left_alone() {
    let first_target = |change: fn(&mut TargetView)| {
        let status = first(&running(|snapshot| {
            snapshot.targets[1].limit = Bandwidth::from_mbps(700);
            snapshot.targets[0].limit = Bandwidth::from_mbps(5);
            change(&mut snapshot.targets[0]);
        }));
        (status.limit.unwrap(), status.targets[0].limit.clone())
    };
    assert_eq!(first_target(|_| ()), ("5M".to_owned(), Some("5M".to_owned())));
    assert_eq!(first_target(|target| target.found = false), ("700M".to_owned(), None));
    assert_eq!(first_target(|target| target.consents = false), ("700M".to_owned(), None));
}

#[test]
fn pods_whose_limit_was_lost_do_not_count_as_enforced() {
    let old = first(&Standing::Running(well()));
    let lost = running(|snapshot| {
        snapshot.targets[0].enforced = 1;
        snapshot.targets[0].problem = Some("pod upload-1: no shaper".into());
    });
    assert_eq!(status(&old, &lost, at(101)).targets[0].enforced, 1);
    let observing = running(|snapshot| {
        snapshot.policy = Arc::new(policy("Observe"));
        snapshot.targets[0].enforced = 0;
    });
    assert_eq!(status(&old, &observing, at(101)).targets[0].enforced, 0);
}
