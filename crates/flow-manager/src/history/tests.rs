//! What is kept of policies that are told of, and how it is shown.

use super::record::Record;
use super::view::Dial;
use super::*;
use crate::report::fixture::{at, cut, id, policy, queueing, running, spec, view, well};
use crate::report::{Reporter, Snapshot, StandingMetrics};
use flow_control::{Action, Bandwidth, Failed, Reason, Unknown};
use flow_page::{Count, Mark, Queue, State, Unit};
use flow_policy::{Invalid, Policy};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

fn moment(seconds: u64) -> Moment {
    Moment::after_epoch(Duration::from_secs(seconds))
}

fn of(snapshot: Snapshot) -> Arc<Standing> {
    Arc::new(Standing::Running(snapshot))
}

/// The record of a policy that stood so at these seconds.
fn record(standings: impl IntoIterator<Item = (u64, Snapshot)>) -> Record {
    let mut standings = standings.into_iter();
    let (second, first) = standings.next().unwrap();
    let mut record = Record::new(&of(first), moment(second));
    standings.for_each(|(second, snapshot)| record.take(&of(snapshot), moment(second)));
    record
}

/// How it is shown at that second, which is one of the Unix epoch as well.
fn shown(record: &Record, second: u32) -> PolicyHistory {
    let time = at(second.into());
    record.show(&id("robot"), Dial::new(moment(second.into()), time), time).1
}

fn jitter(reading: Result<f64, Unknown>) -> Snapshot {
    Snapshot { objectives: vec![view(0, reading), view(1, Ok(6e7))], ..well() }
}

fn with_policy(change: impl FnOnce(&mut Value)) -> Snapshot {
    let mut spec = spec("Enforce");
    change(&mut spec);
    let policy = Policy::try_from(&serde_json::from_value(spec).unwrap()).unwrap();
    Snapshot { policy: Arc::new(policy), ..well() }
}

fn values(series: &flow_page::Series) -> Vec<Option<f64>> {
    series.values.clone()
}

#[test]
fn each_objective_keeps_the_worst_of_each_step_also_between_reports() {
    let mut record = record([(0, well())]);
    let measured = |jitter: f64, rate: f64| [view(0, Ok(jitter)), view(1, Ok(rate))];
    record.measure(&measured(250e-6, 9e7), moment(1));
    record.measure(&measured(100e-6, 4e7), moment(4));
    record.measure(&measured(90e-6, 7e7), moment(5));
    let shown = shown(&record, 9);
    let [jitter, rate] = &shown.objectives[..] else { panic!("{shown:?}") };
    assert_eq!(values(&jitter.values), [Some(250e-6), Some(90e-6)]);
    assert_eq!(values(&rate.values), [Some(4e7), Some(7e7)], "less is worse of a rate that is needed");
    assert_eq!((jitter.unit, jitter.bound, jitter.at_least), (Unit::Seconds, 300e-6, false));
    assert_eq!((rate.unit, rate.bound, rate.at_least), (Unit::Number, 50e6, true));
    assert_eq!((jitter.values.start, jitter.values.step), (0, 5_000));
}

#[test]
fn a_range_is_shown_by_the_end_that_is_closer_and_the_other_one() {
    let within = |value: f64| {
        let mut snapshot =
            with_policy(|spec| spec["objectives"][1]["value"] = json!({"min": "10", "max": "20"}));
        snapshot.objectives[1] = view(1, Ok(value));
        snapshot
    };
    let record = record([(0, within(12.0)), (1, within(19.0)), (2, within(18.0))]);
    let high = &shown(&record, 4).objectives[1];
    assert_eq!((high.bound, high.at_least, high.other_bound), (20.0, false, Some(10.0)));
    assert_eq!(values(&high.values), [Some(19.0)]);
    let low = &shown(&super::tests::record([(0, within(12.0))]), 4).objectives[1];
    assert_eq!((low.bound, low.at_least, low.other_bound), (10.0, true, Some(20.0)));
}

#[test]
fn what_is_unknown_is_a_gap_and_no_zero() {
    let record = record([(0, jitter(Ok(1e-4))), (5, jitter(Err(Unknown::NoData))), (10, jitter(Ok(2e-4)))]);
    let shown = shown(&record, 14);
    assert_eq!(values(&shown.objectives[0].values), [Some(1e-4), None, Some(2e-4)]);
    assert_eq!(shown.targets[0].sent.values, [None, None, None]);
}

