//! What a person asks for goes before every rule.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use flow_control::{
    Action, Aimd, Bandwidth, Bound, Decision, Effect, Finite, Law, Manual, Moment, NoData, NoDataAction,
    Observation, Params, Range, Reading, Reason, Role, State, Unknown, step,
};
use proptest::prelude::*;
use std::time::Duration;

const RANGE: Range = Range { min: Bandwidth::from_mbps(10), max: Bandwidth::from_mbps(100) };

fn params(manual: Option<Manual>, action: NoDataAction) -> Params {
    Params {
        law: Law::Aimd(Aimd::default()),
        no_data: NoData { after: Duration::from_secs(5), action },
        ranges: vec![RANGE],
        effect_check: None,
        manual,
        effect: Effect::Possible,
        traffic: Vec::new(),
    }
}

fn at(seconds: u64) -> Moment {
    Moment::after_epoch(Duration::from_secs(seconds))
}

/// An objective of at most 1.
fn reads(reading: Reading, now: Moment) -> Observation {
    let bound = Bound::AtMost(Finite::new(1.0).unwrap());
    Observation::new(Role::Control, 100, bound, reading, Some(now))
}

fn decide(manual: Option<Manual>, state: State, reading: Reading, second: u64) -> (State, Decision) {
    step(&params(manual, NoDataAction::Release), state, &[reads(reading, at(second))], at(second))
}

fn value(value: f64) -> Reading {
    Finite::new(value).map_err(|_| Unknown::NotFinite)
}

const HALF: Bandwidth = Bandwidth::from_mbps(50);

#[test]
fn a_pause_holds_whatever_is_measured() {
    for reading in [value(9.0), value(0.1), Err(Unknown::NoData)] {
        let (state, decision) = decide(Some(Manual::Hold), State::resume(vec![HALF]), reading, 60);
        let paused = Decision { action: Action::Hold, reason: Reason::Paused, objective: None };
        assert_eq!((state.limits, decision), (vec![HALF], paused));
    }
}

#[test]
fn a_pause_leaves_limits_that_were_taken_away_as_they_are() {
    let unknown = Err(Unknown::NoData);
    let (state, _) = decide(None, State::resume(vec![HALF]), unknown, 0);
    let (state, decision) = decide(None, state, unknown, 6);
    assert_eq!((state.released, decision.action), (true, Action::Release));
    let (state, _) = decide(Some(Manual::Hold), state, value(0.1), 7);
    assert!(state.released);
    let (state, _) = decide(None, state, value(0.8), 8);
    assert!(!state.released, "it decides by itself again");
}

#[test]
fn a_pin_sets_the_limit_once_within_its_range() {
    for (pin, limit) in [(80, 80), (5, 10), (500, 100)] {
        let manual = Some(Manual::Pin(Bandwidth::from_mbps(pin)));
        let (state, decision) = decide(manual, State::resume(vec![HALF]), value(9.0), 0);
        assert_eq!((state.limits[0], decision.action), (Bandwidth::from_mbps(limit), Action::Pin));
        let (state, decision) = decide(manual, state, value(0.1), 1);
        assert_eq!((state.limits[0], decision.action), (Bandwidth::from_mbps(limit), Action::Hold));
        assert_eq!(decision.reason, Reason::Pinned);
    }
}

proptest! {
    #[test]
    fn no_pin_leaves_the_range_and_no_pause_moves_a_limit(
        start in 10u64..=100,
        pin in prop::option::of(1u64..10_000),
        readings in prop::collection::vec(prop::option::of(0.0f64..3.0), 1..20),
    ) {
        let manual = Some(pin.map_or(Manual::Hold, |pin| Manual::Pin(Bandwidth::from_mbps(pin))));
        let before = Bandwidth::from_mbps(start);
        let mut state = State::resume(vec![before]);
        for (second, reading) in (0..).zip(readings) {
            let reading = reading.map_or(Err(Unknown::NoData), value);
            state = decide(manual, state, reading, second).0;
            prop_assert!((RANGE.min..=RANGE.max).contains(&state.limits[0]));
            if pin.is_none() {
                prop_assert_eq!(state.limits[0], before);
            }
        }
    }
}
