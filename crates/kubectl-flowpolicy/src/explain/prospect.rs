use super::basis::whose;
use super::turns::{Told, ceilings, creeps, falls, grows, one_cut, recovers};
use crate::page::Recent;
use crate::policies::{PolicyView, TargetView};
use crate::terminal::age;
use flow_control::{Adaptive, Bandwidth, Law, NoDataAction, Role};
use flow_manager::prometheus::Sight;
use flow_page::Failed;
use flow_policy::condition::Entry;
use flow_policy::spec::Mode;
use flow_policy::status::ObjectiveState;
use flow_policy::{Histogram, Objective, Overrides, Policy, Question, Source, show};
use jiff::Timestamp;
use kube::ResourceExt;

/// What would have to happen for the limits of a policy to change, the most fundamental first.
pub(super) fn prospects(view: &PolicyView, recent: Option<Recent>, now: Timestamp) -> Vec<String> {
    if let Some(hindrance) = hindrance(view, now) {
        return vec![hindrance];
    }
    let Some(policy) = &view.policy else { return vec!["The spec has to be corrected.".to_owned()] };
    let observing = (policy.mode == Mode::Observe)
        .then(|| "No limit is written until the spec says `mode: Enforce`.".to_owned());
    let holding = recent.and_then(|recent| Some((recent, recent.holding()?)));
    let stays = holding.map(|(recent, holding)| stays(view, policy, recent, holding, now));
    let holding = holding.map(|(_, holding)| holding);
    let ineffective = view.condition("Ineffective").filter(|condition| condition.status == "True");
    let returned = ineffective.map(|_| returned(policy));
    let rest = by_objectives(view, policy, recent, holding, now);
    observing.into_iter().chain(stays).chain(returned).chain(rest).collect()
}

/// What keeps the policy from deciding at all.
fn hindrance(view: &PolicyView, now: Timestamp) -> Option<String> {
    if !view.is_current() {
        return Some(
            "The operator has to take the spec up: `kubectl flowpolicy check` tells whether it runs."
                .to_owned(),
        );
    }
    if let Some(ready) = view.condition("Ready").filter(|ready| ready.reason == "GivenBack") {
        let remedy = Entry::of(ready).map_or("", Entry::remedy);
        return Some(format!("{}. {remedy}", ready.message));
    }
    if view.is("Stalled") {
        let accepted = view.condition("Accepted")?;
        let remedy = Entry::of(accepted).map_or("", Entry::remedy);
        return Some(format!("{}. {remedy}", accepted.message));
    }
    let paused = view.condition("Paused").filter(|condition| condition.status == "True")?;
    Some(held(view, paused.reason == "Pinned", now))
}

/// What a person has to take back. A pin goes before a pause, which stays.
fn held(view: &PolicyView, is_pinned: bool, now: Timestamp) -> String {
    let name = view.stored.metadata.name.as_deref().unwrap_or("NAME");
    let namespace = view.stored.metadata.namespace.as_deref().unwrap_or("NAMESPACE");
    let command = |command| format!("`kubectl flowpolicy {command} {name} -n {namespace}`");
    let is_paused = Overrides::of(view.stored.annotations()).pauses(now);
    match (is_pinned, is_paused) {
        (true, true) => format!(
            "The pin has to end, and the pause that is there as well: {} and {}.",
            command("unpin"),
            command("resume")
        ),
        (true, false) => format!("The pin has to end: {}.", command("unpin")),
        (false, _) => format!("The pause has to end: {}.", command("resume")),
    }
}

fn returned(policy: &Policy) -> String {
    let retry = policy.effect_check.map(|check| format!("after {:?} at the earliest", check.retry_after));
    format!(
        "Lower limits did not help, and are tried again {}, or sooner if it becomes worse.",
        retry.unwrap_or_else(|| "later".to_owned())
    )
}

fn by_objectives(
    view: &PolicyView,
    policy: &Policy,
    recent: Option<Recent>,
    holding: Option<&str>,
    now: Timestamp,
) -> Vec<String> {
    let status = view.status();
    let decisive = policy.objectives.iter().filter(|objective| objective.role == Role::Control);
    let told: Vec<Told> = decisive
        .filter_map(|objective| {
            let told = status.objectives.iter().find(|told| told.name == objective.name)?;
            Some((objective, told))
        })
        .collect();
    let of = |state| {
        let those = told.iter().filter(move |(_, told)| told.state == state);
        those.map(|(_, told)| told.name.as_str()).collect::<Vec<_>>().join(" and ")
    };
    let (violated, unknown) = (of(ObjectiveState::Violated), of(ObjectiveState::Unknown));
    let mut said = Vec::new();
    if !violated.is_empty() {
        said.push(down(view, policy, &violated));
    }
    if !unknown.is_empty() {
        said.push(unmeasured(view, policy, &unknown));
    }
    let is_known = |(_, told): &&Told| told.state != ObjectiveState::Unknown;
    let measured: Vec<Told> = told.iter().filter(is_known).copied().collect();
    if violated.is_empty() && !measured.is_empty() {
        said.push(falls(view, policy, recent, &measured));
    }
    said.extend(up(view, policy, recent, holding, &told));
    // Unknown never raises.
    said.extend(then(view, policy, recent, now).filter(|_| unknown.is_empty()));
    said
}