#[test]
fn a_target_shows_its_last_limit_and_what_it_sent_unless_it_is_released_missing_or_left_alone() {
    let limited = |mbps: u64, sent: u64, change: fn(&mut Snapshot)| {
        let mut snapshot = cut(412e-6, mbps, 0);
        snapshot.targets[0].sent = Some(Bandwidth::from_mbps(sent));
        change(&mut snapshot);
        snapshot
    };
    let observed = limited(50, 40, |snapshot| snapshot.policy = Arc::new(policy("Observe")));
    let record = record([
        (0, limited(80, 70, |_| ())),
        (1, limited(60, 55, |_| ())),
        (5, limited(80, 70, |snapshot| snapshot.released = true)),
        (10, limited(80, 70, |snapshot| snapshot.targets[0].found = false)),
        (15, limited(80, 70, |snapshot| snapshot.targets[0].consents = false)),
        (20, observed),
    ]);
    let shown = shown(&record, 24);
    let target = &shown.targets[0];
    assert_eq!(values(&target.limit), [Some(60e6), None, None, None, Some(50e6)]);
    assert_eq!(values(&target.sent), [Some(55e6), Some(70e6), Some(70e6), Some(70e6), Some(40e6)]);
    assert_eq!((target.name.as_str(), target.pods, target.enforced), ("Deployment/upload", 3, 3));
    assert_eq!(shown.mode, "Observe");
}

#[test]
fn the_step_that_goes_on_is_no_gap_and_one_in_which_nothing_was_told_is() {
    let record = record([(0, well())]);
    let lengths = [4, 5, 9, 10].map(|second| shown(&record, second).objectives[0].values.values.len());
    assert_eq!(lengths, [1, 1, 1, 2]);
    assert_eq!(values(&shown(&record, 10).targets[0].limit), [Some(1e9), None]);
}

#[test]
fn a_policy_that_decides_once_a_minute_has_no_gaps_between() {
    let slow = || with_policy(|spec| spec["interval"] = json!("60s"));
    let record = record([(0, slow()), (60, slow())]);
    assert_eq!(values(&shown(&record, 60).targets[0].limit), [Some(1e9); 13]);
    let late = values(&shown(&record, 200).targets[0].limit);
    assert_eq!((late.len(), late.iter().flatten().count()), (40, 25), "then it is unknown");
}

#[test]
fn what_a_new_spec_changes_begins_anew_and_nothing_else() {
    let first = with_policy(|_| ());
    let second = with_policy(|spec| {
        spec["objectives"][0]["jitter"]["max"] = json!("500us");
        spec["objectives"][1]["prometheus"]["query"] = json!("other_bps");
        spec["targets"][1]["name"] = json!("backup");
    });
    let record = record([(0, first), (10, second)]);
    let shown = shown(&record, 14);
    let lengths = shown.objectives.iter().map(|objective| objective.values.values.len());
    assert_eq!(lengths.collect::<Vec<_>>(), [3, 1], "another bound is of the same values");
    let lengths = shown.targets.iter().map(|target| (target.limit.values.len(), target.sent.values.len()));
    assert_eq!(lengths.collect::<Vec<_>>(), [(3, 3), (1, 1)]);
    assert_eq!((shown.objectives[0].bound, shown.objectives[1].values.start), (500e-6, 10_000));
}

#[test]
fn a_spec_that_cannot_be_used_says_why_and_hides_the_series_until_it_is_corrected() {
    let mut record = record([(0, cut(412e-6, 80, 0))]);
    let problem = Invalid { field: "spec.interval".into(), problem: "found 0s".into() };
    record.take(&Arc::new(Standing::Invalid { generation: Some(2), problem }), moment(5));
    let invalid = shown(&record, 9);
    assert_eq!((invalid.state, invalid.why.as_str()), (State::Invalid, "spec.interval: found 0s"));
    assert!(invalid.objectives.is_empty() && invalid.targets.is_empty() && invalid.mode.is_empty());
    assert_eq!(invalid.decisions.len(), 1);
    record.take(&of(well()), moment(10));
    assert_eq!(values(&shown(&record, 14).objectives[0].values), [Some(412e-6), None, Some(82e-6)]);
}

#[test]
fn the_last_hundred_changes_are_kept_each_once() {
    let changes = (0..150_u32).map(|second| (u64::from(second), cut(412e-6, 80, second.into())));
    let mut record = record(changes);
    record.take(&of(cut(412e-6, 80, 149)), moment(160));
    let decisions = shown(&record, 160).decisions;
    assert_eq!((decisions.len(), decisions[0].at), (CHANGES, 50_000));
    let expected = Mark {
        at: 149_000,
        decision: "Decrease".into(),
        reason: "ObjectiveViolated".into(),
        message: "command-jitter is 412us, bound <= 300us: limits cut, the lowest to 80M".into(),
    };
    assert_eq!(decisions.last(), Some(&expected));
}

