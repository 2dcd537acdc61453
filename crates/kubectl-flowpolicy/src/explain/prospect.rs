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
mod tests;
