use super::*;
use crate::policies::fixture::{at, changed, page, violated};
use flow_page::Queue;
use flow_policy::names::{LIMIT, PAUSED, PAUSED_UNTIL};
use serde_json::json;

fn prospects(view: &PolicyView, recent: Option<Recent>) -> Vec<String> {
    super::prospects(view, recent, at(100))
}

#[test]
fn a_violated_policy_falls_further_and_rises_with_headroom() {
    let expected = [
        "Down: while command-jitter stays violated under the present limits, they fall further, to `limit.min` at the lowest. A cut goes to what the link then seems to carry less 6 % (`headroomPercent`), and lower while the queue drains, to 50 % of that at the lowest.",
        "Up: once every objective is below 75 % of its bound: command-jitter below 225us (it was 412us when last told); and no queue is left on its path.",
        "After a cut: back to what the link seems to carry once it is calm, that is, for 1s (or three measurements, where those take longer) nothing is violated and no queue is beyond what is allowed under the present limits.",
    ];
    assert_eq!(prospects(&violated(), None), expected);
}

#[test]
fn at_the_minimum_nothing_falls_and_at_the_maximum_nothing_rises() {
    let at = |limit: &str| {
        prospects(&changed(|policy| policy["status"]["targets"][0]["limit"] = json!(limit)), None)
    };
    assert!(at("10M")[0].starts_with("Down: every limit is at its minimum."), "{:?}", at("10M"));
    assert_eq!(at("1G")[1], "Up: not by itself, since every limit is at its maximum (`limit.max`).");
}

#[test]
fn what_keeps_it_from_deciding_is_all_that_is_said() {
    let paused_as = |reason: &str, annotations: serde_json::Value| {
        let condition = json!({
            "type": "Paused", "status": "True", "reason": reason, "message": "m",
            "lastTransitionTime": "1970-01-01T00:00:00Z",
        });
        let policy = changed(|policy| {
            policy["status"]["conditions"].as_array_mut().unwrap().push(condition.clone());
            policy["metadata"]["annotations"] = annotations;
        });
        prospects(&policy, None)
    };
    let paused = |reason| paused_as(reason, json!({}));
    assert_eq!(paused("Pinned"), ["The pin has to end: `kubectl flowpolicy unpin robot -n factory`."]);
    assert_eq!(
        paused("ByAnnotation"),
        ["The pause has to end: `kubectl flowpolicy resume robot -n factory`."]
    );
    let both = "The pin has to end, and the pause that is there as well: `kubectl flowpolicy unpin robot -n factory` and `kubectl flowpolicy resume robot -n factory`.";
    assert_eq!(paused_as("Pinned", json!({LIMIT: "80M", PAUSED: "true"})), [both]);
    let over = json!({LIMIT: "80M", PAUSED_UNTIL: "1970-01-01T00:01:40Z"});
    assert_eq!(paused_as("Pinned", over), paused("Pinned"));
    let stale = prospects(&changed(|policy| policy["metadata"]["generation"] = json!(9)), None);
    assert!(stale.len() == 1 && stale[0].starts_with("The operator has to take"), "{stale:?}");
}

#[test]
fn an_objective_that_cannot_be_measured_holds_limits() {
    let said = |action: &str| {
        let policy = changed(|policy| {
            policy["status"]["objectives"][0]["state"] = json!("Unknown");
            policy["spec"]["onNoData"] = json!({"action": action});
        });
        prospects(&policy, None).remove(0)
    };
    let falls = "They still fall as soon as what is measured asks for it.";
    let hold = format!(
        "command-jitter cannot be measured: limits do not rise until that is over (`onNoData: Hold`). {falls}"
    );
    let minimum = format!(
        "command-jitter cannot be measured: limits do not rise, and after 30s of that they go to their minimum. {falls}"
    );
    assert_eq!((said("Hold"), said("Minimum")), (hold, minimum));
    let there = changed(|policy| {
        policy["status"]["objectives"][0]["state"] = json!("Unknown");
        policy["status"]["targets"][0]["limit"] = json!("10M");
        policy["spec"]["onNoData"] = json!({"action": "Minimum"});
    });
    let stay = "command-jitter cannot be measured: limits stay at their minimum until that is over.";
    assert_eq!(prospects(&there, None)[0], stay);
}

/// Of two objectives, one of which cannot be measured.
fn half_known(law: &str, state: &str) -> PolicyView {
    changed(|policy| {
        let more = json!({"name": "loss", "prometheus": {"query": "vector(2)"}, "value": {"max": "1"}});
        policy["spec"]["objectives"].as_array_mut().unwrap().push(more);
        policy["spec"]["control"] = json!({"law": law});
        policy["status"]["objectives"][0]["state"] = json!(state);
        let unknown = json!({"name": "loss", "state": "Unknown", "bound": "<= 0.01"});
        policy["status"]["objectives"].as_array_mut().unwrap().push(unknown);
    })
}

