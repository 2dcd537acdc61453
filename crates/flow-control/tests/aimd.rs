//! The predecessor's law, to the letter: its worked cases, and what must hold in every case.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use flow_control::{
    Action, Aimd, Bandwidth, Bound, Decision, Effect, Finite, Law, Moment, NoData, NoDataAction, Observation,
    Params, Range, Reading, Reason, Role, State, Unknown, step,
};
use proptest::prelude::*;
use std::time::Duration;

const TICK: Duration = Duration::from_secs(2);

fn params(min: u64, max: u64) -> Params {
    Params {
        law: Law::Aimd(Aimd::default()),
        no_data: NoData { after: Duration::from_secs(30), action: NoDataAction::Hold },
        effect_check: None,
        manual: None,
        effect: Effect::Possible,
        traffic: Vec::new(),
        ranges: vec![Range { min: Bandwidth::from_mbps(min), max: Bandwidth::from_mbps(max) }],
    }
}

fn at(seconds: u64) -> Moment {
    Moment::after_epoch(Duration::from_secs(seconds))
}

fn number(value: f64) -> Finite {
    Finite::new(value).unwrap()
}

/// An objective of at most 1, measured just now.
fn reads(reading: Reading, now: Moment) -> Observation {
    Observation::new(Role::Control, 100, Bound::AtMost(number(1.0)), reading, Some(now))
}

fn once(mbps: u64, value: f64) -> (u64, Decision) {
    let now = at(10);
    let state = State::resume(vec![Bandwidth::from_mbps(mbps)]);
    let (state, decision) = step(&params(10, 1000), state, &[reads(Ok(number(value)), now)], now);
    (state.limits[0].bps() / 1_000_000, decision)
}

#[test]
fn a_violation_takes_a_fifth_in_whole_megabits_down_to_the_minimum() {
    for (old, new) in [(500, 400), (200, 160), (1000, 800), (50, 40), (12, 10), (10, 10)] {
        assert_eq!(once(old, 1.01).0, new, "{old}");
    }
    assert_eq!(once(64, 2.0).0, 52, "floor(64 × 0.2) = 12");
}

#[test]
fn headroom_gives_ten_megabits_up_to_the_maximum() {
    for (old, new) in [(500, 510), (995, 1000), (1000, 1000), (10, 20)] {
        let (limit, decision) = once(old, 0.49);
        assert_eq!((limit, decision.objective), (new, None), "{old}");
    }
}

#[test]
fn between_half_the_bound_and_the_bound_nothing_changes() {
    for value in [0.5, 0.75, 1.0] {
        let (limit, decision) = once(500, value);
        assert_eq!((limit, decision.action, decision.reason), (500, Action::Hold, Reason::WithinBounds));
    }
}

#[test]
fn what_keeps_limits_from_rising_is_named() {
    let at_rank = |priority, value| Observation { priority, ..reads(Ok(number(value)), at(1)) };
    let state = State::resume(vec![Bandwidth::from_mbps(100)]);
    let seen = [at_rank(300, 0.1), at_rank(10, 0.9), at_rank(90, 0.7), at_rank(90, 0.8)];
    let (_, decision) = step(&params(10, 1000), state, &seen, at(1));
    let expected = Decision { action: Action::Hold, reason: Reason::WithinBounds, objective: Some(2) };
    assert_eq!(decision, expected);
}

#[test]
fn a_limit_that_cannot_move_is_held_and_says_why() {
    assert_eq!(once(10, 2.0).1.reason, Reason::AtMinimum);
    assert_eq!(once(1000, 0.1).1.reason, Reason::AtMaximum);
}

#[test]
fn the_highest_priority_violated_objective_is_the_reason() {
    let now = at(1);
    let low = Observation { priority: 10, ..reads(Ok(number(9.0)), now) };
    let high = Observation { priority: 90, ..reads(Ok(number(2.0)), now) };
    let fine = Observation { priority: 100, ..reads(Ok(number(0.1)), now) };
    let state = State::resume(vec![Bandwidth::from_mbps(100)]);
    let (_, decision) = step(&params(10, 1000), state, &[fine, low, high], now);
    let expected =
        Decision { action: Action::Decrease, reason: Reason::ObjectiveViolated, objective: Some(2) };
    assert_eq!(decision, expected);
}

