//! While nothing is known, or limits are held or without effect, nothing is learned.

use super::*;

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
fn a_judgement_waits_for_an_objective_that_was_known_before() {
    let (broken, met) = (Ok(number(2.0)), Ok(number(0.9)));
    let mut looped = Loop::from(100);
    for _ in 0..CUTS + AFTER {
        looped.read(&[broken, met]);
    }
    looped.read(&[broken, Err(Unknown::NoSeries)]);
    assert!(!looped.is_ineffective());
    looped.read(&[broken, met]);
    assert!(looped.is_ineffective());
}

#[test]
fn an_objective_that_is_unknown_for_long_does_not_end_it() {
    let mut looped = Loop::ineffective();
    for _ in 0..2 * AFTER {
        looped.read(&[Err(Unknown::NoSeries)]);
    }
    assert!(looped.is_ineffective());
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
    assert_eq!((found.before, found.after), (None, number(2.0)));
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
    assert_eq!(looped.last.objective, Some(0));
    looped.params.effect = Effect::Possible;
    looped.stay(2.0, AFTER);
    assert!(!looped.is_ineffective());
    looped.stay(2.0, 1);
    assert!(looped.is_ineffective());
}
