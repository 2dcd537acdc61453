use super::*;

#[test]
fn after_a_cut_for_a_deep_queue_limits_return_to_what_gets_through() {
    let mut scene = Scene::at(100);
    assert_eq!(scene.queue(6_000).tick().limit(), 84);
    let waited = scene.sends_all().queue(0).until(Reason::Recovery);
    assert_eq!((scene.limit(), waited), (94, 1_200));
}

#[test]
fn what_was_too_much_is_told_with_when_more_is_tried_again() {
    let failed = |scene: &Scene| scene.state.failed(scene.params.law);
    let too_much = |scene: &Scene| scene.state.too_much().collect::<Vec<_>>();
    let mut scene = Scene::at(100);
    assert_eq!((failed(&scene), too_much(&scene)), (None, vec![None]));
    scene.queue(6_000).tick();
    let cut = at(scene.millis);
    let retry = cut + Adaptive::BALANCED.retry_after;
    assert_eq!(failed(&scene), Some(Failed { at: cut, retry }));
    assert_eq!(too_much(&scene), [Some(mbps(100))]);
    scene.sends_all().queue(0).until(Reason::Recovery);
    scene.sends_all().until(Reason::RetryLater);
    assert!(at(scene.millis) < retry);
    scene.until(Reason::Headroom);
    assert!(at(scene.millis) >= retry);
}

#[test]
fn where_limits_return_to_is_told_only_while_they_are_below_that() {
    let mut scene = Scene::at(100);
    assert_eq!(goals(&scene), [None]);
    scene.queue(6_000).tick();
    assert_eq!(goals(&scene), [Some(mbps(94))]);
    scene.sends_all().queue(0).until(Reason::Recovery);
    assert_eq!(goals(&scene), [None], "there already");
    scene.sends_all().until(Reason::Headroom);
    assert_eq!(goals(&scene), [None], "growth is none");
}

#[test]
fn what_is_known_to_be_good_is_returned_to_after_a_pin() {
    let mut scene = Scene::at(100);
    scene.state = State::remembering(vec![mbps(90)], &[Some(mbps(90))]);
    assert_eq!(goals(&scene), [None]);
    scene.params.manual = Some(Manual::Pin(mbps(20)));
    scene.tick();
    assert_eq!(goals(&scene), [Some(mbps(90))]);
}

#[test]
fn a_guess_is_returned_to_only_as_long_as_nobody_tells_what_is_sent() {
    let mut scene = Scene::at(100);
    scene.sent = vec![None];
    scene.queue(6_000).tick();
    assert_eq!(goals(&scene), [Some(mbps(75))]);
    let told = |age| {
        let traffic = [Some(scene.traffic((50, age)))];
        scene.state.goals(&traffic, at(scene.millis)).collect::<Vec<_>>()
    };
    assert_eq!(told(0), [None]);
    assert_eq!(told(1_001), [Some(mbps(75))], "that was long ago");
}

/// Where limits return to, as the last decision was told what is sent.
fn goals(scene: &Scene) -> Vec<Option<Bandwidth>> {
    scene.state.goals(&scene.params.traffic, at(scene.millis)).collect()
}

#[test]
fn what_is_unused_does_not_grow() {
    let mut scene = Scene::at(100);
    scene.sends(80).lasts(60_000);
    assert_eq!((scene.said(), scene.limit()), ((Action::Hold, Reason::Unused), 100));
}

#[test]
fn what_is_used_and_does_no_harm_grows_in_longer_and_longer_steps() {
    let mut scene = Scene::at(100);
    let mut steps = vec![];
    for _ in 0..6 {
        scene.sends_all().until(Reason::Headroom);
        steps.push(scene.limit());
    }
    assert_eq!(steps, [103, 109, 122, 140, 161, 185]);
}

#[test]
fn it_grows_although_nobody_tells_what_is_used_but_not_while_nobody_tells_any_more() {
    let mut scene = Scene::at(100);
    scene.sent = vec![None];
    assert!(scene.lasts(2_000).limit() > 100);
    let mut silent = Scene::at(100);
    silent.sent = vec![Some((100, 1_001))];
    assert_eq!((silent.lasts(20_000).limit(), silent.said().1), (100, Reason::Unused));
}

#[test]
fn nothing_grows_while_an_objective_is_close_to_its_bound() {
    let mut scene = Scene::at(100);
    scene.reads(Ok(number(0.8))).lasts(20_000);
    assert_eq!((scene.said(), scene.limit()), ((Action::Hold, Reason::WithinBounds), 100));
    assert_eq!(scene.last.objective, Some(0));
}

#[test]
fn nothing_grows_while_a_queue_stands_that_is_too_short_for_a_cut() {
    let mut scene = Scene::at(100);
    scene.sends_all().queue(80).lasts(20_000);
    assert_eq!((scene.said(), scene.limit()), ((Action::Hold, Reason::QueueStands), 100));
    assert_eq!(scene.last.objective, Some(0));
}