#[test]
fn a_watched_objective_never_decides() {
    let now = at(1);
    let watched = Observation { role: Role::Watch, ..reads(Ok(number(9.0)), now) };
    let unknown = Observation { role: Role::Watch, ..reads(Err(Unknown::NoSeries), now) };
    let state = State::resume(vec![Bandwidth::from_mbps(100)]);
    let (state, decision) =
        step(&params(10, 1000), state, &[watched, unknown, reads(Ok(number(0.1)), now)], now);
    assert_eq!((state.limits[0], decision.action), (Bandwidth::from_mbps(110), Action::Increase));
}

#[test]
fn only_watched_objectives_change_nothing() {
    let watched = Observation { role: Role::Watch, ..reads(Ok(number(0.1)), at(1)) };
    let state = State::resume(vec![Bandwidth::from_mbps(100)]);
    assert_eq!(step(&params(10, 1000), state, &[watched], at(1)).1.action, Action::Hold);
}

#[test]
fn one_measurement_cuts_once() {
    let measured = reads(Ok(number(2.0)), at(10));
    let state = State::resume(vec![Bandwidth::from_mbps(100)]);
    let (state, _) = step(&params(10, 1000), state, &[measured], at(10));
    let (state, decision) = step(&params(10, 1000), state, &[measured], at(12));
    assert_eq!((state.limits[0], decision.reason), (Bandwidth::from_mbps(80), Reason::AwaitingEffect));
    let (state, _) = step(&params(10, 1000), state, &[reads(Ok(number(2.0)), at(14))], at(14));
    assert_eq!(state.limits[0], Bandwidth::from_mbps(64));
}

#[test]
fn what_was_measured_after_a_change_counts_although_limits_were_held_since() {
    let state = State::resume(vec![Bandwidth::from_mbps(100)]);
    let (state, _) = step(&params(10, 1000), state, &[reads(Ok(number(2.0)), at(10))], at(10));
    let (state, _) = step(&params(10, 1000), state, &[reads(Ok(number(0.7)), at(11))], at(14));
    let (state, _) = step(&params(10, 1000), state, &[reads(Ok(number(2.0)), at(13))], at(15));
    assert_eq!(state.limits[0], Bandwidth::from_mbps(64));
}

#[test]
fn a_range_upside_down_is_its_minimum() {
    let state = State::resume(vec![Bandwidth::from_mbps(100)]);
    let (state, _) = step(&params(20, 10), state, &[reads(Ok(number(0.7)), at(1))], at(1));
    assert_eq!(state.limits[0], Bandwidth::from_mbps(20));
}

#[test]
fn what_was_measured_at_no_known_time_cuts_once_too() {
    let timeless = Observation { measured: None, ..reads(Ok(number(2.0)), at(10)) };
    let state = State::resume(vec![Bandwidth::from_mbps(100)]);
    let (state, _) = step(&params(10, 1000), state, &[timeless], at(10));
    let (state, decision) = step(&params(10, 1000), state, &[timeless], at(12));
    assert_eq!((state.limits[0], decision.reason), (Bandwidth::from_mbps(80), Reason::AwaitingEffect));
}

#[test]
fn one_measurement_raises_once() {
    let measured = reads(Ok(number(0.1)), at(10));
    let state = State::resume(vec![Bandwidth::from_mbps(100)]);
    let (state, _) = step(&params(10, 1000), state, &[measured], at(10));
    let (state, decision) = step(&params(10, 1000), state, &[measured], at(12));
    assert_eq!((state.limits[0], decision.reason), (Bandwidth::from_mbps(110), Reason::AwaitingEffect));
}

#[test]
fn headroom_raises_only_once_each_objective_was_measured_again() {
    let seen = |other| [reads(Ok(number(0.1)), at(12)), reads(Ok(number(0.1)), at(other))];
    let state = State::resume(vec![Bandwidth::from_mbps(100)]);
    let (state, _) = step(&params(10, 1000), state, &seen(10), at(12));
    let (state, decision) = step(&params(10, 1000), state, &seen(13), at(14));
    assert_eq!((state.limits[0], decision.reason), (Bandwidth::from_mbps(110), Reason::AwaitingEffect));
}