#[test]
fn what_is_measured_still_leads_to_cuts_while_another_objective_is_unknown() {
    let mut page = page();
    (page.policies[0].since, page.policies[0].targets[0].goal) = (Some(1), Some(94e6));
    let said = |law, state| {
        let view = half_known(law, state);
        prospects(&view, Recent::of(Some(&page), &view))
    };
    let unknown = "loss cannot be measured: limits do not rise until that is over";
    let adaptive = " or the queue on its path grows. A cut goes to what the link then seems to carry less 6 % (`headroomPercent`), and lower while the queue drains, to 50 % of that at the lowest.";
    let aimd = ". A cut takes 20 % of a limit (`decreasePercent`).";
    for (law, more) in [("Adaptive", adaptive), ("AIMD", aimd)] {
        let met = said(law, "Met");
        assert!(met[0].starts_with(unknown), "{met:?}");
        assert_eq!(met[1], format!("Down: once command-jitter leaves its bound (<= 300us){more}"));
        assert!(met.len() == 3 && met[2].starts_with("Up: "), "no way up is promised: {met:?}");
        let violated = said(law, "Violated");
        assert!(violated[0].starts_with("Down: while command-jitter stays violated"), "{violated:?}");
        assert!(violated[1].starts_with(unknown) && violated.len() == 3, "{violated:?}");
    }
}

#[test]
fn how_deep_a_cut_goes_is_told() {
    let said = |control: serde_json::Value| {
        let view = changed(|policy| policy["spec"]["control"] = control);
        prospects(&view, None).remove(0)
    };
    let strict = json!({"adaptive": {"mode": "Strict"}});
    assert!(said(strict).ends_with("at the lowest. A cut goes to what the link then seems to carry less 12 % (`headroomPercent`), and lower while the queue drains, to 50 % of that at the lowest."));
    let severe = |severity| json!({"law": "AIMD", "aimd": {"decreasePercent": 25, "severityMax": severity}});
    assert!(said(severe(1)).ends_with(" A cut takes 25 % of a limit (`decreasePercent`)."));
    let deep =
        " A cut takes 25 % to 75 % of a limit, the more the worse it is (`decreasePercent`, `severityMax`).";
    assert!(said(severe(3)).ends_with(deep), "{}", said(severe(3)));
    assert!(said(severe(9)).contains(" 25 % to 90 % "), "{}", said(severe(9)));
}

#[test]
fn a_recovery_is_told_of_only_while_one_is_pending() {
    let pending = met(|told| {
        (told.targets[0].goal, told.targets[0].known_good) = (Some(94.4e6), Some(80e6));
    });
    let expected = "Recovery to 94.4M a pod once it is calm, that is, for 1s (or three measurements, where those take longer) nothing is violated and no queue is beyond what is allowed under the present limits.";
    assert_eq!(pending[2], expected);
    let pinned = met(|told| {
        (told.targets[0].goal, told.targets[0].known_good) = (Some(96.8e6), Some(96.8e6));
    });
    let expected = "Recovery to 96.8M a pod, which is known to be good, once it is calm,";
    assert!(pinned[2].starts_with(expected), "{pinned:?}");
}

#[test]
fn in_growth_it_is_told_by_which_steps_and_how_far() {
    let steps = "It rises in steps of up to 15 % (`growthPercent`), each once every objective was measured under the limits of the one before, ";
    let grows = |retry| {
        met(|told| {
            told.targets[0].too_much = Some(100e6);
            told.failed = Some(Failed { at: 66_000, retry });
        })
        .remove(2)
    };
    let after = " a pod, as 100M was too much; from there in small ones.";
    assert_eq!(grows(100_001), format!("{steps}to 94M{after}"));
    assert_eq!(grows(99_999), format!("{steps}to 98M{after}"));
    let open = format!("{steps}until something is too much, to `limit.max` at the highest.");
    assert_eq!(met(|_| ())[2], open);
}

#[test]
fn where_no_pod_runs_no_way_up_is_promised() {
    let without_pods = changed(|policy| {
        policy["status"]["targets"][0]["pods"] = json!(0);
        policy["status"]["objectives"][0]["state"] = json!("Met");
    });
    let mut page = page();
    (page.policies[0].targets[0].goal, page.policies[0].targets[0].too_much) = (Some(94e6), Some(65e6));
    for page in [Some(&page), None] {
        let said = prospects(&without_pods, Recent::of(page, &without_pods));
        assert!(said.len() == 2 && said[1].starts_with("Up: "), "{said:?}");
    }
}

