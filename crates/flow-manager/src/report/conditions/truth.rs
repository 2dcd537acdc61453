//! Every row of the table of conditions is shown by a standing, and no standing shows what is not true.

use super::super::fixture::{at, policy, running, target, view, well};
use super::super::{Awaiting, Ineffective, ObjectiveView, Snapshot, Standing, TargetView};
use super::*;
use flow_control::{Finite, Judgement, Moment, NoEffect, Role, Unknown};
use flow_policy::condition::{
    ACCEPTED_STRATEGY_NOT_ALLOWED, ENFORCED_GIVEN_BACK, ENFORCED_IN_FORCE, ENFORCED_NOT_NEEDED,
    ENFORCED_NOT_VERIFIED, ENFORCED_STRATEGY_NOT_ALLOWED, Entry, INEFFECTIVE_NO_EFFECT,
    OBJECTIVES_MET_ALL_MET, OBJECTIVES_MET_GIVEN_BACK, OBJECTIVES_MET_NO_DATA, OBJECTIVES_MET_STARTING,
    OBJECTIVES_MET_VIOLATED, READY_GIVEN_BACK, TABLE, Truth, merge,
};
use flow_policy::names::{LIMIT, PAUSE_REASON, PAUSED, PAUSED_UNTIL};
use flow_policy::spec::Mode;
use flow_policy::{Invalid, Overrides};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

const NOW: i64 = 100;
const ALWAYS: [&str; 4] = ["Accepted", "Ready", "ObjectivesMet", "Enforced"];

fn conditions(standing: &Standing) -> Vec<Condition> {
    merge(&[], &findings(&[], standing, at(NOW)), Some(1), at(NOW))
}

/// What there is where this refusal is found, which somebody else may have to find.
fn refusing(why: Refusal) -> Vec<Finding> {
    let refused = Refused { why, message: "a sentence".to_owned() };
    super::running(&[], &well(), Some(&refused), at(NOW))
}

fn annotated(name: &str, value: &str) -> Standing {
    let annotations = [(name.to_owned(), value.to_owned())].into();
    running(|snapshot| snapshot.overrides = Arc::new(Overrides::of(&annotations)))
}

fn invalid() -> Standing {
    let problem = Invalid { field: "spec.interval".into(), problem: "found 0s".into() };
    Standing::Invalid { generation: Some(1), problem }
}

fn unmeasured(since: i64) -> Standing {
    running(|snapshot| {
        snapshot.objectives[0] = view(0, Err(Unknown::NoData));
        snapshot.measured_since = at(since);
    })
}

fn every_target(change: fn(&mut TargetView)) -> Standing {
    running(|snapshot| snapshot.targets.iter_mut().for_each(change))
}

fn unhelped() -> Standing {
    running(|snapshot| {
        snapshot.objectives[0] = view(0, Ok(1.0));
        let after = Finite::new(1.0).unwrap();
        let found = NoEffect { objective: 0, before: None, after, retry: None };
        snapshot.ineffective = Ineffective::next(None, Some(found), Moment::default(), at(NOW));
    })
}

/// A standing for each row that one can show.
fn shown() -> Vec<(Entry, Standing)> {
    let observing = || running(|snapshot| snapshot.policy = Arc::new(policy("Observe")));
    let released = || running(|snapshot| snapshot.released = true);
    let violated = || running(|snapshot| snapshot.objectives[0] = view(0, Ok(1.0)));
    let without_pods = || every_target(|view| (view.pods, view.enforced) = (0, 0));
    let lost = || every_target(|view| view.problem = Some("pod upload-1: no shaper".into()));
    let needless = || every_target(|view| (view.awaiting, view.enforced) = (Some(Awaiting::Need), 0));
    let rolling = || every_target(|view| (view.awaiting, view.enforced) = (Some(Awaiting::Pods), 1));
    let not_allowed = || running(|snapshot| snapshot.strategy_allowed = false);
    let on_the_way = || every_target(|view| view.enforced = 0);
    let unverified = || every_target(|view| (view.enforced, view.unverified) = (0, view.pods));
    vec![
        (ACCEPTED_VALID, Standing::Running(well())),
        (READY_WORKING, Standing::Running(well())),
        (READY_WORKING, violated()),
        (READY_WORKING, unverified()),
        (READY_NO_PODS, without_pods()),
        (READY_OBSERVING, observing()),
        (READY_STARTING, unmeasured(NOW - 1)),
        (READY_STARTING, on_the_way()),
        (READY_NO_DATA, unmeasured(0)),
        (READY_NOT_IN_FORCE, lost()),
        (READY_RELEASED, released()),
        (OBJECTIVES_MET_ALL_MET, Standing::Running(well())),
        (OBJECTIVES_MET_VIOLATED, violated()),
        (OBJECTIVES_MET_STARTING, unmeasured(NOW - 1)),
        (OBJECTIVES_MET_NO_DATA, unmeasured(0)),
        (OBJECTIVES_MET_INVALID_SPEC, invalid()),
        (ENFORCED_IN_FORCE, Standing::Running(well())),
        (ENFORCED_NOT_IN_FORCE, lost()),
        (ENFORCED_OBSERVING, observing()),
        (ENFORCED_RELEASED, released()),
        (ENFORCED_INVALID_SPEC, invalid()),
        (ENFORCED_ON_THE_WAY, on_the_way()),
        (ENFORCED_ON_THE_WAY, rolling()),
        (READY_WORKING, needless()),
        (ENFORCED_NOT_NEEDED, needless()),
        (ENFORCED_STRATEGY_NOT_ALLOWED, not_allowed()),
        (ACCEPTED_STRATEGY_NOT_ALLOWED, not_allowed()),
        (ENFORCED_NO_PODS, without_pods()),
        (ENFORCED_NOT_VERIFIED, unverified()),
        (INEFFECTIVE_NO_EFFECT, unhelped()),
        (PAUSED_BY_ANNOTATION, annotated(PAUSED, "true")),
        (PAUSED_PINNED, annotated(LIMIT, "80M")),
        (PAUSED_INVALID_ANNOTATION, annotated(PAUSED, "yes")),
    ]
}