#[test]
fn small_limits_are_cut_too() {
    let small = Params {
        ranges: vec![Range { min: Bandwidth::from_bps(1), max: Bandwidth::from_mbps(10) }],
        ..params(1, 1)
    };
    let state = State::resume(vec![Bandwidth::from_mbps(2)]);
    let (state, _) = step(&small, state, &[reads(Ok(number(2.0)), at(1))], at(1));
    assert_eq!(state.limits[0], Bandwidth::from_bps(1_600_000));
}

/// The limits and decisions of one policy over `ticks` of an unknown objective, from 100 Mbit/s.
fn starve(action: NoDataAction, ticks: u64) -> (State, Decision) {
    let params = Params { no_data: NoData { after: Duration::from_secs(4), action }, ..params(10, 1000) };
    let state = State::resume(vec![Bandwidth::from_mbps(100)]);
    let held = Decision { action: Action::Hold, reason: Reason::NoData, objective: Some(0) };
    (0..ticks).fold((state, held), |(state, _), tick| {
        let now = at(10) + TICK * u32::try_from(tick).unwrap();
        step(&params, state, &[reads(Err(Unknown::NoSeries), now)], now)
    })
}

#[test]
fn missing_data_holds_until_its_time_is_up() {
    for action in [NoDataAction::Hold, NoDataAction::Minimum, NoDataAction::Release] {
        let (state, decision) = starve(action, 2);
        assert_eq!((state.limits[0], decision.reason), (Bandwidth::from_mbps(100), Reason::NoData));
    }
}

#[test]
fn missing_data_then_brings_the_declared_action() {
    let cases = [
        (NoDataAction::Hold, 100, false),
        (NoDataAction::Minimum, 10, false),
        (NoDataAction::Release, 1000, true),
    ];
    for (action, mbps, released) in cases {
        for ticks in [3, 4, 9] {
            let (state, decision) = starve(action, ticks);
            assert_eq!(
                (state.limits[0], state.released),
                (Bandwidth::from_mbps(mbps), released),
                "{action:?}"
            );
            assert_eq!(decision.reason, Reason::NoDataTooLong);
        }
    }
}

#[test]
fn data_that_returns_restarts_the_clock_and_ends_a_release() {
    let params = params(10, 1000);
    let (state, _) = starve(NoDataAction::Release, 3);
    let (state, _) = step(&params, state, &[reads(Ok(number(0.7)), at(30))], at(30));
    assert!(!state.released);
    let (_, decision) = step(&params, state, &[reads(Err(Unknown::NoData), at(32))], at(32));
    assert_eq!(decision.reason, Reason::NoData);
}

#[test]
fn a_violation_outweighs_an_unknown_objective() {
    let now = at(1);
    let observations = [reads(Err(Unknown::NoSeries), now), reads(Ok(number(2.0)), now)];
    let state = State::resume(vec![Bandwidth::from_mbps(100)]);
    assert_eq!(step(&params(10, 1000), state, &observations, now).1.action, Action::Decrease);
}

fn any_reading() -> impl Strategy<Value = Reading> {
    prop_oneof![
        (0.0..3.0f64).prop_map(|value| Ok(number(value))),
        Just(Err(Unknown::NoSeries)),
        Just(Err(Unknown::TooFewSamples { have: 1, need: 5 })),
    ]
}

fn any_no_data() -> impl Strategy<Value = NoDataAction> {
    prop_oneof![Just(NoDataAction::Hold), Just(NoDataAction::Minimum)]
}