#[test]
fn for_how_long_an_effect_was_waited_for_is_told_and_what_the_query_does() {
    let said = |name: &str, since| {
        let view = changed(|policy| {
            let more = json!({"name": "latency", "prometheus": {"query": "max(rate(x[30s]))"}, "value": {"max": "5"}});
            policy["spec"]["objectives"].as_array_mut().unwrap().push(more);
        });
        let mut page = page();
        page.policies[0].since = since;
        page.policies[0].holding =
            Some(format!("AwaitingEffect: the effect of the last change does not show in {name} yet"));
        prospects(&view, Recent::of(Some(&page), &view)).remove(0)
    };
    let expected = "Now: limits stay, AwaitingEffect: the effect of the last change does not show in latency yet, so far 12s (its query is asked every 200ms, and looks back on 30s).";
    assert_eq!(said("latency", Some(1)), expected);
    assert!(said("command-jitter", None).ends_with("in command-jitter yet, so far 12s."));
    assert!(said("command-jitter", Some(95_000)).ends_with("yet, so far 5s."), "the spec is newer");
}

#[test]
fn the_page_tells_why_limits_stay_and_what_holds_lately() {
    let told = |value: f64| {
        let mut page = page();
        page.policies[0].holding = Some("Unused: what the targets send does not use their limits".to_owned());
        *page.policies[0].objectives[0].values.values.last_mut().unwrap() = Some(value);
        let policy = changed(|policy| policy["status"]["objectives"][0]["state"] = json!("Met"));
        prospects(&policy, Recent::of(Some(&page), &policy))
    };
    let now = told(200e-6);
    assert_eq!(now[0], "Now: limits stay, Unused: what the targets send does not use their limits.");
    assert!(now[2].starts_with("Up: once that is over, and every objective is below"), "{now:?}");
    assert!(now[2].contains("command-jitter below 225us (lately 200us, so it is)"), "{now:?}");
    assert!(told(225e-6)[2].contains("command-jitter below 225us (lately 225us: not yet)"));
}

/// What is said at second 100 of a policy that holds, by a page that is changed like this.
fn met(change: impl FnOnce(&mut flow_page::PolicyHistory)) -> Vec<String> {
    let mut page = page();
    *page.policies[0].objectives[0].values.values.last_mut().unwrap() = Some(200e-6);
    change(&mut page.policies[0]);
    let policy = changed(|policy| policy["status"]["objectives"][0]["state"] = json!("Met"));
    prospects(&policy, Recent::of(Some(&page), &policy))
}

#[test]
fn what_was_measured_before_an_objective_was_lost_says_nothing_of_now() {
    let lost = changed(|policy| {
        policy["status"]["objectives"][0]["state"] = json!("Unknown");
        policy["status"]["objectives"][0]["value"] = json!(null);
    });
    let page = page();
    let said = prospects(&lost, Recent::of(Some(&page), &lost));
    assert!(said[1].ends_with(": command-jitter below 225us."), "{said:?}");
}

#[test]
fn what_failed_and_when_more_is_tried_is_told() {
    let said = |retry, too_much| {
        met(|told| {
            told.holding = Some("RetryLater: more has failed lately".to_owned());
            told.failed = Some(Failed { at: 88_000, retry });
            told.targets[0].too_much = too_much;
        })
        .remove(0)
    };
    let expected = "Now: limits stay, RetryLater: more than 49.9M a pod was too much 12s ago, and is tried again in 23s at the earliest (`retryAfter` 5s, twice as long after each failure, `retryMax` 60s at most).";
    assert_eq!(said(123_000, Some(49_934_434.0)), expected);
    assert_eq!(said(100_400, None), said(99_000, None), "not in 0s");
    let over = said(99_000, None);
    assert!(
        over.contains(
            ": more was too much 12s ago, and is tried again now, as soon as every objective has headroom ("
        ),
        "{over}"
    );
}

#[test]
fn the_queue_that_would_lead_to_a_cut_or_lets_limits_rise_has_a_figure() {
    let queue = Some(Queue { delay: 90e-6, allowed: 750e-6 });
    let said = met(|told| told.objectives[0].queue = queue);
    let expected = [
        "Down: once command-jitter leaves its bound (<= 300us) or the queue on its path exceeds 750us (now 90us). A cut goes to what the link then seems to carry less 6 % (`headroomPercent`), and lower while the queue drains, to 50 % of that at the lowest.",
        "Up: once every objective is below 75 % of its bound: command-jitter below 225us (lately 200us, so it is), its queue below 563us (now 90us, so it is).",
    ];
    assert_eq!(said[..2], expected);
    let near = met(|told| {
        told.objectives[0].queue = queue;
        told.targets[0].too_much = Some(66e6);
    });
    assert!(near[0].contains("750us (now 90us; right after a raise 300us are enough). A cut"), "{near:?}");
    let expected = "Near 66M a pod, which was too much, steps are small. Each waits for 1s (or three measurements, where those take longer) in which nothing is violated, and for a queue of less than 20 % of what is allowed.";
    assert_eq!(near[2], expected);
    let cut = met(|told| told.targets[0].too_much = Some(100e6));
    assert!(cut[0].contains(" or the queue on its path grows"), "{cut:?}");
}
