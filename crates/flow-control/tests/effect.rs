//! Where lower limits do not help, they are given back; where they do, they stay.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use flow_control::{
    Action, Aimd, Bandwidth, Bound, Decision, Effect, EffectCheck, Finite, Hindrance, Manual, Moment, NoData,
    NoDataAction, Observation, Params, Range, Reading, Reason, Role, State, Unknown, step,
};
use std::time::Duration;

const AFTER: u64 = 30;
const RETRY: u64 = 300;
/// From 100M, cuts of a fifth reach 10M with the twelfth.
const CUTS: u64 = 12;
/// From 10M, raises of 10M reach 100M with the ninth.
const RAISES: u64 = 9;

/// A control loop that is stepped once a second, with a new measurement of each objective each time.
struct Loop {
    params: Params,
    state: State,
    second: u64,
    last: Decision,
}

impl Loop {
    fn from(mbps: u64) -> Self {
        let check =
            EffectCheck { after: Duration::from_secs(AFTER), retry_after: Duration::from_secs(RETRY) };
        let params = Params {
            law: Aimd::default(),
            no_data: NoData { after: Duration::from_secs(5), action: NoDataAction::Hold },
            ranges: vec![Range { min: Bandwidth::from_mbps(10), max: Bandwidth::from_mbps(100) }],
            effect_check: Some(check),
            manual: None,
            effect: Effect::Possible,
        };
        let last = Decision { action: Action::Hold, reason: Reason::WithinBounds, objective: None };
        Self { params, state: State::resume(vec![Bandwidth::from_mbps(mbps)]), second: 1_000, last }
    }

    fn limit(&self) -> u64 {
        self.state.limits[0].bps() / 1_000_000
    }

    fn now(&self) -> Moment {
        Moment::after_epoch(Duration::from_secs(self.second))
    }

    fn observe(&mut self, observations: &[Observation]) -> &mut Self {
        self.second += 1;
        let now = self.now();
        let observations: Vec<_> =
            observations.iter().map(|seen| Observation { measured: Some(now), ..*seen }).collect();
        (self.state, self.last) = step(&self.params, self.state.clone(), &observations, now);
        self
    }

    /// One second in which objectives of at most 1 read so.
    fn read(&mut self, readings: &[Reading]) -> &mut Self {
        self.observe(&readings.iter().map(|reading| at_most_one(*reading)).collect::<Vec<_>>())
    }

    /// So many seconds in which an objective of at most 1 is at `value`.
    fn stay(&mut self, value: f64, seconds: u64) -> &mut Self {
        for _ in 0..seconds {
            self.read(&[Ok(number(value))]);
        }
        self
    }

    /// So many seconds of a path on which the objective depends on the limit. Returns the limit of each.
    fn run(&mut self, seconds: u64, mut path: impl FnMut(u64) -> f64) -> Vec<u64> {
        let mut limits = Vec::new();
        for _ in 0..seconds {
            let value = path(self.limit());
            limits.push(self.stay(value, 1).limit());
        }
        limits
    }

    fn is_ineffective(&self) -> bool {
        self.state.no_effect().is_some()
    }

    /// A loop that has just found lower limits to be of no effect on an objective that is always 2.
    fn ineffective() -> Self {
        let mut looped = Self::from(100);
        looped.stay(2.0, CUTS + AFTER);
        assert!(!looped.is_ineffective());
        looped.stay(2.0, 1);
        assert!(looped.is_ineffective());
        looped
    }
}

fn number(value: f64) -> Finite {
    Finite::new(value).unwrap()
}

fn at_most_one(reading: Reading) -> Observation {
    let bound = Bound::AtMost(number(1.0));
    Observation { role: Role::Control, priority: 100, bound, reading, measured: None }
}

fn said(looped: &Loop) -> (Action, Reason) {
    (looped.last.action, looped.last.reason)
}