#[test]
fn each_standing_gives_the_row_that_is_meant_for_it() {
    for (entry, standing) in shown() {
        let found: Vec<_> = findings(&[], &standing, at(NOW)).iter().map(Finding::entry).collect();
        assert!(found.contains(&entry), "{entry:?} is not among {found:#?}");
    }
}

#[test]
fn a_pause_beside_a_pin_is_told_while_it_lasts() {
    let said = |until: &str| {
        let annotations = [(LIMIT, "80M"), (PAUSED_UNTIL, until), (PAUSE_REASON, "repair")];
        let annotations = annotations.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let overrides = Arc::new(Overrides::of(&annotations.into()));
        let conditions = conditions(&running(|snapshot| snapshot.overrides = overrides));
        conditions.into_iter().find(|condition| condition.type_ == "Paused").unwrap().message
    };
    let pinned = "pinned by annotation: every limit is 80M";
    assert_eq!(said("1970-01-01T00:00:00Z"), pinned);
    let both = "; once that is over: paused by annotation until 2970-01-01T00:00:00Z (repair): limits stay as they are";
    assert_eq!(said("2970-01-01T00:00:00Z"), format!("{pinned}{both}"));
}

#[test]
fn a_source_that_the_operator_was_not_given_is_the_policys_fault() {
    let said = "scanner-rate: the operator has no Prometheus of the name \"egde\"; it has default";
    let standing = running(|snapshot| {
        let unknown = view(1, Err(Unknown::NoSource));
        snapshot.objectives[1] = ObjectiveView { detail: Some(said.to_owned()), ..unknown };
    });
    let conditions = conditions(&standing);
    let say = conditions.iter().filter(|condition| condition.reason == "SourceNotFound");
    let say: Vec<_> = say.map(|condition| (condition.type_.as_str(), condition.message.as_str())).collect();
    assert_eq!(say, [("Accepted", said), ("Ready", said), ("Stalled", said)]);
}

#[test]
fn a_source_for_traffic_that_the_operator_was_not_given_is_told_like_one_for_an_objective() {
    let said = "traffic.prometheus.source of Deployment/upload: the operator has no Prometheus of the name \"egde\"; it has default";
    let standing = running(|snapshot| snapshot.traffic_refused = vec![(Unknown::NoSource, said.to_owned())]);
    let conditions = conditions(&standing);
    let say = conditions.iter().filter(|condition| condition.reason == "SourceNotFound");
    let say: Vec<_> = say.map(|condition| (condition.type_.as_str(), condition.message.as_str())).collect();
    assert_eq!(say, [("Accepted", said), ("Ready", said), ("Stalled", said)]);
}

#[test]
fn what_the_administrator_does_not_let_a_policy_ask_is_its_fault_and_named() {
    let forbidden = |snapshot: &mut Snapshot| {
        let (unknown, detail) = (view(0, Err(Unknown::NotAllowed)), Some("it is 169.254.169.254".to_owned()));
        snapshot.objectives[0] = ObjectiveView { detail, ..unknown };
    };
    let said = "command-jitter: it is 169.254.169.254";
    let traffic = "the traffic of Deployment upload: no";
    let not_allowed = || vec![(Unknown::NotAllowed, traffic.to_owned())];
    let both = running(|snapshot| {
        forbidden(snapshot);
        snapshot.traffic_refused = not_allowed();
    });
    let only_traffic = running(|snapshot| snapshot.traffic_refused = not_allowed());
    let together = format!("{said}; {traffic}");
    for (standing, said) in [(running(forbidden), said), (both, together.as_str()), (only_traffic, traffic)] {
        let conditions = conditions(&standing);
        let say = conditions.iter().filter(|condition| condition.reason == "SourceNotAllowed");
        let say: Vec<_> =
            say.map(|condition| (condition.type_.as_str(), condition.message.as_str())).collect();
        assert_eq!(say, [("Accepted", said), ("Ready", said), ("Stalled", said)]);
    }
}

