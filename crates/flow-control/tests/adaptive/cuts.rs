use super::*;

const CUT: (Action, Reason) = (Action::Decrease, Reason::QueueGrows);
const AWAITS: (Action, Reason) = (Action::Hold, Reason::AwaitingEffect);

#[test]
fn a_grave_queue_is_cut_at_once_to_what_gets_through_less_the_headroom() {
    let mut scene = Scene::at(100);
    assert_eq!(scene.sends(95).queue(300).tick().said(), CUT);
    assert_eq!((scene.tick().said(), scene.limit()), (AWAITS, 89));
}

#[test]
fn what_is_counted_as_traffic_begins_is_not_what_gets_through() {
    let mut scene = Scene::at(1_000);
    assert_eq!(
        scene.sends(100).queue(300).tick().limit(),
        500,
        "half, since half of the count may be of before"
    );
    assert_eq!(scene.lasts(400).limit(), 47, "all of that one is of the time with a queue, which it empties");
    scene.queue(0).sends_all().until(Reason::Recovery);
    assert_eq!(scene.limit(), 94);
}

#[test]
fn a_queue_that_is_less_bad_has_to_last() {
    let mut scene = Scene::at(100);
    assert_eq!(scene.queue(150).tick().said(), AWAITS);
    assert_eq!((scene.tick().said(), scene.limit()), (CUT, 94));
}

#[test]
fn a_queue_within_what_is_allowed_is_no_reason_to_cut() {
    assert_eq!(Scene::at(100).queue(100).lasts(10_000).limit(), 100);
}

#[test]
fn a_deep_queue_takes_more_so_that_it_empties_in_time() {
    // 60 ms of queue within 600 ms is a tenth more; 600 ms would be everything, and half is the most.
    for (queue, limit) in [(6_000, 84), (60_000, 47)] {
        assert_eq!(Scene::at(100).queue(queue).tick().limit(), limit);
    }
}

#[test]
fn an_indicator_beyond_its_bound_without_a_queue_has_to_last_longer() {
    let mut scene = Scene::at(100);
    scene.reads(Ok(number(2.0))).lasts(1_000);
    assert_eq!((scene.said(), scene.limit()), (AWAITS, 100));
    assert_eq!(scene.tick().limit(), 94);
}

#[test]
fn an_indicator_without_probes_is_believed_at_once() {
    let mut scene = Scene::at(100);
    scene.queue = None;
    assert_eq!(scene.reads(Ok(number(2.0))).tick().said(), (Action::Decrease, Reason::ObjectiveViolated));
}

#[test]
fn what_was_measured_before_a_cut_leads_to_no_other() {
    let mut scene = Scene::at(100);
    scene.queue(300).tick();
    scene.queue = Some((300, false));
    assert_eq!(scene.lasts(5_000).limit(), 94);
    scene.queue = Some((300, true));
    assert!(scene.tick().limit() < 94);
}

#[test]
fn a_cut_that_takes_effect_late_still_has_its_time_to_empty_the_queue() {
    let mut scene = Scene::at(100);
    scene.queue(6_000).tick();
    (scene.queue, scene.settled) = (Some((6_000, false)), Some(Err(Unknown::NoData)));
    assert_eq!(scene.lasts(3_000).limit(), 84);
    assert_eq!(scene.queue(5_000).lasts(1_200).limit(), 84, "it shrinks");
    assert!(scene.tick().limit() < 84, "but not by enough");
}

#[test]
fn an_old_violation_counts_for_nothing_once_a_cut_took_effect() {
    let mut scene = Scene::at(100);
    scene.reads(Ok(number(2.0))).lasts(1_200);
    scene.settled = Some(Ok(number(0.1)));
    assert_eq!(scene.lasts(3_000).limit(), 94, "although the whole window is beyond the bound");
}

#[test]
fn a_further_cut_is_the_deeper_the_worse_it_still_is() {
    let after = |queue| {
        let mut scene = Scene::at(100);
        scene.queue(120).lasts(400);
        scene.sends_all().queue(queue).lasts(400);
        scene.limit()
    };
    assert_eq!(after(105), 85, "what the excess takes");
    assert_eq!(after(200), 53);
    assert_eq!(after(900), 44, "never more than half");
}

#[test]
fn while_a_queue_shrinks_there_is_no_further_cut() {
    let mut scene = Scene::at(100);
    scene.queue(3_000).tick();
    let limit = scene.sends_all().limit();
    for queue in [2_500, 2_000, 1_500, 1_000, 500] {
        assert_eq!(scene.queue(queue).tick().limit(), limit);
    }
    assert!(scene.queue(500).lasts(600).limit() < limit, "it has had its time");
}

