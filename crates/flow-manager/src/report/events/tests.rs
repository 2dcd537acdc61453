use super::super::fixture::{at, cut, policy, running, view, well};
use super::super::news::type_;
use super::super::{Change, Ineffective, status};
use super::*;
use flow_control::{Action, Bandwidth, Decision, Finite, Moment, NoEffect, Reason, Unknown};
use flow_policy::Overrides;
use flow_policy::condition::{Finding, merge};
use flow_policy::names::{LIMIT, PAUSED};
use kube::runtime::events::EventType;
use std::sync::Arc;

/// The reasons of the Events on the way through these standings, from nothing.
fn told(standings: &[Standing]) -> Vec<Vec<&'static str>> {
    let mut old = FlowPolicyStatus::default();
    let mut told = Vec::new();
    for (second, standing) in (100..).zip(standings) {
        let new = status(&old, standing, at(second));
        told.push(events(&old, &new, standing).iter().map(|news| news.reason).collect());
        old = new;
    }
    told
}

fn first(standing: &Standing) -> FlowPolicyStatus {
    status(&FlowPolicyStatus::default(), standing, at(100))
}

fn raised(mbps: [u64; 2], second: i64) -> Snapshot {
    let mut snapshot = well();
    let decision = Decision { action: Action::Increase, reason: Reason::Headroom, objective: None };
    let limits = mbps.map(|mbps| (Bandwidth::from_mbps(mbps), 3));
    for (target, (limit, _)) in snapshot.targets.iter_mut().zip(limits) {
        target.limit = limit;
    }
    snapshot.last_change =
        Some(Arc::new(Change::new(&policy("Enforce"), decision, &snapshot.objectives, &limits, at(second))));
    snapshot
}

#[test]
fn an_episode_is_told_once_from_its_start_to_its_end() {
    let episode = [
        Standing::Running(well()),
        Standing::Running(cut(412e-6, 400, 1)),
        Standing::Running(cut(500e-6, 320, 2)),
        Standing::Running(raised([330, 330], 3)),
        Standing::Running(raised([1000, 500], 4)),
        Standing::Running(raised([1000, 500], 4)),
    ];
    let expected: [&[&str]; 6] = [
        &["InForce"],
        &["ObjectiveViolated", "ObjectiveViolated"],
        &[],
        &["ObjectiveMet"],
        &["AtMaximum"],
        &[],
    ];
    assert_eq!(told(&episode), expected);
}

#[test]
fn a_cut_before_anything_is_violated_is_told_as_that() {
    let mut early = well();
    let decision = Decision { action: Action::Decrease, reason: Reason::QueueGrows, objective: Some(0) };
    let limits = [400, 300].map(|mbps| (Bandwidth::from_mbps(mbps), 3));
    early.last_change =
        Some(Arc::new(Change::new(&policy("Enforce"), decision, &early.objectives, &limits, at(1))));
    let told = told(&[Standing::Running(well()), Standing::Running(early)]);
    assert_eq!(told[1], ["QueueGrows"]);
}

#[test]
fn what_a_person_must_act_on_is_a_warning_and_the_policys_own_work_is_not() {
    let (old, standing) = (first(&Standing::Running(well())), Standing::Running(cut(412e-6, 10, 1)));
    let news = events(&old, &status(&old, &standing, at(1)), &standing);
    let told: Vec<_> = news.iter().map(|news| (news.reason, news.action, news.type_)).collect();
    let expected = [
        ("ObjectiveViolated", "Measure", EventType::Normal),
        ("ObjectiveViolated", "Decrease", EventType::Normal),
        ("AtMinimum", "Decrease", EventType::Warning),
    ];
    assert_eq!(told, expected);
}

#[test]
fn limits_at_their_minimum_are_told_when_they_come_to_it() {
    let told = told(&[
        Standing::Running(cut(412e-6, 12, 1)),
        Standing::Running(cut(412e-6, 10, 2)),
        Standing::Running(cut(500e-6, 10, 2)),
    ]);
    assert_eq!(told[1..], [vec!["AtMinimum"], vec![]]);
}

