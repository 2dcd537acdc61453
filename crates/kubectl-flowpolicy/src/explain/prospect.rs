use crate::page::Recent;
use crate::policies::{PolicyView, TargetView};
use flow_control::{Bandwidth, Bound, Finite, Law, NoDataAction, Role};
use flow_policy::condition::Entry;
use flow_policy::spec::Mode;
use flow_policy::status::{ObjectiveState, ObjectiveStatus};
use flow_policy::{Objective, Policy};

/// What would have to happen for the limits of a policy to change, the most fundamental first.
pub(super) fn prospects(view: &PolicyView, recent: Option<Recent>) -> Vec<String> {
    if let Some(hindrance) = hindrance(view) {
        return vec![hindrance];
    }
    let Some(policy) = &view.policy else { return vec!["The spec has to be corrected.".to_owned()] };
    let observing = (policy.mode == Mode::Observe)
        .then(|| "No limit is written until the spec says `mode: Enforce`.".to_owned());
    let holding = recent.and_then(Recent::holding).map(|why| format!("Now: limits stay, {why}."));
    let ineffective = view.condition("Ineffective").filter(|condition| condition.status == "True");
    let returned = ineffective.map(|_| returned(policy));
    observing.into_iter().chain(holding).chain(returned).chain(by_objectives(view, policy, recent)).collect()
}

/// What keeps the policy from deciding at all.
fn hindrance(view: &PolicyView) -> Option<String> {
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
    let name = view.stored.metadata.name.as_deref().unwrap_or("NAME");
    let namespace = view.stored.metadata.namespace.as_deref().unwrap_or("NAMESPACE");
    let command = if paused.reason == "Pinned" { "unpin" } else { "resume" };
    Some(format!(
        "The {} has to end: `kubectl flowpolicy {command} {name} -n {namespace}`.",
        noun(&paused.reason)
    ))
}

fn noun(reason: &str) -> &'static str {
    if reason == "Pinned" { "pin" } else { "pause" }
}

fn returned(policy: &Policy) -> String {
    let retry = policy.effect_check.map(|check| format!("after {:?} at the earliest", check.retry_after));
    format!(
        "Lower limits did not help, and are tried again {}, or sooner if it becomes worse.",
        retry.unwrap_or_else(|| "later".to_owned())
    )
}

fn by_objectives(view: &PolicyView, policy: &Policy, recent: Option<Recent>) -> Vec<String> {
    let status = view.status();
    let decisive = policy.objectives.iter().filter(|objective| objective.role == Role::Control);
    let told: Vec<_> = decisive
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
        said.push(down(view, &violated));
    }
    if !unknown.is_empty() {
        said.push(unmeasured(policy, &unknown));
    }
    if violated.is_empty() && unknown.is_empty() {
        said.push(falls(policy));
    }
    said.push(up(view, policy, recent, &told));
    said
}

/// Whether each target is at this end of its range.
fn all_at(view: &PolicyView, end: impl Fn(&TargetView) -> Bandwidth) -> bool {
    !view.targets.is_empty() && view.targets.iter().all(|target| target.limit() == Some(end(target)))
}

fn down(view: &PolicyView, violated: &str) -> String {
    if all_at(view, |target| target.target.range.min) {
        return format!(
            "Down: every limit is at its minimum. If {violated} stays violated, best effort is not the cause, \
             or `limit.min` is too high."
        );
    }
    format!(
        "Down: while {violated} stays violated under the present limits, they fall further, to `limit.min` at the lowest."
    )
}

fn unmeasured(policy: &Policy, unknown: &str) -> String {
    let after = policy.no_data.after;
    let then = match policy.no_data.action {
        NoDataAction::Hold => {
            return format!(
                "{unknown} cannot be measured: limits stay until that is over (`onNoData: Hold`)."
            );
        }
        NoDataAction::Minimum => "go to their minimum",
        NoDataAction::Release => "are taken away",
    };
    format!("{unknown} cannot be measured: limits stay, and after {after:?} of that they {then}.")
}

fn falls(policy: &Policy) -> String {
    let queue = match policy.law {
        Law::Adaptive(_) => ", or the queue on its path grows",
        Law::Aimd(_) => "",
    };
    format!("Down: once an objective is violated{queue}.")
}

fn up(
    view: &PolicyView,
    policy: &Policy,
    recent: Option<Recent>,
    told: &[(&Objective, &ObjectiveStatus)],
) -> String {
    if all_at(view, |target| target.target.range.max) {
        return "Up: not by itself, since every limit is at its maximum (`limit.max`).".to_owned();
    }
    let percent = policy.law.headroom_percent();
    let ceilings: Vec<_> =
        told.iter().filter_map(|(objective, told)| ceiling(objective, told, recent, percent)).collect();
    let need = if ceilings.is_empty() {
        "every objective holds".to_owned()
    } else {
        format!("every objective is below {percent} % of its bound: {}", ceilings.join("; "))
    };
    let and = match policy.law {
        Law::Adaptive(_) => {
            "; and no queue is left on its path. After a cut, back to what the link seems to carry, once every \
             objective shows that it is calm"
        }
        Law::Aimd(_) => "",
    };
    let first = recent.and_then(Recent::holding).map_or("", |_| "that is over, and ");
    format!("Up: once {first}{need}{and}.")
}

/// Below what an objective has headroom, and what it was at worst lately, or else when it was last told.
fn ceiling(
    objective: &Objective,
    told: &ObjectiveStatus,
    recent: Option<Recent>,
    percent: u32,
) -> Option<String> {
    let (Bound::AtMost(max) | Bound::Within { max, .. }) = objective.bound else { return None };
    let roomy = Finite::new(max.get() * f64::from(percent) / 100.0).ok()?;
    let show = |value| objective.indicator.show(value);
    let value = match (recent.and_then(|recent| recent.value(&objective.name)), &told.value) {
        (Some(lately), _) if lately.get() < roomy.get() => format!(" (lately {}, so it is)", show(lately)),
        (Some(lately), _) => format!(" (lately {}: not yet)", show(lately)),
        (None, Some(was)) => format!(" (it was {was} when last told)"),
        (None, None) => String::new(),
    };
    Some(format!("{} below {}{value}", objective.name, show(roomy)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::fixture::{changed, page, violated};
    use serde_json::json;

    #[test]
    fn a_violated_policy_falls_further_and_rises_with_headroom() {
        let expected = [
            "Down: while command-jitter stays violated under the present limits, they fall further, to `limit.min` at the lowest.",
            "Up: once every objective is below 75 % of its bound: command-jitter below 225us (it was 412us when last told); and no queue is left on its path. After a cut, back to what the link seems to carry, once every objective shows that it is calm.",
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
        let paused = |reason: &str| {
            let condition = json!({
                "type": "Paused", "status": "True", "reason": reason, "message": "m",
                "lastTransitionTime": "1970-01-01T00:00:00Z",
            });
            let policy = changed(|policy| {
                policy["status"]["conditions"].as_array_mut().unwrap().push(condition.clone());
            });
            prospects(&policy, None)
        };
        assert_eq!(paused("Pinned"), ["The pin has to end: `kubectl flowpolicy unpin robot -n factory`."]);
        assert_eq!(
            paused("ByAnnotation"),
            ["The pause has to end: `kubectl flowpolicy resume robot -n factory`."]
        );
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
        let hold = "command-jitter cannot be measured: limits stay until that is over (`onNoData: Hold`).";
        let minimum =
            "command-jitter cannot be measured: limits stay, and after 30s of that they go to their minimum.";
        assert_eq!((said("Hold").as_str(), said("Minimum").as_str()), (hold, minimum));
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
}