#[test]
fn a_cut_ends_at_the_minimum_and_says_so() {
    let mut scene = Scene::at(12);
    scene.params.effect_check = None;
    scene.sends_all().queue(900).lasts(2_000);
    assert_eq!((scene.said(), scene.limit()), ((Action::Hold, Reason::AtMinimum), 10));
}

#[test]
fn without_knowing_what_gets_through_a_cut_takes_half_until_it_helps() {
    let mut scene = Scene::at(1_000);
    scene.sent = vec![None];
    scene.queue(300).tick();
    assert_eq!(scene.limit(), 500);
    scene.lasts(400);
    assert_eq!(scene.limit(), 250);
}

#[test]
fn what_was_too_much_before_is_known_where_nobody_tells_what_gets_through() {
    let mut scene = Scene::at(1_000);
    on_link(&mut scene, 100, 20_000);
    scene.state.limits = vec![mbps(1_000)];
    scene.sent = vec![None];
    let limit = scene.queue(300).tick().limit();
    assert!((85..=100).contains(&limit), "{limit}");
}

#[test]
fn a_count_from_before_the_trouble_tells_nothing_unless_the_link_was_busy() {
    let mut scene = Scene::at(1_000);
    scene.sent = vec![Some((90, 300))];
    assert_eq!(
        scene.queue(300).tick().limit(),
        500,
        "a moment ago it sent less: that is not what gets through"
    );
    let mut busy = Scene::at(100);
    busy.sent = vec![Some((90, 300))];
    assert_eq!(busy.queue(300).tick().limit(), 84);
}

#[test]
fn several_targets_are_cut_by_what_each_sends_and_those_that_send_little_are_spared() {
    let mut scene = Scene::of(&[64, 42, 1_000]);
    scene.sent = vec![Some((60, 0)), Some((40, 0)), Some((5, 0))];
    scene.queue(300).tick();
    assert_eq!(scene.limits(), [56, 37, 1_000]);
}

#[test]
fn at_their_maximum_limits_do_not_rise_and_no_raise_is_to_blame() {
    let mut scene = Scene::at(1_000);
    scene.sends_all().lasts(5_000);
    assert_eq!(scene.said(), (Action::Hold, Reason::AtMaximum));
    scene.sends(950).queue(150).lasts(400);
    assert_eq!(scene.limit(), 893, "to what gets through, and not to a little below the maximum");
}

#[test]
fn where_only_targets_that_send_nothing_are_left_nothing_is_at_its_minimum() {
    let mut scene = Scene::at(100);
    scene.params.effect_check = None;
    scene.sends(2).queue(300).lasts(1_000);
    assert_eq!((scene.said(), scene.limit()), ((Action::Hold, Reason::AwaitingEffect), 100));
}

#[test]
fn a_limit_set_by_a_person_stands_and_ends_what_was_under_way() {
    let mut scene = Scene::at(100);
    scene.queue(300).tick();
    scene.params.manual = Some(Manual::Pin(mbps(40)));
    assert_eq!((scene.tick().said(), scene.limit()), ((Action::Pin, Reason::Pinned), 40));
    scene.params.manual = Some(Manual::Hold);
    assert_eq!((scene.lasts(10_000).said(), scene.limit()), ((Action::Hold, Reason::Paused), 40));
    scene.params.manual = None;
    assert_eq!(scene.sends_all().tick().said(), CUT, "the first of a new episode");
}

#[test]
fn the_highest_ranking_objective_that_presses_is_the_reason() {
    let scene = Scene::at(100);
    let ranked = |priority, percent| {
        let queueing = Queueing {
            delay: ALLOWED * percent / 100,
            allowed: ALLOWED,
            growth_percent: 0,
            settled: true,
            answered: true,
        };
        Observation { priority, queueing: Some(queueing), ..scene.observation() }
    };
    let seen = [ranked(10, 900), ranked(90, 300), ranked(90, 900), ranked(100, 50)];
    let watched = Observation { role: Role::Watch, ..ranked(1_000, 900) };
    let all: Vec<_> = seen.into_iter().chain([watched]).collect();
    let (_, decision) = step(&scene.params, scene.state.clone(), &all, at(1_000));
    assert_eq!((decision.reason, decision.objective), (Reason::QueueGrows, Some(1)));
}