#[test]
fn each_condition_that_has_an_event_brings_it_and_no_other_does() {
    for entry in flow_policy::condition::TABLE {
        let found = [Finding::new(*entry, "a sentence")];
        let new = FlowPolicyStatus { conditions: merge(&[], &found, None, at(1)), ..Default::default() };
        let standing = Standing::Running(well());
        let news = events(&FlowPolicyStatus::default(), &new, &standing);
        let told: Vec<_> = news.iter().map(|news| (news.reason, Some(news.type_))).collect();
        let expected = (entry.reason().as_str(), type_(entry.telling()));
        let silent = expected.1.is_none() || *entry == ACCEPTED_VALID;
        assert_eq!(told, if silent { vec![] } else { vec![expected] }, "{entry:?}");
        assert_eq!(events(&new, &new, &standing), [], "{entry:?}");
    }
}

#[test]
fn what_was_wrong_and_is_right_again_is_told() {
    let missing = running(|snapshot| snapshot.targets[1].found = false);
    assert_eq!(told(&[missing, Standing::Running(well())])[1], ["Valid"]);
    let found = [Finding::new(INEFFECTIVE_NO_EFFECT, "a sentence")];
    let well = Standing::Running(well());
    let mut old = first(&well);
    old.conditions.extend(merge(&[], &found, None, at(1)));
    let news = events(&old, &first(&well), &well);
    assert_eq!(news.iter().map(|news| news.reason).collect::<Vec<_>>(), ["Effective"]);
}

#[test]
fn mode_observe_tells_of_objectives_but_of_no_limit() {
    let mut observed = cut(412e-6, 400, 1);
    observed.policy = Arc::new(policy("Observe"));
    assert_eq!(told(&[Standing::Running(observed)]), [["ObjectiveViolated"]]);
}

#[test]
fn a_spec_or_target_at_fault_is_told_once() {
    let problem = flow_policy::Invalid { field: "spec.interval".into(), problem: "found 0s".into() };
    let invalid = Standing::Invalid { generation: Some(1), problem };
    let missing = running(|snapshot| snapshot.targets[1].found = false);
    let forbidden = running(|snapshot| snapshot.targets[1].consents = false);
    let told = told(&[invalid.clone(), invalid, missing.clone(), missing, forbidden.clone(), forbidden]);
    assert_eq!(told[..2], [vec!["InvalidSpec"], vec![]]);
    assert_eq!(told[2..4], [vec!["TargetNotFound", "InForce"], vec![]]);
    assert_eq!(told[4..], [vec!["NotConsented"], vec![]]);
}

#[test]
fn limits_that_are_lost_and_found_are_told() {
    let lost = running(|snapshot| snapshot.targets[0].problem = Some("pod upload-1: no shaper".into()));
    let found = || Standing::Running(well());
    let told = told(&[found(), lost.clone(), lost, found()]);
    assert_eq!(told, [vec!["InForce"], vec!["NotInForce"], vec![], vec!["InForce"]]);
}

#[test]
fn a_pod_that_is_at_fault_is_related() {
    let pod = PodId::new("factory", "upload-1", "uid-1");
    let lost = running(|snapshot| {
        snapshot.targets[0].problem = Some("pod upload-1: no shaper".into());
        snapshot.targets[0].faulty = Some(pod);
    });
    let old = first(&Standing::Running(well()));
    let news = events(&old, &status(&old, &lost, at(101)), &lost);
    let related = news[0].event().secondary.unwrap();
    let found = [related.kind, related.namespace, related.name, related.uid].map(Option::unwrap);
    assert_eq!((news.len(), found), (1, ["Pod", "factory", "upload-1", "uid-1"].map(String::from)));
}