#[test]
fn limits_that_do_not_help_are_given_back_step_by_step() {
    let mut looped = Loop::ineffective();
    assert_eq!((looped.limit(), said(&looped)), (20, (Action::Increase, Reason::NoEffect)));
    assert_eq!(looped.last.objective, Some(0));
    let back = looped.run(RAISES, |_| 2.0);
    assert_eq!(back, [30, 40, 50, 60, 70, 80, 90, 100, 100]);
    assert_eq!(said(&looped), (Action::Hold, Reason::NoEffect));
}

#[test]
fn limits_stay_at_their_maximum_until_they_are_tried_again() {
    let mut looped = Loop::ineffective();
    assert_eq!(looped.state.no_effect().unwrap().retry, None);
    looped.stay(2.0, RAISES);
    let full = looped.now();
    let retry = looped.state.no_effect().unwrap().retry;
    assert_eq!(retry, Some(full + Duration::from_secs(RETRY)));
    let rest = looped.run(RETRY - 1, |_| 2.0);
    assert!(rest.iter().all(|limit| *limit == 100) && looped.is_ineffective());
    looped.stay(2.0, 1);
    assert_eq!((looped.limit(), said(&looped)), (80, (Action::Decrease, Reason::ObjectiveViolated)));
    assert!(!looped.is_ineffective());
    looped.stay(2.0, CUTS + AFTER);
    assert!(looped.is_ineffective(), "and found to be of no effect again");
}

#[test]
fn one_measurement_gives_back_once() {
    let looped = Loop::ineffective();
    let measured = looped.now();
    let old = Observation { measured: Some(measured), ..at_most_one(Ok(number(2.0))) };
    let later = measured + Duration::from_secs(1);
    let (state, decision) = step(&looped.params, looped.state.clone(), &[old], later);
    assert_eq!((state.limits[0].bps(), decision.reason), (20_000_000, Reason::AwaitingEffect));
    assert_eq!(decision.objective, Some(0));
}

#[test]
fn it_is_told_what_the_objective_was_before_and_at_the_minimum() {
    let mut looped = Loop::from(100);
    looped.run(CUTS + AFTER + 1, |limit| if limit > 10 { 3.0 } else { 2.9 });
    let found = looped.state.no_effect().unwrap();
    assert_eq!((found.objective, found.before, found.at_minimum), (0, Some(number(3.0)), number(2.9)));
}

#[test]
fn a_fifth_less_is_a_gain_for_which_limits_stay() {
    for (at_minimum, helps) in [(2.59, true), (2.61, false)] {
        let mut looped = Loop::from(100);
        looped.run(CUTS + 2 * AFTER, |limit| if limit > 10 { 3.0 } else { at_minimum });
        assert_eq!(!looped.is_ineffective(), helps, "{at_minimum}");
    }
}

#[test]
fn a_gain_is_looked_for_again_and_again() {
    let mut looped = Loop::from(100);
    looped.run(CUTS + 3 * AFTER, |limit| if limit > 10 { 3.0 } else { 2.0 });
    assert_eq!((looped.limit(), said(&looped)), (10, (Action::Hold, Reason::AtMinimum)));
    looped.stay(3.0, 2 * AFTER + 4);
    assert!(looped.is_ineffective(), "the gain is lost");
}

#[test]
fn what_is_measured_first_at_the_minimum_may_still_be_of_before() {
    let mut looped = Loop::from(100);
    looped.stay(3.0, CUTS + AFTER / 2);
    // Of all that is measured at the minimum, most is as bad as before; of the second half, most is not.
    looped.stay(2.0, 9).stay(3.0, AFTER / 2 - 8);
    assert!(!looped.is_ineffective() && looped.limit() == 10);
}

