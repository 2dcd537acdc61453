use super::*;

#[test]
fn a_silent_objective_holds_every_limit() {
    let mut scene = Scene::at(100);
    scene.queue = None;
    scene.reads(Err(Unknown::NoData)).lasts(60_000);
    assert_eq!((scene.limit(), scene.said()), (100, (Action::Hold, Reason::NoDataTooLong)));
}

#[test]
fn after_a_while_it_brings_what_is_declared_for_that() {
    for (action, limit) in
        [(NoDataAction::Hold, 100), (NoDataAction::Minimum, 10), (NoDataAction::Release, 1_000)]
    {
        let mut scene = Scene::at(100);
        scene.params.no_data.action = action;
        scene.queue = None;
        assert_eq!(scene.reads(Err(Unknown::NoSeries)).lasts(5_000).limit(), 100);
        assert_eq!(scene.tick().limit(), limit, "{action:?}");
        assert_eq!(scene.state.released, action == NoDataAction::Release);
    }
}

#[test]
fn probes_that_are_all_lost_tell_of_no_queue_but_of_nothing_at_all() {
    let mut scene = Scene::at(100);
    scene.queue(99_900).reads(Err(Unknown::Stale { age: Duration::from_secs(1) })).lasts(3_000);
    assert_eq!((scene.limit(), scene.said()), (100, (Action::Hold, Reason::NoData)));
}

#[test]
fn where_most_probes_are_lost_the_few_that_are_answered_tell_of_a_queue() {
    for (answered, limit) in [(true, 50), (false, 100)] {
        let scene = Scene { reading: Err(Unknown::TooFewSamples { have: 3, need: 5 }), ..Scene::at(100) };
        let queueing =
            Queueing { delay: ALLOWED * 1_000, allowed: ALLOWED, growth_percent: 0, settled: true, answered };
        let seen = Observation { queueing: Some(queueing), ..scene.observation() };
        let (state, _) = step(&scene.params, scene.state, &[seen], at(1_000));
        assert_eq!(state.limits, [mbps(limit)], "answered: {answered}");
    }
}

#[test]
fn a_queue_is_cut_although_another_objective_is_unknown() {
    let scene = Scene::at(100);
    let unknown =
        Observation::new(Role::Control, 900, Bound::AtMost(number(1.0)), Err(Unknown::NoSeries), None);
    let queueing =
        Queueing { delay: ALLOWED * 3, allowed: ALLOWED, growth_percent: 0, settled: true, answered: true };
    let seen = Observation { queueing: Some(queueing), ..scene.observation() };
    let (_, decision) = step(&scene.params, scene.state, &[unknown, seen], at(1_000));
    assert_eq!((decision.action, decision.objective), (Action::Decrease, Some(1)));
}

#[test]
fn after_silence_nothing_grows_before_it_is_known_to_be_calm() {
    let mut scene = Scene::at(100);
    let low = scene.queue(6_000).tick().limit();
    scene.queue(0).reads(Err(Unknown::NoData)).lasts(3_000);
    assert_eq!(scene.limit(), low, "unknown");
    scene.reads(Ok(number(0.1)));
    assert!(scene.until(Reason::Recovery) >= 1_000);
}

#[test]
fn what_was_guessed_is_not_leapt_to_once_somebody_tells_what_is_sent() {
    for (tells, reason, limit) in [(true, Reason::Headroom, 51), (false, Reason::Recovery, 75)] {
        let mut scene = Scene::at(100);
        scene.sent = vec![None];
        scene.queue(6_000).tick();
        assert_eq!(scene.limit(), 50, "nobody knows what gets through");
        if tells {
            scene.sends_all();
        }
        scene.queue(0).until(reason);
        assert_eq!(scene.limit(), limit);
    }
}