#[test]
fn a_pause_is_told_once_and_so_is_its_end() {
    let with = |name: &str, value: &str| {
        let annotations = [(name.to_owned(), value.to_owned())].into();
        running(|snapshot| snapshot.overrides = Arc::new(Overrides::of(&annotations)))
    };
    let (paused, pinned, typo) = (with(PAUSED, "true"), with(LIMIT, "80M"), with(PAUSED, "yes"));
    let told = told(&[paused.clone(), paused, pinned, typo, Standing::Running(well())]);
    let expected =
        [vec!["InForce", "ByAnnotation"], vec![], vec!["Pinned"], vec!["InvalidAnnotation"], vec!["Resumed"]];
    assert_eq!(told, expected);
}

#[test]
fn limits_that_do_not_help_are_told_once_without_values() {
    let after = Finite::new(412e-6).unwrap();
    let found = NoEffect { objective: 0, before: None, after, retry: None };
    let standing = running(|snapshot| {
        snapshot.ineffective = Ineffective::next(None, Some(found), Moment::default(), at(1));
    });
    let told = told(&[Standing::Running(well()), standing.clone(), standing.clone()]);
    assert_eq!(told[1..], [vec!["NoEffect"], vec![]]);
    let old = FlowPolicyStatus::default();
    let news = events(&old, &status(&old, &standing, at(1)), &standing);
    let news = news.iter().find(|news| news.reason == "NoEffect").unwrap();
    assert_eq!(news.note, "command-jitter gains nothing by lower limits: they are given back");
}

#[test]
fn a_release_for_want_of_data_is_a_warning() {
    let released = running(|snapshot| {
        snapshot.objectives[0] = view(0, Err(Unknown::NoSeries));
        snapshot.released = true;
    });
    let told = told(&[Standing::Running(well()), released]);
    assert_eq!(told[1], ["NoData", "Released"]);
}

#[test]
fn data_that_is_back_is_told_as_that_and_not_as_a_bound_that_was_broken() {
    let (well, lost) = (
        Standing::Running(well()),
        running(|snapshot| {
            snapshot.objectives[0] = view(0, Err(Unknown::NoSeries));
        }),
    );
    let violated = Standing::Running(cut(412e-6, 400, 1));
    let note = |before: &Standing, now: &Standing| {
        let old = first(before);
        let news = events(&old, &status(&old, now, at(101)), now);
        news.into_iter().find(|news| news.field.is_some()).map(|news| (news.reason, news.note))
    };
    let told = |reason, note: &str| Some((reason, note.to_owned()));
    let back = "command-jitter is measured again, and within its bound: <= 300us";
    assert_eq!(note(&lost, &well), told("ObjectiveMet", back));
    let broken = "command-jitter is measured again, and beyond its bound: <= 300us";
    assert_eq!(note(&lost, &violated), told("ObjectiveViolated", broken));
    let over = "command-jitter is within its bound again: <= 300us";
    assert_eq!(note(&violated, &well), told("ObjectiveMet", over));
}

#[test]
fn a_measurement_that_has_just_begun_is_no_news_until_it_takes_too_long() {
    let starting = |since| {
        running(|snapshot| {
            snapshot.measured_since = at(since);
            snapshot.objectives[0] = view(0, Err(Unknown::NoData));
        })
    };
    let soon = told(&[Standing::Running(well()), starting(100), Standing::Running(well())]);
    assert_eq!(soon[1..], [Vec::<&str>::new(), vec![]]);
    let late = told(&[starting(100), starting(0), starting(0)]);
    assert_eq!(late, [vec!["InForce"], vec!["NoData"], vec![]]);
}

#[test]
fn news_of_an_objective_name_its_field_and_hold_no_measured_value() {
    let (old, standing) = (FlowPolicyStatus::default(), Standing::Running(cut(412e-6, 400, 1)));
    let news = events(&old, &status(&old, &standing, at(1)), &standing);
    assert_eq!(news[0].field.as_deref(), Some("spec.objectives{command-jitter}"));
    assert_eq!(news[0].note, "command-jitter is beyond its bound: <= 300us");
    assert_eq!(news[0].type_, EventType::Normal);
}