#[test]
fn a_measurement_counts_once_however_often_it_is_read() {
    for (fewest, judged) in [(2, false), (3, true)] {
        let mut looped = Loop::from(100);
        looped.stay(2.0, CUTS);
        let minimum = looped.second + 1;
        for second in minimum..=minimum + 2 * AFTER {
            // Measured from the middle of the time on, and soon no longer.
            let measured = second.clamp(minimum, minimum + AFTER / 2 + fewest - 1);
            let measured = Moment::after_epoch(Duration::from_secs(measured));
            let seen = Observation { measured: Some(measured), ..at_most_one(Ok(number(2.0))) };
            let now = Moment::after_epoch(Duration::from_secs(second));
            looped.state = step(&looped.params, looped.state.clone(), &[seen], now).0;
        }
        assert_eq!(looped.is_ineffective(), judged, "{fewest}");
    }
}

#[test]
fn a_floor_is_held_to_the_same_measure() {
    for (at_minimum, helps) in [(30.0, false), (34.0, true)] {
        let mut looped = Loop::from(100);
        for _ in 0..=CUTS + AFTER {
            let value = if looped.limit() > 10 { 30.0 } else { at_minimum };
            let bound = Bound::AtLeast(number(50.0));
            looped.observe(&[Observation { bound, ..at_most_one(Ok(number(value))) }]);
        }
        assert_eq!(!looped.is_ineffective(), helps, "{at_minimum}");
    }
}

#[test]
fn a_gain_of_one_objective_keeps_the_limits_whatever_the_others_are() {
    let mut looped = Loop::from(100);
    for _ in 0..CUTS + 2 * AFTER {
        let second = if looped.limit() > 10 { 4.0 } else { 0.7 };
        looped.read(&[Ok(number(2.0)), Ok(number(second))]);
    }
    assert_eq!((looped.is_ineffective(), looped.limit()), (false, 10));
}

#[test]
fn a_watched_objective_shows_no_gain_and_no_harm() {
    let mut looped = Loop::from(100);
    for _ in 0..CUTS + AFTER + RAISES + 2 {
        let watched = f64::from(u32::try_from(looped.limit()).unwrap());
        let watched = Observation { role: Role::Watch, ..at_most_one(Ok(number(watched))) };
        looped.observe(&[watched, at_most_one(Ok(number(2.0)))]);
    }
    assert_eq!((looped.is_ineffective(), looped.limit()), (true, 100));
    assert_eq!(looped.state.no_effect().unwrap().objective, 1);
}

#[test]
fn of_several_violated_objectives_the_highest_ranking_is_named() {
    let mut looped = Loop::from(100);
    let ranked = |priority, value| Observation { priority, ..at_most_one(Ok(number(value))) };
    for _ in 0..=CUTS + AFTER {
        looped.observe(&[ranked(300, 0.9), ranked(10, 9.0), ranked(90, 2.0), ranked(90, 3.0)]);
    }
    assert_eq!(looped.state.no_effect().unwrap().objective, 2);
}

#[test]
fn an_objective_that_holds_for_as_long_ends_it() {
    let mut looped = Loop::ineffective();
    looped.stay(2.0, RAISES).stay(0.9, AFTER);
    assert!(looped.is_ineffective());
    looped.stay(0.9, 1);
    assert!(!looped.is_ineffective());
    looped.stay(2.0, 1);
    assert_eq!(said(&looped), (Action::Decrease, Reason::ObjectiveViolated));
}

#[test]
fn an_objective_that_holds_only_now_and_then_does_not_end_it() {
    let mut looped = Loop::ineffective();
    looped.stay(2.0, RAISES);
    for _ in 0..4 {
        looped.stay(0.9, AFTER).stay(2.0, 1);
    }
    assert_eq!((looped.is_ineffective(), looped.limit()), (true, 100));
}

#[test]
fn while_it_holds_the_law_goes_on_where_objectives_are_met() {
    let mut looped = Loop::ineffective();
    looped.stay(0.9, 1);
    assert_eq!((looped.limit(), said(&looped)), (20, (Action::Hold, Reason::WithinBounds)));
    looped.stay(0.1, 1);
    assert_eq!((looped.limit(), said(&looped)), (30, (Action::Increase, Reason::Headroom)));
    assert!(looped.is_ineffective());
}

