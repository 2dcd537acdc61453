use super::*;

/// A scene that has settled on a link of 100 Mbit/s.
fn settled() -> Scene {
    let mut scene = Scene::at(1_000);
    on_link(&mut scene, 100, 30_000);
    scene
}

#[test]
fn the_highest_good_limit_is_remembered() {
    let safe = settled().state.safe_limits().next().flatten().unwrap();
    assert!((mbps(88)..=mbps(101)).contains(&safe), "{safe:?}");
}

#[test]
fn nothing_is_remembered_where_nothing_was_good() {
    let mut scene = Scene::at(100);
    scene.queue(300).lasts(1_000);
    assert_eq!(scene.state.safe_limits().collect::<Vec<_>>(), [None]);
}

#[test]
fn after_a_restart_a_raise_that_fails_leads_back_to_what_was_good() {
    let mut scene = Scene::at(100);
    scene.state = State::remembering(vec![mbps(90)], &[Some(mbps(90))]);
    scene.sends_all().until(Reason::Headroom);
    assert_eq!(
        scene.sends_all().queue(150).tick().limit(),
        83,
        "less for a moment, so that the queue is gone at once"
    );
    scene.sends_all().queue(0).until(Reason::Recovery);
    assert_eq!(scene.limit(), 89, "and a step less for good, since what was good was close to too much");
}

#[test]
fn what_was_good_is_forgotten_where_the_link_bears_less_now() {
    let mut scene = settled();
    on_link(&mut scene, 50, 10_000);
    let safe = scene.state.safe_limits().next().flatten();
    assert!(safe <= Some(mbps(50)), "{safe:?}");
}

#[test]
fn a_limit_that_is_in_force_nowhere_proves_nothing() {
    let mut scene = Scene::at(100);
    scene.params.effect = Effect::Impossible(flow_control::Hindrance::OnlyAtCreation);
    scene.lasts(20_000);
    assert_eq!(scene.state.safe_limits().collect::<Vec<_>>(), [None]);
}

#[test]
fn after_a_pin_limits_do_not_go_back_to_where_they_were_going() {
    let mut scene = Scene::at(100);
    scene.queue(6_000).tick();
    scene.params.manual = Some(Manual::Pin(mbps(40)));
    scene.queue(0).lasts(2_000);
    scene.params.manual = None;
    scene.sends_all().until(Reason::Headroom);
    assert_eq!(scene.limit(), 41, "a step, and not back to 94M");
}

#[test]
fn after_a_pin_or_a_pause_limits_go_back_to_what_is_known_to_be_good() {
    let mut scene = settled();
    let safe = scene.state.safe_limits().next().flatten().unwrap();
    scene.params.manual = Some(Manual::Pin(mbps(20)));
    scene.queue(0).lasts(2_000);
    scene.params.manual = Some(Manual::Hold);
    assert_eq!(scene.lasts(2_000).limit(), 20, "the pin is over, the pause is not");
    scene.params.manual = None;
    scene.sends_all().queue(150).tick();
    assert_eq!(scene.limit(), 20, "not while a queue stands");
    scene.sends_all().queue(0).until(Reason::Recovery);
    assert_eq!(scene.limit(), safe.bps() / 1_000_000);
}

#[test]
fn a_pin_above_what_is_known_to_be_good_leads_nowhere() {
    let mut scene = settled();
    scene.params.manual = Some(Manual::Pin(mbps(500)));
    scene.queue(0).lasts(2_000);
    scene.params.manual = None;
    assert_eq!(scene.sends(10).lasts(5_000).limit(), 500);
}

#[test]
fn a_target_more_or_less_is_no_matter() {
    let state = State::remembering(vec![mbps(10), mbps(20)], &[Some(mbps(5))]);
    assert_eq!(state.safe_limits().collect::<Vec<_>>(), [Some(mbps(5)), None]);
}

/// The highest limit of each of `pods` that is known to be good, of a target that had so many before on a link of 100 Mbit/s.
fn safe_among(before: usize, pods: usize) -> Bandwidth {
    let mut scene = settled();
    scene.state.has_pods(0, before);
    scene.state.has_pods(0, pods);
    scene.state.safe_limits().next().flatten().unwrap()
}