proptest! {
    #[test]
    fn limits_stay_within_their_range(
        readings in prop::collection::vec(any_reading(), 1..60),
        start in 0u64..5_000, min in 1u64..100, span in 0u64..2_000, action in any_no_data(),
    ) {
        let params = Params { no_data: NoData { after: TICK * 3, action }, ..params(min, min + span) };
        let mut state = State::resume(vec![Bandwidth::from_mbps(start)]);
        for (second, reading) in (0..).zip(readings) {
            (state, _) = step(&params, state, &[reads(reading, at(second))], at(second));
            prop_assert!((params.ranges[0].min..=params.ranges[0].max).contains(&state.limits[0]));
        }
    }

    #[test]
    fn nothing_but_known_headroom_raises_a_limit(
        readings in prop::collection::vec((any_reading(), any_reading()), 1..60), action in any_no_data(),
    ) {
        let params = Params { no_data: NoData { after: TICK * 3, action }, ..params(10, 1000) };
        let mut state = State::resume(vec![Bandwidth::from_mbps(500)]);
        for (second, (first, other)) in (0..).zip(readings) {
            let before = state.limits[0];
            (state, _) = step(&params, state, &[reads(first, at(second)), reads(other, at(second))], at(second));
            let roomy = |reading: Reading| reading.is_ok_and(|value| value.get() < 0.5);
            prop_assert!(state.limits[0] <= before || (roomy(first) && roomy(other)));
        }
    }

    #[test]
    fn a_hold_changes_nothing(
        readings in prop::collection::vec(any_reading(), 1..60),
    ) {
        let params = params(10, 1000);
        let mut state = State::resume(vec![Bandwidth::from_mbps(500)]);
        for (second, reading) in (0..).zip(readings) {
            let before = state.limits.clone();
            let decision;
            (state, decision) = step(&params, state, &[reads(reading, at(second))], at(second));
            prop_assert_eq!(decision.action == Action::Hold, state.limits == before);
        }
    }
}

/// The limit after one violation of `times` its bound.
fn cut_by(severity_max: u32, times: f64) -> Bandwidth {
    cut_by_the_worst(severity_max, &[times])
}

fn cut_by_the_worst(severity_max: u32, times: &[f64]) -> Bandwidth {
    let law = Law::Aimd(Aimd { severity_max, ..Aimd::default() });
    let params = Params { law, ..params(10, 1000) };
    let state = State::resume(vec![Bandwidth::from_mbps(500)]);
    let seen: Vec<_> = times.iter().map(|times| reads(Ok(number(*times)), at(1))).collect();
    step(&params, state, &seen, at(1)).0.limits[0]
}

#[test]
fn of_several_violations_the_worst_says_how_deep_a_cut_is() {
    for times in [[2.0, 1.5], [1.5, 2.0], [0.1, 2.0]] {
        assert_eq!(cut_by_the_worst(5, &times), Bandwidth::from_mbps(300), "{times:?}");
    }
}

#[test]
fn a_worse_violation_cuts_deeper_where_that_is_asked_for() {
    for (severity_max, times, mbps) in [
        (0, 9.0, 400),
        (1, 9.0, 400),
        (5, 1.001, 400),
        (5, 2.0, 300),
        (3, 9.0, 200),
        (5, 9.0, 50),
        (10, 1e9, 50),
    ] {
        assert_eq!(cut_by(severity_max, times), Bandwidth::from_mbps(mbps), "{severity_max} {times}");
    }
}

#[test]
fn the_worst_violation_that_can_be_told_does_not_overflow() {
    for times in [2_147_483.66, f64::MAX] {
        assert_eq!(cut_by(42_949_673, times), Bandwidth::from_mbps(50), "{times}");
    }
}

#[test]
fn beyond_a_bound_below_zero_a_cut_is_as_deep_as_declared() {
    let bound = Bound::AtMost(number(-2.0));
    let seen = Observation { bound, ..reads(Ok(number(-1.0)), at(1)) };
    let state = State::resume(vec![Bandwidth::from_mbps(500)]);
    let (state, _) = step(&params(10, 1000), state, &[seen], at(1));
    assert_eq!(state.limits[0], Bandwidth::from_mbps(400));
}

proptest! {
    #[test]
    fn no_cut_is_shallower_for_a_worse_violation(severity in 1u32..=10, a in 1.01f64..20.0, b in 1.01f64..20.0) {
        let (mild, bad) = (a.min(b), a.max(b));
        prop_assert!(cut_by(severity, mild) >= cut_by(severity, bad));
    }
}
