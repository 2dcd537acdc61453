//! Whether lower limits help, and that they are given back where they do not.

use super::*;

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
    assert_eq!((found.objective, found.before, found.after), (0, Some(number(3.0)), number(2.9)));
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
        assert!(!looped.is_ineffective());
    }
    assert_eq!(looped.limit(), 10);
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
fn one_limit_with_a_range_is_enough_for_a_test() {
    let mut looped = Loop::from(100);
    let fixed = Bandwidth::from_mbps(10);
    looped.params.ranges.push(Range { min: fixed, max: fixed });
    looped.state.limits.push(fixed);
    looped.stay(2.0, CUTS + AFTER + 1);
    assert!(looped.is_ineffective());
}

#[test]
fn a_minimum_that_was_lowered_has_to_be_reached_and_waited_for_anew() {
    let mut looped = Loop::from(100);
    looped.stay(2.0, CUTS + AFTER - 1);
    looped.params.ranges[0].min = Bandwidth::from_mbps(8);
    looped.stay(2.0, 1 + AFTER);
    assert_eq!((looped.limit(), looped.is_ineffective()), (8, false));
    looped.stay(2.0, 1);
    assert!(looped.is_ineffective());
}

#[test]
fn limits_outside_of_a_range_that_was_narrowed_are_at_its_ends() {
    let mut looped = Loop::from(100);
    looped.stay(2.0, CUTS + AFTER);
    looped.params.ranges[0].min = Bandwidth::from_mbps(20);
    looped.stay(2.0, 1);
    assert!(looped.is_ineffective());
    looped.stay(2.0, RAISES);
    let retry = looped.state.no_effect().unwrap().retry;
    looped.params.ranges[0].max = Bandwidth::from_mbps(90);
    looped.stay(2.0, 1);
    assert!(retry.is_some());
    assert_eq!(looped.state.no_effect().unwrap().retry, retry);
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