#[test]
fn how_many_pods_ran_is_told_from_when_on() {
    let with = |pods: usize| {
        let mut snapshot = well();
        snapshot.targets[0].pods = pods;
        snapshot
    };
    let brief = record([(0, with(1)), (5, with(1)), (7, with(4)), (9, with(1))]);
    let counts = |at: i64, pods| Count { at, pods };
    let told = &shown(&brief, 9).targets[0].counts;
    assert_eq!(*told, [counts(0, 1), counts(7_000, 4), counts(9_000, 1)]);
    let many = record([0, 1].repeat(25).into_iter().zip(0..).map(|(pods, second)| (second, with(pods))));
    assert_eq!(shown(&many, 50).targets[0].counts.len(), COUNTS);
}

#[test]
fn what_limits_come_from_is_told_as_far_as_it_is_known() {
    let mut snapshot = well();
    snapshot.taken_up = moment(1);
    snapshot.failed = Some(Failed { at: moment(3), retry: moment(13) });
    snapshot.objectives[0].measured = Some(moment(4));
    snapshot.objectives[0].queueing = Some(queueing(90));
    let known = &mut snapshot.targets[0];
    (known.safe, known.too_much) = (Some(Bandwidth::from_mbps(47)), Some(Bandwidth::from_mbps(50)));
    known.goal = Some(Bandwidth::from_mbps(46));
    let observed = Snapshot { policy: Arc::new(policy("Observe")), ..snapshot.clone() };
    let told = shown(&record([(0, snapshot)]), 4);
    assert_eq!(told.failed, Some(flow_page::Failed { at: 3_000, retry: 13_000 }));
    assert_eq!(told.since, Some(1_000));
    assert_eq!((told.targets[0].goal, told.targets[1].goal), (Some(46e6), None));
    let [jitter, rate] = &told.objectives[..] else { panic!("{told:?}") };
    assert_eq!((jitter.measured, jitter.queue), (Some(4_000), Some(Queue { delay: 90e-6, allowed: 150e-6 })));
    assert_eq!((rate.measured, rate.queue), (None, None));
    assert_eq!((told.targets[0].known_good, told.targets[0].too_much), (Some(47e6), Some(50e6)));
    assert_eq!((told.targets[1].known_good, told.targets[1].too_much), (None, None));
    let observed = shown(&record([(0, observed)]), 4);
    assert_eq!(observed.targets[0].known_good, None, "what is not written proves nothing");
    assert_eq!(shown(&record([(0, well())]), 4).failed, None);
}

#[test]
fn where_the_clock_of_people_jumps_the_history_moves_with_it_and_keeps_its_shape() {
    let record = record([(0, cut(412e-6, 80, 0)), (5, jitter(Ok(2e-4)))]);
    for (time, start) in [(3_609, 3_600_000), (9, 0), (-3_591, -3_600_000)] {
        let time = at(time);
        let shown = record.show(&id("robot"), Dial::new(moment(9), time), time).1;
        let series = &shown.objectives[0].values;
        assert_eq!((series.start, values(series)), (start, vec![Some(412e-6), Some(2e-4)]));
        assert_eq!(shown.decisions[0].at, start);
    }
}

#[test]
fn the_times_of_what_has_not_changed_stay_the_same_while_no_clock_is_set() {
    let record = record([(0, well())]);
    let start = |dial: Dial| record.show(&id("robot"), dial, at(0)).1.objectives[0].values.start;
    let read = |ms: i64| Dial::new(moment(4), Timestamp::from_millisecond(ms).unwrap());
    let first = read(4_000);
    assert_eq!([3_999, 4_001, 4_999, 5_000].map(|ms| start(read(ms).after(first))), [0, 0, 0, 1_000]);
}

#[test]
fn a_state_tells_the_room_that_is_left() {
    for (reading, state) in [
        (Ok(412e-6), State::Violated),
        (Err(Unknown::NoData), State::Unknown),
        (Ok(299e-6), State::Met),
        (Ok(1e-6), State::Clear),
    ] {
        let shown = shown(&record([(0, jitter(reading))]), 1);
        assert_eq!((shown.objectives[0].state, shown.state), (state, state));
    }
    let mut watched = with_policy(|spec| spec["objectives"][0]["role"] = json!("Watch"));
    watched.objectives[0] = view(0, Ok(1.0));
    let shown = shown(&record([(0, watched)]), 1);
    assert_eq!(
        (shown.objectives[0].state, shown.state),
        (State::Violated, State::Clear),
        "it decides nothing"
    );
}