/// Whether each target is at this end of its range.
fn all_at(view: &PolicyView, end: impl Fn(&TargetView) -> Bandwidth) -> bool {
    !view.targets.is_empty() && view.targets.iter().all(|target| target.limit() == Some(end(target)))
}

fn down(view: &PolicyView, policy: &Policy, violated: &str) -> String {
    if all_at(view, |target| target.target.range.min) {
        return format!(
            "Down: every limit is at its minimum. If {violated} stays violated, best effort is not the cause, \
             or `limit.min` is too high."
        );
    }
    format!(
        "Down: while {violated} stays violated under the present limits, they fall further, to `limit.min` at the \
         lowest. {}.",
        one_cut(policy.law)
    )
}

/// Cuts for what is measured come before what is unknown, with either law.
fn unmeasured(view: &PolicyView, policy: &Policy, unknown: &str) -> String {
    let after = show::duration(policy.no_data.after);
    let then = match policy.no_data.action {
        NoDataAction::Hold => {
            return format!(
                "{unknown} cannot be measured: limits do not rise until that is over (`onNoData: Hold`). They still \
                 fall as soon as what is measured asks for it."
            );
        }
        NoDataAction::Minimum if all_at(view, |target| target.target.range.min) => {
            return format!("{unknown} cannot be measured: limits stay at their minimum until that is over.");
        }
        NoDataAction::Minimum => "go to their minimum",
        NoDataAction::Release => "are taken away",
    };
    format!(
        "{unknown} cannot be measured: limits do not rise, and after {after} of that they {then}. They still fall as soon \
         as what is measured asks for it."
    )
}

fn up(
    view: &PolicyView,
    policy: &Policy,
    recent: Option<Recent>,
    holding: Option<&str>,
    told: &[Told],
) -> Vec<String> {
    if all_at(view, |target| target.target.range.max) {
        return vec!["Up: not by itself, since every limit is at its maximum (`limit.max`).".to_owned()];
    }
    let (percent, ceilings) = (policy.law.headroom_percent(), ceilings(policy, recent, told));
    let need = if ceilings.is_empty() {
        "every objective holds".to_owned()
    } else {
        format!("every objective is below {percent} % of its bound: {}", ceilings.join("; "))
    };
    let first = holding.map_or("", |_| "that is over, and ");
    // Where nobody tells how long it is, there may be one.
    let queue = match policy.law {
        Law::Adaptive(_) if recent.is_none() => "; and no queue is left on its path",
        Law::Adaptive(_) | Law::Aimd(_) => "",
    };
    vec![format!("Up: once {first}{need}{queue}.")]
}

/// How limits rise then.
fn then(view: &PolicyView, policy: &Policy, recent: Option<Recent>, now: Timestamp) -> Option<String> {
    let is_at_maximum = all_at(view, |target| target.target.range.max);
    match policy.law {
        Law::Adaptive(law) if !is_at_maximum => {
            recovers(view, recent).or_else(|| creeps(view, recent)).or_else(|| grows(view, law, recent, now))
        }
        Law::Adaptive(_) | Law::Aimd(_) => None,
    }
}

/// Why limits stay now: the operator's word, or the figures behind it.
fn stays(view: &PolicyView, policy: &Policy, recent: Recent, holding: &str, now: Timestamp) -> String {
    let more = match (holding.split(':').next(), policy.law) {
        (Some("RetryLater"), Law::Adaptive(law)) => retry(view, law, recent, now),
        (Some("AwaitingEffect"), _) => awaited(view, policy, recent, holding, now),
        _ => None,
    };
    format!("Now: limits stay, {}.", more.as_deref().unwrap_or(holding))
}

