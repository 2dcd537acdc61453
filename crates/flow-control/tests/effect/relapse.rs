//! What gets worse while limits are given back.

use super::*;

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
fn what_counts_is_what_was_at_the_minimum_and_not_what_was_before() {
    let mut looped = Loop::from(100);
    looped.stay(3.0, CUTS).stay(2.8, AFTER + 1);
    assert!(looped.is_ineffective());
    looped.stay(3.3, 5);
    assert!(!looped.is_ineffective());
}

#[test]
fn a_tenth_of_what_was_at_the_minimum_is_left_out() {
    for (value, borne) in [(3.5, true), (3.51, false)] {
        let mut looped = Loop::from(100);
        looped.stay(2.0, CUTS + AFTER - 1).stay(3.0, 1).stay(9.0, 1);
        assert!(looped.is_ineffective());
        looped.stay(value, 5);
        assert_eq!(looped.is_ineffective(), borne, "{value}");
    }
}

#[test]
fn what_was_measured_at_the_minimum_is_no_harm_however_often_it_is_read() {
    let mut looped = Loop::from(100);
    looped.stay(2.0, CUTS + AFTER).stay(9.0, 1);
    let old = Observation { measured: Some(looped.now()), ..at_most_one(Ok(number(9.0))) };
    looped.second += 1;
    looped.state = step(&looped.params, looped.state.clone(), &[old], looped.now()).0;
    looped.stay(9.0, 4);
    assert!(looped.is_ineffective());
    looped.stay(9.0, 1);
    assert!(!looped.is_ineffective());
}

#[test]
fn the_harm_itself_is_what_was_before_the_next_minimum() {
    let mut looped = Loop::ineffective();
    looped.params.law = Law::Aimd(Aimd { decrease_percent: 90, ..Aimd::default() });
    looped.stay(3.0, 5);
    assert_eq!(looped.limit(), 10);
    looped.stay(2.8, RETRY + 1);
    assert_eq!(looped.state.no_effect().unwrap().before, Some(number(3.0)));
}

#[test]
fn an_objective_that_only_decides_since_then_is_no_harm() {
    let mut looped = Loop::from(100);
    let broken = at_most_one(Ok(number(2.0)));
    for _ in 0..=CUTS + AFTER {
        looped.observe(&[broken, Observation { role: Role::Watch, ..broken }]);
    }
    for _ in 0..RAISES {
        looped.observe(&[broken, broken]);
    }
    assert_eq!((looped.is_ineffective(), looped.limit()), (true, 100));
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
