use super::*;

const GIVEN_BACK: (Action, Reason) = (Action::Increase, Reason::NoEffect);

/// A scene in which the queue stays the same whatever is cut.
fn elsewhere(limit: u64) -> Scene {
    let mut scene = Scene::at(limit);
    scene.queue(300);
    scene
}

fn sending_all(scene: &mut Scene, millis: u64) {
    for _ in 0..millis / TICK_MILLIS {
        scene.sends_all().tick();
    }
}

#[test]
fn cuts_that_do_not_help_are_taken_back_within_three_seconds() {
    let mut scene = elsewhere(100);
    let mut ticks = 0;
    while scene.said() != GIVEN_BACK {
        sending_all(&mut scene, TICK_MILLIS);
        ticks += 1;
    }
    assert!(ticks * TICK_MILLIS <= 3_000, "{ticks}");
    assert_eq!(scene.limit(), 100, "what it was before");
    let found = scene.state.no_effect().unwrap();
    assert_eq!(found.objective, 0);
    assert!(found.retry > Some(at(scene.millis)));
}

#[test]
fn what_was_too_bad_to_be_measured_meanwhile_leads_to_no_verdict() {
    let mut scene = elsewhere(100);
    for second in 0..20 {
        sending_all(&mut scene, 800);
        scene.reads(Err(Unknown::Stale { age: Duration::from_secs(1) }));
        sending_all(&mut scene, 200);
        scene.reads(Ok(number(0.1)));
        assert_eq!(scene.state.no_effect(), None, "after {second} s");
    }
}

#[test]
fn they_are_tried_again_the_later_the_more_often_they_did_not_help() {
    let mut scene = elsewhere(100);
    let (mut verdicts, mut parked) = (vec![], false);
    for _ in 0..15_000 {
        sending_all(&mut scene, TICK_MILLIS);
        let now = scene.state.no_effect().is_some();
        if now && !parked {
            verdicts.push(scene.millis / 1_000);
        }
        parked = now;
    }
    let waits: Vec<_> = verdicts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let about = |wait: u64, expected: u64| (expected..expected + 5).contains(&wait);
    let expected = [30, 60, 120, 240, 300, 300];
    assert!(waits.iter().zip(expected).all(|(wait, expected)| about(*wait, expected)), "{waits:?}");
    assert!(waits.len() >= expected.len(), "{waits:?}");
}

#[test]
fn while_they_do_not_help_limits_stay_given_back() {
    let mut scene = elsewhere(100);
    sending_all(&mut scene, 3_000);
    sending_all(&mut scene, 20_000);
    assert_eq!((scene.limit(), scene.said()), (100, (Action::Hold, Reason::NoEffect)));
}

#[test]
fn a_fault_that_is_over_is_forgotten() {
    let mut scene = elsewhere(100);
    sending_all(&mut scene, 3_000);
    scene.queue(0);
    sending_all(&mut scene, 2_000);
    assert_eq!(scene.state.no_effect(), None);
}

#[test]
fn where_it_gets_much_worse_cuts_are_tried_at_once() {
    let mut scene = elsewhere(100);
    sending_all(&mut scene, 3_000);
    assert!(scene.state.no_effect().is_some());
    scene.queue(500);
    sending_all(&mut scene, 1_400);
    assert!(scene.limit() < 100);
}

#[test]
fn a_cut_that_helps_by_half_is_kept() {
    let mut scene = elsewhere(100);
    sending_all(&mut scene, 600);
    scene.queue(170);
    sending_all(&mut scene, 20_000);
    assert_eq!((scene.state.no_effect(), scene.limit()), (None, 10));
}

#[test]
fn where_nothing_is_sent_that_a_limit_could_take_away_nobody_is_to_blame() {
    let mut scene = elsewhere(100);
    scene.sends(2).lasts(2_000);
    assert_eq!((scene.said(), scene.limit()), ((Action::Hold, Reason::NotTheCause), 100));
    assert_eq!(scene.state.no_effect().unwrap().retry, None);
    assert_eq!(scene.lasts(600_000).limit(), 100);
    sending_all(&mut scene, 400);
    assert!(scene.limit() < 100, "as soon as something is sent, it may be the cause");
}

#[test]
fn at_their_minimum_from_the_start_limits_are_given_back_too() {
    let mut scene = elsewhere(10);
    scene.params.ranges[0].max = mbps(100);
    scene.sends(10).lasts(3_000);
    assert_eq!(scene.limit(), 100);
}

#[test]
fn who_does_not_want_it_keeps_the_limits_low() {
    let mut scene = elsewhere(100);
    scene.params.effect_check = None;
    sending_all(&mut scene, 60_000);
    assert_eq!((scene.limit(), scene.state.no_effect()), (10, None));
}

#[test]
fn a_limit_that_is_not_in_force_yet_proves_nothing() {
    let mut scene = elsewhere(100);
    scene.queue = Some((300, false));
    sending_all(&mut scene, 60_000);
    assert_eq!(scene.state.no_effect(), None);
}

#[test]
fn while_limits_are_given_back_silence_has_its_declared_end() {
    let mut scene = elsewhere(100);
    scene.params.no_data.action = NoDataAction::Minimum;
    sending_all(&mut scene, 3_000);
    scene.reads(Err(Unknown::NoData)).lasts(6_000);
    assert_eq!(scene.limit(), 10);
}