/// A loop that has just found out that limits did help: what is 2 with limits at their minimum is 3 without.
fn relapsed() -> Loop {
    let mut looped = Loop::ineffective();
    let back = looped.run(5, |_| 3.0);
    assert_eq!(back, [30, 40, 50, 60, 48]);
    assert_eq!(said(&looped), (Action::Decrease, Reason::ObjectiveViolated));
    assert!(!looped.is_ineffective());
    looped
}

#[test]
fn what_gets_much_worse_while_limits_are_given_back_takes_them_down_again() {
    let mut looped = relapsed();
    looped.stay(3.0, 8);
    assert_eq!(looped.limit(), 10);
}

#[test]
fn after_that_limits_are_not_given_back_soon() {
    let mut looped = relapsed();
    let held = looped.run(RETRY - 2, |_| 3.0);
    assert!(held[8..].iter().all(|limit| *limit == 10), "{held:?}");
    looped.stay(3.0, AFTER + 2);
    assert!(looped.is_ineffective(), "but once more, when its time has come");
}

#[test]
fn after_that_limits_that_help_stay_for_good() {
    let mut looped = relapsed();
    let held = looped.run(10 * RETRY, |limit| if limit > 10 { 3.0 } else { 2.0 });
    assert!(held[8..].iter().all(|limit| *limit == 10));
}

#[test]
fn a_few_bad_measurements_do_not_stop_it() {
    let mut looped = Loop::ineffective();
    looped.stay(9.0, 4).stay(2.2, 1).stay(9.0, 4);
    assert_eq!((looped.is_ineffective(), looped.limit()), (true, 100));
}

#[test]
fn a_quarter_worse_than_at_the_minimum_is_borne() {
    for (value, borne) in [(2.25, true), (2.26, false)] {
        let mut looped = Loop::ineffective();
        looped.stay(value, 6);
        assert_eq!(looped.is_ineffective(), borne, "{value}");
    }
}

#[test]
fn what_shows_only_after_the_last_raise_counts_too_but_not_much_later() {
    for (waits, harm) in [(AFTER - 10, true), (AFTER + 5, false)] {
        let mut looped = Loop::ineffective();
        looped.stay(2.0, RAISES + waits).stay(9.0, 6);
        assert_eq!(looped.is_ineffective(), !harm, "{waits}");
    }
}

#[test]
fn an_objective_that_held_at_the_minimum_and_breaks_counts_as_harm() {
    let mut looped = Loop::from(100);
    let mut read = |other: f64, seconds| {
        for _ in 0..seconds {
            looped.read(&[Ok(number(2.0)), Ok(number(other))]);
        }
        looped.is_ineffective()
    };
    assert!(read(0.9, CUTS + AFTER + 1));
    assert!(!read(1.01, 5));
}

#[test]
fn nothing_is_given_back_while_an_objective_is_unknown() {
    let mut looped = Loop::ineffective();
    looped.read(&[Err(Unknown::NoSeries)]);
    assert_eq!((looped.limit(), said(&looped)), (20, (Action::Hold, Reason::NoData)));
    let broken = Ok(number(2.0));
    for reason in [Reason::NoData; 4].into_iter().chain([Reason::NoDataTooLong; 9]) {
        looped.read(&[broken, Err(Unknown::NoSeries)]);
        assert_eq!((looped.limit(), said(&looped)), (20, (Action::Hold, reason)));
        assert_eq!(looped.last.objective, Some(1));
    }
    looped.stay(2.0, 1);
    assert_eq!(looped.limit(), 30, "it goes on where it was");
}

