//! What each parameter of the law is for.

use super::*;

fn with(change: impl FnOnce(&mut Adaptive), limit: u64) -> Scene {
    let mut law = Adaptive::BALANCED;
    change(&mut law);
    Scene::at(limit).law(law)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn headroom_is_what_stays_free_after_a_cut() {
    let limit = |percent| with(|law| law.headroom_percent = percent, 100).queue(300).tick().limit();
    assert_eq!([6, 12, 30].map(limit), [94, 88, 70]);
}

#[test]
fn growth_is_the_longest_step() {
    let limit = |percent| with(|law| law.growth_percent = percent, 100).sends_all().lasts(200).limit();
    assert_eq!([1, 2, 50].map(limit), [101, 102, 103], "the first step is 3 %");
    let reached = |percent| {
        let mut scene = with(|law| law.growth_percent = percent, 100);
        on_link(&mut scene, 2_000, 5_000);
        scene.limit()
    };
    assert!(reached(5) < reached(15) && reached(15) < reached(100));
}

#[test]
fn retry_after_is_the_wait_before_more_is_tried() {
    let waited = |seconds| {
        let mut scene = with(|law| law.retry_after = Duration::from_secs(seconds), 1_000);
        on_link(&mut scene, 100, 3_000);
        let from = scene.millis;
        while scene.said() != (Action::Increase, Reason::Headroom) {
            on_link(&mut scene, 100, TICK_MILLIS);
        }
        (scene.millis - from) / 1_000
    };
    assert_eq!([5, 20].map(waited), [2, 17]);
}

#[test]
fn retry_max_is_the_longest_wait() {
    let tries = |seconds| {
        let mut scene = with(|law| law.retry_max = Duration::from_secs(seconds), 1_000);
        let mut tries = 0;
        for _ in 0..1_500 {
            on_link(&mut scene, 100, TICK_MILLIS);
            tries += u32::from(scene.said() == (Action::Increase, Reason::Headroom));
        }
        tries
    };
    assert!(tries(5) > 2 * tries(60), "{} and {}", tries(5), tries(60));
}

#[test]
fn cut_interval_is_the_shortest_time_between_two_cuts() {
    let cuts = |interval| {
        let mut scene = with(|law| law.cut_interval = millis(interval), 1_000);
        scene.params.effect_check = None;
        let mut cuts = 0;
        for _ in 0..10 {
            scene.sends_all().queue(120).tick();
            cuts += u32::from(scene.last.action == Action::Decrease);
        }
        cuts
    };
    assert_eq!([200, 400, 1_000].map(cuts), [9, 5, 2]);
}

#[test]
fn drain_is_the_time_in_which_a_cut_empties_the_queue() {
    let limit = |drain| with(|law| law.drain = millis(drain), 100).queue(6_000).tick().limit();
    assert_eq!([200, 600, 6_000].map(limit), [65, 84, 93]);
}

#[test]
fn idle_after_is_how_long_nothing_is_sent_before_limits_are_forgotten() {
    let waited = |seconds| {
        let mut scene = with(|law| law.idle_after = Duration::from_secs(seconds), 100);
        scene.sends(0).until(Reason::Idle)
    };
    assert_eq!([5, 60].map(waited), [5_200, 60_200]);
}

#[test]
fn strict_leaves_more_free_and_tries_more_seldom() {
    let mut strict = Scene::at(1_000).law(Adaptive::STRICT);
    on_link(&mut strict, 100, 9_000);
    let mut balanced = Scene::at(1_000);
    on_link(&mut balanced, 100, 9_000);
    assert!(strict.limit() < balanced.limit(), "{} and {}", strict.limit(), balanced.limit());
}