/// For how long the effect of the last change has been waited for, and how often it is looked for.
fn awaited(
    view: &PolicyView,
    policy: &Policy,
    recent: Recent,
    holding: &str,
    now: Timestamp,
) -> Option<String> {
    let told = view.status().last_decision.map(|decision| decision.time.0.as_millisecond());
    let changed = recent.changes().last().map(|change| change.at).or(told);
    let since = Timestamp::from_millisecond(changed.max(recent.since())?).ok()?;
    let named = |objective: &&Objective| holding.ends_with(&format!(" in {} yet", objective.name));
    let measured =
        policy.objectives.iter().find(named).map(|objective| measured(policy, objective)).unwrap_or_default();
    Some(format!("{holding}, so far {}{measured}", age(since, now)))
}

/// How often an objective is measured that Prometheus is asked for, and over which time, where that can be told.
fn measured(policy: &Policy, objective: &Objective) -> String {
    let Source::Prometheus { question, .. } = &objective.source else { return String::new() };
    let window = match question {
        Question::Query(query) => Sight::of(query).window,
        Question::Histogram(Histogram { window, .. }) => *window,
    };
    let every = show::duration(policy.interval);
    let back = if window.is_zero() {
        String::new()
    } else {
        format!(", and looks back on {}", show::duration(window))
    };
    format!(" (its query is asked every {every}{back})")
}

/// What has failed, and when more is tried again.
fn retry(view: &PolicyView, law: Adaptive, recent: Recent, now: Timestamp) -> Option<String> {
    let Failed { at, retry } = recent.failed()?;
    let more = view.targets.iter().find_map(|target| {
        let too_much = recent.target(&target.target.id)?.too_much?;
        Some(format!("more than {}{}", show::rate(too_much), whose(target.target.scope)))
    });
    let [failed, retry] = [at, retry].map(Timestamp::from_millisecond);
    let wait = retry
        .ok()
        .filter(|retry| retry.as_second() > now.as_second())
        .map(|retry| format!("in {} at the earliest", age(now, retry)));
    let [first, longest] = [law.retry_after, law.retry_max].map(show::duration);
    Some(format!(
        "RetryLater: {} was too much {} ago, and is tried again {} (`retryAfter` {first}, twice as long after each \
         failure, `retryMax` {longest} at most)",
        more.as_deref().unwrap_or("more"),
        age(failed.ok()?, now),
        wait.as_deref().unwrap_or("now, as soon as every objective has headroom"),
    ))
}

#[cfg(test)]
mod tests {
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
            "Down: while command-jitter stays violated under the present limits, they fall further, to `limit.min` at the lowest. A cut takes 50 % of a limit at most.",
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
        let adaptive = " or the queue on its path grows. A cut takes 50 % of a limit at most; the first goes to 6 % (`headroomPercent`) or more below what the link then seems to carry.";
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
        assert!(said(strict).ends_with("at the lowest. A cut takes 50 % of a limit at most."));
        let severe =
            |severity| json!({"law": "AIMD", "aimd": {"decreasePercent": 25, "severityMax": severity}});
        assert!(said(severe(1)).ends_with(" A cut takes 25 % of a limit (`decreasePercent`)."));
        let deep = " A cut takes 25 % to 75 % of a limit, the more the worse it is (`decreasePercent`, `severityMax`).";
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
            page.policies[0].holding =
                Some("Unused: what the targets send does not use their limits".to_owned());
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
        assert!(over.contains(": more was too much 12s ago, and is tried again now, as soon as every objective has headroom ("), "{over}");
    }

    #[test]
    fn the_queue_that_would_lead_to_a_cut_or_lets_limits_rise_has_a_figure() {
        let queue = Some(Queue { delay: 90e-6, allowed: 750e-6 });
        let said = met(|told| told.objectives[0].queue = queue);
        let expected = [
            "Down: once command-jitter leaves its bound (<= 300us) or the queue on its path exceeds 750us (now 90us). A cut takes 50 % of a limit at most; the first goes to 6 % (`headroomPercent`) or more below what the link then seems to carry.",
            "Up: once every objective is below 75 % of its bound: command-jitter below 225us (lately 200us, so it is), its queue below 563us (now 90us, so it is).",
        ];
        assert_eq!(said[..2], expected);
        let near = met(|told| {
            told.objectives[0].queue = queue;
            told.targets[0].too_much = Some(66e6);
        });
        assert!(
            near[0].contains("750us (now 90us; right after a raise 300us are enough). A cut"),
            "{near:?}"
        );
        let expected = "Near 66M a pod, which was too much, steps are small. Each waits for 1s (or three measurements, where those take longer) in which nothing is violated, and for a queue of less than 20 % of what is allowed.";
        assert_eq!(near[2], expected);
        let cut = met(|told| told.targets[0].too_much = Some(100e6));
        assert!(cut[0].contains(" or the queue on its path grows"), "{cut:?}");
    }
}