/// The names of the policies as they are shown.
fn names(history: &History, choice: &Choice) -> Vec<String> {
    let policies = history.policies(choice, at(0)).into_iter();
    policies.map(|policy| format!("{}/{}", policy.namespace, policy.name)).collect()
}

fn reporter() -> (Recorder, Reporter) {
    let clock = Clock::start();
    let (recorder, metrics) =
        (Recorder::new(clock), StandingMetrics::register(&mut Registry::default(), clock, false));
    let reporter = Reporter::recorded(&metrics, Some(recorder.begin()));
    (recorder, reporter)
}

#[test]
fn the_worst_policy_comes_first_and_those_alike_by_name() {
    let (recorder, reporter) = reporter();
    let problem = Invalid { field: "spec".into(), problem: "bad".into() };
    for (name, standing) in [
        ("a-clear", Standing::Running(well())),
        ("b-violated", Standing::Running(jitter(Ok(400e-6)))),
        ("c-worse", Standing::Running(jitter(Ok(900e-6)))),
        ("d-unknown", running(|snapshot| snapshot.objectives[0] = view(0, Err(Unknown::NoData)))),
        ("e-invalid", Standing::Invalid { generation: None, problem }),
        ("f-clear", Standing::Running(well())),
    ] {
        reporter.report(&id(name), standing);
    }
    let order = ["e-invalid", "c-worse", "b-violated", "d-unknown", "a-clear", "f-clear"];
    let history = recorder.history().unwrap();
    let expected = order.map(|name| format!("factory/{name}"));
    assert_eq!(names(&history, &Choice::default()), expected);
    let other = PolicyId::new("lab", "c-worse");
    reporter.report(&other, Standing::Running(well()));
    let choice = |namespace: Option<&str>, name: Option<&str>| Choice {
        namespace: namespace.map(str::to_owned),
        name: name.map(str::to_owned),
    };
    assert_eq!(names(&history, &choice(Some("lab"), None)), ["lab/c-worse"]);
    assert_eq!(names(&history, &choice(None, Some("c-worse"))), ["factory/c-worse", "lab/c-worse"]);
    assert_eq!(names(&history, &choice(Some("factory"), Some("none"))), [""; 0]);
}

#[test]
fn a_reporter_tells_what_was_measured_and_a_policy_that_is_deleted_is_forgotten() {
    let (recorder, reporter) = reporter();
    let robot = id("robot");
    let unused = Decision { action: Action::Hold, reason: Reason::Unused, objective: None };
    reporter.measured(&robot, &[view(0, Ok(2e-4)), view(1, Ok(6e7))]);
    reporter.decided(&robot, unused);
    let history = recorder.history().unwrap();
    assert_eq!(names(&history, &Choice::default()), [""; 0], "nobody has said how it stands");
    reporter.report(&robot, Standing::Running(well()));
    assert_eq!(history.policies(&Choice::default(), Timestamp::now())[0].holding, None);
    reporter.measured(&robot, &[view(0, Ok(2e-4)), view(1, Ok(6e7))]);
    reporter.decided(&robot, unused);
    let shown = history.policies(&Choice::default(), Timestamp::now());
    assert_eq!(shown[0].holding.as_deref(), Some("Unused: what the targets send does not use their limits"));
    let cut = Decision { action: Action::Decrease, ..unused };
    reporter.report(&robot, Standing::Running(with_policy(|_| {})));
    assert_eq!(history.policies(&Choice::default(), Timestamp::now())[0].holding, None, "by another spec");
    reporter.decided(&robot, cut);
    assert_eq!(history.policies(&Choice::default(), Timestamp::now())[0].holding, None, "they have changed");
    assert!(shown[0].objectives[0].values.values.contains(&Some(2e-4)), "{shown:?}");
    reporter.forget(&robot);
    assert_eq!(names(&history, &Choice::default()), [""; 0]);
}

#[test]
fn a_history_lasts_as_long_as_its_reporter_and_the_next_one_is_empty() {
    let (recorder, first) = reporter();
    first.report(&id("robot"), Standing::Running(well()));
    drop(first);
    assert!(recorder.history().is_none(), "nobody reports");
    let next = recorder.begin();
    assert_eq!(names(&next, &Choice::default()), [""; 0]);
}