#[test]
fn nothing_grows_before_the_last_raise_is_measured() {
    let mut scene = Scene::at(100);
    scene.until(Reason::Headroom);
    scene.settled = Some(Err(Unknown::NoData));
    let limit = scene.sends_all().limit();
    assert_eq!(scene.lasts(10_000).limit(), limit);
    assert_eq!((scene.said().1, scene.last.objective), (Reason::AwaitingEffect, Some(0)));
    scene.settled = None;
    scene.until(Reason::Headroom);
}

#[test]
fn what_failed_is_tried_again_later_and_later() {
    let mut scene = Scene::at(1_000);
    let mut tried = vec![];
    let mut before = 0;
    for _ in 0..3_000 {
        on_link(&mut scene, 100, TICK_MILLIS);
        if scene.said() == (Action::Increase, Reason::Headroom) && scene.limit() > 95 {
            tried.push((scene.millis - before) / 1_000);
            before = scene.millis;
        }
    }
    let waits: Vec<_> = tried.iter().skip(2).copied().filter(|wait| *wait > 2).collect();
    assert!(waits.is_sorted() && waits.len() >= 5, "{waits:?}");
    assert!(waits.last() >= Some(&60) && waits.last() < Some(&65), "no longer than retry_max: {waits:?}");
}

#[test]
fn on_a_link_that_stays_as_it_is_the_limit_settles_just_below_it() {
    let mut scene = Scene::at(1_000);
    on_link(&mut scene, 100, 60_000);
    let mut limits = vec![];
    for _ in 0..600 {
        on_link(&mut scene, 100, TICK_MILLIS);
        limits.push(scene.limit());
    }
    assert!(limits.iter().all(|limit| (88..=104).contains(limit)), "{limits:?}");
    let changes = limits.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changes <= 12, "{changes} changes in two minutes");
}

#[test]
fn a_raise_that_is_followed_by_a_faint_queue_is_taken_back() {
    let mut scene = Scene::at(1_000);
    on_link(&mut scene, 100, 20_000);
    while scene.said() != (Action::Increase, Reason::Headroom) {
        on_link(&mut scene, 100, TICK_MILLIS);
    }
    let raised = scene.limit();
    let after = scene.sends_all().queue(50).tick().limit();
    assert!(after < raised && after >= 90, "{raised} to {after}");
    assert_eq!((scene.last.reason, scene.last.objective), (Reason::QueueGrows, Some(0)));
}

#[test]
fn where_it_was_too_much_before_limits_creep() {
    let mut scene = Scene::at(1_000);
    on_link(&mut scene, 100, 3_000);
    let mut steps = vec![];
    while scene.millis < 200_000 {
        let before = scene.state.limits[0].bps();
        on_link(&mut scene, 100, TICK_MILLIS);
        if scene.last.reason == Reason::Headroom && before > 98_000_000 {
            steps.push(scene.state.limits[0].bps() * 1_000 / before);
        }
    }
    assert!(steps.len() >= 3 && steps.iter().all(|step| (1_009..=1_020).contains(step)), "{steps:?}");
}

#[test]
fn creeping_quickens_where_it_was_not_too_much_after_all() {
    let mut scene = Scene::at(1_000);
    on_link(&mut scene, 100, 30_000);
    let mut steps = vec![];
    while scene.limit() < 110 {
        let before = scene.state.limits[0].bps();
        on_link(&mut scene, 1_000, TICK_MILLIS);
        if scene.last.action == Action::Increase {
            steps.push(scene.state.limits[0].bps() * 1_000 / before - 1_000);
        }
    }
    assert_eq!(steps, [9, 9, 19, 19, 39], "tenths of a per cent");
}

#[test]
fn a_link_that_bears_more_than_before_is_used_again() {
    let mut scene = Scene::at(1_000);
    on_link(&mut scene, 50, 30_000);
    assert!((44..=52).contains(&scene.limit()), "{}", scene.limit());
    on_link(&mut scene, 100, 90_000);
    assert!((88..=104).contains(&scene.limit()), "{}", scene.limit());
}

#[test]
fn where_nothing_is_sent_for_long_limits_are_forgotten() {
    let mut scene = Scene::at(1_000);
    on_link(&mut scene, 100, 10_000);
    let waited = scene.sends(0).queue(0).until(Reason::Idle);
    assert_eq!((waited, scene.limit()), (60_200, 1_000));
}

#[test]
fn only_targets_that_use_their_limit_grow() {
    let mut scene = Scene::of(&[100, 100]);
    scene.sent = vec![Some((100, 0)), Some((20, 0))];
    scene.until(Reason::Headroom);
    assert_eq!(scene.limits(), [103, 100]);
}