#[test]
fn nothing_is_judged_while_an_objective_is_unknown() {
    let mut looped = Loop::from(100);
    for _ in 0..CUTS + 4 * AFTER {
        looped.read(&[Ok(number(2.0)), Err(Unknown::NoSeries)]);
    }
    assert_eq!((looped.is_ineffective(), looped.limit()), (false, 10));
    for _ in 0..=2 {
        assert!(!looped.is_ineffective(), "three measurements are the fewest");
        looped.read(&[Ok(number(2.0)), Ok(number(0.9))]);
    }
    assert!(looped.is_ineffective());
}

#[test]
fn a_judgement_waits_for_a_moment_in_which_the_violation_is_seen() {
    for not_seen in [Ok(number(0.9)), Err(Unknown::NoSeries)] {
        let mut looped = Loop::from(100);
        looped.stay(2.0, CUTS + AFTER).read(&[not_seen]);
        assert!(!looped.is_ineffective(), "{not_seen:?}");
        looped.stay(2.0, 1);
        assert!(looped.is_ineffective(), "{not_seen:?}");
    }
}

#[test]
fn what_is_declared_for_missing_data_goes_before_giving_back() {
    for (action, limit, released) in [(NoDataAction::Minimum, 10, false), (NoDataAction::Release, 100, true)]
    {
        let mut looped = Loop::ineffective();
        looped.params.no_data.action = action;
        for _ in 0..6 {
            looped.read(&[Ok(number(2.0)), Err(Unknown::NoSeries)]);
        }
        assert_eq!((looped.limit(), looped.state.released), (limit, released));
        assert_eq!((looped.last.reason, looped.is_ineffective()), (Reason::NoDataTooLong, false));
    }
}

#[test]
fn limits_at_their_minimum_from_the_start_are_given_back_only_after_the_long_wait() {
    let mut looped = Loop::from(10);
    let held = looped.run(RETRY, |_| 2.0);
    assert!(held.iter().all(|limit| *limit == 10));
    looped.stay(2.0, 1);
    let found = looped.state.no_effect().unwrap();
    assert_eq!((found.before, found.at_minimum), (None, number(2.0)));
}

#[test]
fn a_pause_holds_and_what_is_measured_in_it_does_not_count() {
    let mut looped = Loop::from(100);
    looped.stay(2.0, CUTS + AFTER - 1);
    looped.params.manual = Some(Manual::Hold);
    looped.stay(2.0, 2 * AFTER);
    assert_eq!((looped.limit(), said(&looped)), (10, (Action::Hold, Reason::Paused)));
    looped.params.manual = None;
    looped.stay(2.0, AFTER);
    assert!(!looped.is_ineffective());
    looped.stay(2.0, 1).stay(0.9, 1);
    assert!(looped.is_ineffective());
    looped.params.manual = Some(Manual::Hold);
    looped.stay(2.0, AFTER);
    assert_eq!((looped.limit(), looped.is_ineffective()), (20, true));
    looped.stay(0.9, 2 * AFTER);
    looped.params.manual = None;
    looped.stay(0.9, AFTER);
    assert!(looped.is_ineffective());
    looped.stay(2.0, 1);
    assert_eq!((looped.limit(), looped.is_ineffective()), (30, true));
}

#[test]
fn a_pin_ends_it() {
    let mut looped = Loop::ineffective();
    looped.params.manual = Some(Manual::Pin(Bandwidth::from_mbps(50)));
    looped.stay(2.0, 1);
    assert_eq!((looped.limit(), looped.is_ineffective()), (50, false));
    looped.params.manual = None;
    looped.stay(2.0, 1);
    assert_eq!((looped.limit(), looped.last.action), (40, Action::Decrease));
}

#[test]
fn what_is_measured_while_limits_cannot_take_effect_does_not_count() {
    let mut looped = Loop::from(100);
    looped.stay(2.0, CUTS + AFTER - 1);
    looped.params.effect = Effect::Impossible(Hindrance::NotInForce);
    looped.stay(2.0, 2 * AFTER);
    assert_eq!((looped.limit(), said(&looped)), (10, (Action::Hold, Reason::NotInForce)));
    looped.params.effect = Effect::Possible;
    looped.stay(2.0, AFTER);
    assert!(!looped.is_ineffective());
    looped.stay(2.0, 1);
    assert!(looped.is_ineffective());
}

