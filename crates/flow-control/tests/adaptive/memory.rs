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