#[test]
fn each_refusal_is_told_by_all_conditions_that_it_concerns() {
    for why in Refusal::ALL {
        let found: Vec<_> = refusing(*why).iter().map(Finding::entry).collect();
        let expected = [why.accepted, why.ready, why.stalled];
        assert!(expected.iter().all(|entry| found.contains(entry)), "{why:?}: {found:#?}");
    }
}

#[test]
fn each_row_of_the_table_is_shown() {
    let refused = Refusal::ALL.iter().flat_map(|why| [why.accepted, why.ready, why.stalled]);
    // Of these no standing tells: whoever restores does.
    let given_back = [READY_GIVEN_BACK, OBJECTIVES_MET_GIVEN_BACK, ENFORCED_GIVEN_BACK];
    let standings = shown().into_iter().map(|(entry, _)| entry);
    let shown: Vec<_> = standings.chain(refused).chain(given_back).collect();
    let missing: Vec<_> = TABLE.iter().filter(|entry| !shown.contains(entry)).collect();
    assert_eq!(missing, Vec::<&Entry>::new());
}

#[test]
fn a_policy_that_was_ready_stays_so_while_a_newer_limit_is_on_its_way() {
    let before = conditions(&Standing::Running(well()));
    let on_the_way = every_target(|view| view.enforced = 0);
    let found = findings(&before, &on_the_way, at(NOW));
    let entries: Vec<_> = found.iter().map(Finding::entry).collect();
    assert!(entries.contains(&READY_WORKING) && entries.contains(&ENFORCED_IN_FORCE), "{entries:#?}");
}

fn unknown() -> impl Strategy<Value = Unknown> {
    prop_oneof![
        Just(Unknown::NoData),
        (0_usize..5).prop_map(|have| Unknown::TooFewSamples { have, need: 5 }),
        (0_u64..100).prop_map(|seconds| Unknown::Stale { age: Duration::from_secs(seconds) }),
        Just(Unknown::NoSeries),
        (2_usize..9).prop_map(|series| Unknown::Ambiguous { series }),
        Just(Unknown::NotFinite),
        Just(Unknown::SourceFailed),
    ]
}

/// A detail as somebody else wrote it: of any length, with line ends.
fn text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(prop_oneof!["[a-z\n ü]{1,40}", Just("ü".repeat(2000))])
}

fn objective(position: usize) -> impl Strategy<Value = ObjectiveView> {
    let value = prop_oneof![Just(1e-6), Just(6e7)];
    let reading = prop_oneof![value.prop_map(Ok), unknown().prop_map(Err)];
    (reading, text()).prop_map(move |(reading, detail)| ObjectiveView {
        detail: detail.filter(|_| reading.is_err()),
        ..view(position, reading)
    })
}

fn target_view() -> impl Strategy<Value = TargetView> {
    let pods = (0_usize..3, 0_usize..3, 0_usize..2);
    (any::<bool>(), any::<bool>(), pods, text()).prop_map(|(consents, found, pods, problem)| {
        let (enforced, unverified, coming) = if found && consents { pods } else { (0, 0, 0) };
        let pods = enforced + unverified + coming;
        let problem = problem.filter(|_| coming > 0);
        TargetView { consents, found, pods, enforced, unverified, problem, ..target(100) }
    })
}

fn overrides() -> impl Strategy<Value = Overrides> {
    let annotation = prop_oneof![
        Just((PAUSED, "true")),
        Just((PAUSED, "yes")),
        Just((PAUSED_UNTIL, "1970-01-01T00:00:00Z")),
        Just((PAUSED_UNTIL, "2970-01-01T00:00:00Z")),
        Just((LIMIT, "80M")),
        Just((LIMIT, "lots")),
    ];
    proptest::collection::btree_map(Just(()), annotation, 0..2).prop_map(|annotations| {
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Overrides::of(&annotations.into_values().map(own).collect())
    })
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    let modes = (prop_oneof![Just("Enforce"), Just("Observe")], any::<bool>());
    let parts = ((objective(0), objective(1)), (target_view(), target_view()));
    let rest = (prop_oneof![Just(0), Just(NOW - 1)], any::<bool>(), overrides());
    (modes, parts, rest).prop_map(|((mode, watches), parts, (since, released, overrides))| {
        let ((first, second), (one, other)) = parts;
        let mut policy = policy(mode);
        policy.objectives[1].role = if watches { Role::Watch } else { Role::Control };
        Snapshot {
            policy: Arc::new(policy),
            overrides: Arc::new(overrides),
            measured_since: at(since),
            objectives: vec![first, second],
            targets: vec![one, other],
            released,
            ..well()
        }
    })
}