#[test]
fn what_was_good_is_shared_by_pods_that_join_and_is_good_for_each_that_stays() {
    let of_one = safe_among(1, 1);
    assert_eq!(safe_among(1, 2).bps(), of_one.bps() / 2);
    assert_eq!(safe_among(4, 6), of_one.percent(200).scaled(mbps(1), mbps(3)));
    assert_eq!(safe_among(4, 1), of_one, "more is not proven");
    assert_eq!(safe_among(2, 0), of_one, "there is none to share it");
    assert_eq!(safe_among(0, 2), of_one, "how many there were is not known");
}

#[test]
fn a_cut_as_pods_join_goes_to_what_each_may_have_though_nobody_tells_yet_what_they_send() {
    let mut scene = settled();
    scene.state.has_pods(0, 1);
    scene.state.has_pods(0, 2);
    scene.sent = vec![Some((97, 5_000))];
    scene.queue(10_000).tick();
    assert!((30..=45).contains(&scene.limit()), "{}", scene.limit());
    scene.sends_all().queue(0).until(Reason::Recovery);
    assert!((40..=50).contains(&scene.limit()), "{}", scene.limit());
}

#[test]
fn what_was_too_much_is_known_however_often_pods_join() {
    let mut scene = settled();
    scene.state.has_pods(0, 1);
    scene.sent = vec![Some((97, 5_000))];
    for (pods, good) in [(2, 40..=50), (3, 28..=34), (4, 20..=25)] {
        scene.state.has_pods(0, pods);
        scene.queue(10_000).tick().queue(0).until(Reason::Recovery);
        assert!(good.contains(&scene.limit()), "{} of {pods}", scene.limit());
    }
}

#[test]
fn pods_that_join_as_the_queue_of_a_cut_drains_share_what_limits_go_back_to() {
    let mut scene = settled();
    scene.state.has_pods(0, 4);
    scene.queue(60_000).tick();
    scene.state.has_pods(0, 5);
    scene.sends_all().queue(0).until(Reason::Recovery);
    assert!((70..=80).contains(&scene.limit()), "{}", scene.limit());
}

#[test]
fn as_pods_join_the_last_raise_is_not_to_blame() {
    let mut scene = settled();
    scene.state.has_pods(0, 1);
    scene.sends_all().queue(0).until(Reason::Headroom);
    scene.state.has_pods(0, 2);
    let before = scene.limit();
    scene.sends_all().queue(90).lasts(600);
    assert_eq!(scene.limit(), before, "a queue as faint as that cuts after a raise only");
}

#[test]
fn calm_before_pods_joined_proves_nothing_of_them() {
    let mut scene = Scene::at(100);
    scene.params.ranges = vec![Range { min: mbps(10), max: mbps(100) }];
    scene.state.has_pods(0, 1);
    let safe = |scene: &Scene| scene.state.safe_limits().next().flatten();
    assert_eq!(safe(scene.lasts(3_000)), Some(mbps(100)));
    scene.state.has_pods(0, 2);
    assert_eq!(safe(scene.lasts(600)), Some(mbps(50)));
    assert_eq!(safe(scene.lasts(2_000)), Some(mbps(100)), "now it is proven");
}

#[test]
fn what_pods_that_left_had_is_found_at_once_by_those_that_stay() {
    let mut scene = settled();
    scene.state.has_pods(0, 4);
    scene.state.has_pods(0, 2);
    let before = scene.limit();
    on_link(&mut scene, 1_000, 6_000);
    assert!(scene.limit() > before * 3 / 2, "{} after {before}", scene.limit());
}

#[test]
fn a_count_of_what_a_full_buffer_drops_is_not_what_the_link_carries() {
    let mut scene = settled();
    scene.state.has_pods(0, 1);
    scene.state.has_pods(0, 2);
    // Each sends as much as it may, of which half arrives; the buffer is full, so that the delay grows no more.
    scene.sends_all().queue(10_000).lasts(400);
    scene.sends_all().queue(0).until(Reason::Recovery);
    assert!((40..=50).contains(&scene.limit()), "{}", scene.limit());
}