#[test]
fn headroom_after_cuts_begins_anew() {
    let mut looped = Loop::from(100);
    looped.stay(9.0, CUTS).stay(0.1, 1);
    assert_eq!(looped.limit(), 20);
    looped.stay(2.0, 5 + AFTER);
    assert!(looped.is_ineffective(), "what was before that no longer counts");
    assert_eq!(looped.state.no_effect().unwrap().before, Some(number(2.0)));
}

#[test]
fn without_the_check_limits_stay() {
    let mut looped = Loop::from(100);
    looped.params.effect_check = None;
    looped.stay(2.0, 10 * RETRY);
    assert_eq!((looped.limit(), said(&looped)), (10, (Action::Hold, Reason::AtMinimum)));
}

#[test]
fn a_check_that_is_taken_away_ends_it() {
    let mut looped = Loop::ineffective();
    looped.params.effect_check = None;
    looped.stay(2.0, 1);
    assert_eq!((looped.last.action, looped.is_ineffective()), (Action::Decrease, false));
}

#[test]
fn a_limit_without_a_range_is_no_test() {
    let mut looped = Loop::from(10);
    looped.params.ranges[0].max = Bandwidth::from_mbps(10);
    looped.stay(2.0, 2 * RETRY);
    assert_eq!((looped.is_ineffective(), said(&looped)), (false, (Action::Hold, Reason::AtMinimum)));
}

#[test]
fn every_limit_has_to_be_at_its_minimum_and_back_at_its_maximum() {
    let mut looped = Loop::from(100);
    let wide = Range { min: Bandwidth::from_mbps(1), max: Bandwidth::from_mbps(200) };
    looped.params.ranges.push(wide);
    looped.state = State::resume(vec![Bandwidth::from_mbps(100), Bandwidth::from_mbps(200)]);
    let cuts =
        std::iter::repeat_with(|| looped.stay(2.0, 1).state.limits[1]).position(|limit| limit == wide.min);
    assert!(cuts > Some(11));
    looped.stay(2.0, AFTER);
    assert!(!looped.is_ineffective());
    looped.stay(2.0, 1);
    assert!(looped.is_ineffective());
    looped.stay(2.0, 18);
    assert_eq!((looped.limit(), looped.state.no_effect().unwrap().retry), (100, None));
    looped.stay(2.0, 2);
    assert!(looped.state.no_effect().unwrap().retry.is_some());
}

/// Noise between -1 and 1, always the same.
fn noise(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    f64::from(u32::try_from(*seed >> 32).unwrap()) / f64::from(u32::MAX) * 2.0 - 1.0
}

#[test]
fn noise_does_not_hold_limits_down_for_nothing() {
    for seed in 0..20 {
        let mut dice = seed;
        let mut looped = Loop::from(100);
        let limits = looped.run(4 * (RETRY + CUTS + AFTER + RAISES), |_| 2.0 + noise(&mut dice) * 0.8);
        let sum: u64 = limits.iter().sum();
        let mean = sum / u64::try_from(limits.len()).unwrap();
        assert!(mean > 80, "{mean} Mbit/s with seed {seed}");
    }
}

#[test]
fn noise_hardly_gives_back_limits_that_help() {
    for seed in 0..20 {
        let mut dice = seed;
        let mut looped = Loop::from(100);
        let limits = looped.run(10 * RETRY, |limit| {
            let limit = f64::from(u32::try_from(limit).unwrap());
            1.2 + limit / 25.0 + noise(&mut dice) * 0.4
        });
        let raised = limits[20..].iter().filter(|limit| **limit > 10).count();
        assert!(raised * 100 < limits.len(), "raised for {raised} s with seed {seed}");
    }
}