fn standing() -> impl Strategy<Value = Standing> {
    prop_oneof![9 => snapshot().prop_map(Standing::Running), 1 => Just(invalid())]
}

/// The same a moment later: everything that changes by itself has changed.
fn later(snapshot: &Snapshot) -> Snapshot {
    let mut later = snapshot.clone();
    for view in &mut later.objectives {
        view.reading = match view.reading {
            Ok(value) => Ok(Finite::new(value.get() * 1.01).unwrap()),
            Err(Unknown::Stale { age }) => Err(Unknown::Stale { age: age + Duration::from_secs(1) }),
            Err(Unknown::TooFewSamples { need, .. }) => Err(Unknown::TooFewSamples { have: 0, need }),
            other => other,
        };
    }
    later
}

fn entry(found: &[Finding], type_: &str) -> Option<Entry> {
    found.iter().map(Finding::entry).find(|entry| entry.type_().as_str() == type_)
}

fn truth(found: &[Finding], type_: &str) -> Option<Truth> {
    entry(found, type_).map(Entry::truth)
}

fn decides(snapshot: &Snapshot, judgement: fn(&Judgement) -> bool) -> bool {
    let objectives = snapshot.policy.objectives.iter().zip(&snapshot.objectives);
    objectives.clone().any(|(objective, view)| objective.role == Role::Control && judgement(&view.judgement))
}

/// What a standing lets a condition say.
fn assert_true(snapshot: &Snapshot, found: &[Finding]) {
    let usable = snapshot.targets.iter().all(|target| target.found && target.consents);
    let unknown = decides(snapshot, |judgement| matches!(judgement, Judgement::Unknown(_)));
    let violated = decides(snapshot, |judgement| *judgement == Judgement::Violated);
    let lost = snapshot.released || snapshot.targets.iter().any(|target| target.problem.is_some());
    let observes = snapshot.policy.mode == Mode::Observe;
    assert_eq!(truth(found, "Accepted") == Some(Truth::True), usable);
    if truth(found, "Ready") == Some(Truth::True) {
        assert!(usable && !unknown && (observes || !lost));
    }
    assert_eq!(truth(found, "ObjectivesMet") == Some(Truth::False), violated);
    assert_eq!(truth(found, "ObjectivesMet") == Some(Truth::True), !violated && !unknown);
    let pods: usize = snapshot.targets.iter().map(|target| target.pods).sum();
    let unverified: usize = snapshot.targets.iter().map(|target| target.unverified).sum();
    if truth(found, "Enforced") == Some(Truth::True) {
        assert!(!observes && !lost && pods > 0 && unverified == 0);
    }
    assert_eq!(entry(found, "Paused").is_some(), snapshot.overrides.manual(at(NOW)).is_some());
}

proptest! {
    #[test]
    fn no_condition_says_what_is_not_so(before in standing(), now in standing()) {
        let before = conditions(&before);
        let found = findings(&before, &now, at(NOW));
        let merged = merge(&before, &found, Some(1), at(NOW));
        for type_ in ALWAYS {
            prop_assert_eq!(merged.iter().filter(|condition| condition.type_ == type_).count(), 1);
        }
        for condition in &merged {
            prop_assert!(Entry::of(condition).is_some(), "{condition:?}");
            prop_assert_eq!(merged.iter().filter(|other| other.type_ == condition.type_).count(), 1);
            let message = &condition.message;
            prop_assert!(!message.is_empty() && message.len() <= 1024 && !message.contains('\n'), "{message:?}");
        }
        let accepted = truth(&found, "Accepted") == Some(Truth::True);
        prop_assert_eq!(entry(&found, "Stalled").is_none(), accepted);
        if let Standing::Running(snapshot) = &now {
            assert_true(snapshot, &found);
        }
    }

    #[test]
    fn nothing_that_changes_by_itself_changes_a_condition(before in standing(), now in snapshot()) {
        let before = conditions(&before);
        let first = merge(&before, &findings(&before, &Standing::Running(now.clone()), at(NOW)), Some(1), at(NOW));
        let second = findings(&first, &Standing::Running(later(&now)), at(NOW));
        let settled = merge(&first, &second, Some(1), at(NOW));
        let third = findings(&settled, &Standing::Running(now), at(NOW));
        prop_assert_eq!(&merge(&settled, &third, Some(1), at(NOW)), &settled);
        prop_assert_eq!(first, settled);
    }
}
