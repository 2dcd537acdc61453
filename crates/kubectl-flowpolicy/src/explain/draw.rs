use super::basis::{basis, whose};
use super::gather::{Explained, Touching};
use super::history::{Earlier, Happened, Repeated, with_changes};
use super::lower::Lower;
use super::prospect::prospects;
use super::subject::SubjectKind;
use crate::get::{conditions, warning};
use crate::page::Recent;
use crate::policies::{Hold, PodView, TargetView, readable_limit};
use crate::terminal::{Tone, age, hanging, number, paint};
use flow_control::{Bandwidth, Law};
use flow_policy::spec::Mode;
use flow_policy::status::{ObjectiveState, ObjectiveStatus};
use flow_policy::{Scope, show};
use jiff::Timestamp;

/// Where the documentation is.
const DOCUMENTATION: &str = "https://github.com/Fustli/k8s-deterministic-networking/blob/main/docs";

/// What is said where the operator's page did not come in time.
const LATE: &str = "the operator's page did not answer within 1 s: the newest changes, and why limits stay, are missing; ask again";

/// Why a limit is what it is, for a person.
pub(super) fn draw(explained: &Explained, now: Timestamp, width: usize) -> String {
    let mut text = if explained.is_leaderless { warning(width) } else { String::new() };
    if explained.is_page_late {
        text += &hanging(&format!("{} ", paint(Tone::Unsure, "?")), LATE, width);
    }
    if explained.subject.kind != SubjectKind::FlowPolicy {
        text += &subject(explained, width);
    }
    let parts = explained
        .policies
        .iter()
        .map(|touching| policy(touching, Recent::of(explained.page.as_ref(), &touching.policy), now, width));
    for part in parts {
        if !text.is_empty() {
            text.push('\n');
        }
        text += &part;
    }
    if explained.subject.kind == SubjectKind::FlowPolicy
        && let Some(unseen) = unseen(explained, width)
    {
        text.push('\n');
        text += &unseen;
    }
    text
}

/// What may not be seen, and so may be lower than all that is told.
fn unseen(explained: &Explained, width: usize) -> Option<String> {
    let unseen = explained.unseen.as_ref()?;
    Some(hanging(&format!("  {} ", paint(Tone::Unsure, "?")), unseen, width))
}

fn heading(text: &str) -> String {
    paint(Tone::Strong, text) + "\n"
}

fn next_heading(text: &str) -> String {
    format!("\n{}", heading(text))
}

/// The pods, the policies that touch them, and which one decides.
fn subject(explained: &Explained, width: usize) -> String {
    let mut text = heading(&format!("{} in {}", explained.subject, explained.namespace));
    if explained.pods.is_empty() {
        text += "  no pods\n";
    }
    for alike in alike(&explained.pods) {
        let first = format!("  {}: ", who(&alike, explained.pods.len()));
        text +=
            &alike.first().map_or_else(String::new, |pod| hanging(&first, &held(pod, alike.len()), width));
    }
    text += &unseen(explained, width).unwrap_or_default();
    text += &next_heading("Policies that touch it");
    text + &claims(explained, width)
}

/// The pods by what holds them.
fn alike(pods: &[PodView]) -> Vec<Vec<&PodView>> {
    let mut groups: Vec<Vec<&PodView>> = Vec::new();
    for pod in pods {
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| first.hold == pod.hold)) {
            Some(group) => group.push(pod),
            None => groups.push(vec![pod]),
        }
    }
    groups
}

/// Which of so many pods these are.
fn who(pods: &[&PodView], all: usize) -> String {
    match pods {
        [pod] => pod.name.clone(),
        [first, more @ ..] if pods.len() < all => format!("{} and {} more", first.name, more.len()),
        _ => format!("{} pods", pods.len()),
    }
}

/// What holds so many pods, of which this is one.
fn held(pod: &PodView, count: usize) -> String {
    match &pod.hold {
        Hold::HostNetwork => "it uses the network of its node, so that no limit reaches it".to_owned(),
        Hold::Nothing => "no limit of flow-manager".to_owned(),
        Hold::ByHand(deed) => format!("somebody else has {deed}, which flow-manager leaves alone"),
        Hold::Written { limit: Some(limit), before } if *before == Some(*limit) => {
            let limit = show::bandwidth(*limit);
            format!("{limit}, as before flow-manager; no policy asks for less")
        }
        Hold::Written { limit, before } => {
            let before = before.map_or_else(
                || "no limit before it".to_owned(),
                |before| format!("{} before it", show::bandwidth(before)),
            );
            format!("{}, set by flow-manager; {before}", written(*limit, count))
        }
    }
}

/// A limit that is written on each of so many pods, and what it means for all.
fn written(limit: Option<Bandwidth>, count: usize) -> String {
    match (limit, count) {
        (None, _) => "a limit that cannot be read".to_owned(),
        (Some(limit), 1) => show::bandwidth(limit),
        (Some(limit), count) => format!("{} each, {} in all", show::bandwidth(limit), in_all(limit, count)),
    }
}

fn in_all(limit: Bandwidth, count: usize) -> String {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    show::bandwidth(Bandwidth::from_bps(limit.bps().saturating_mul(count)))
}

fn claims(explained: &Explained, width: usize) -> String {
    if explained.policies.is_empty() {
        return "  none, so flow-manager does not limit it\n".to_owned();
    }
    let rows = explained.policies.iter().flat_map(|touching| {
        touching.targets().map(move |target| (touching, target, touching.claim(target)))
    });
    let rows: Vec<_> = rows.collect();
    let decides = explained.decides();
    let held_otherwise = explained.is_held_otherwise();
    let line = |(touching, target, claim): &(&Touching, &TargetView, Option<Bandwidth>)| {
        let is_it = decides.as_ref() == Some(&(touching.policy.id(), target.target.id.clone()));
        let first = format!("  {}: ", touching.policy.name());
        let what = match claim {
            Some(limit) => format!("{} a pod", show::bandwidth(*limit)),
            None => format!("no limit{}", why_none(touching)),
        };
        let decides = match (is_it, held_otherwise) {
            (false, _) => "",
            (true, false) if rows.len() == 1 => ", decides",
            (true, false) => ", decides: the lowest limit holds",
            (true, true) => ", the lowest of them; something else holds the pods",
        };
        hanging(&first, &format!("{what} for {}{decides}", target.target.id), width)
    };
    rows.iter().map(line).collect()
}

const fn why_none(touching: &Touching) -> &'static str {
    match touching.policy.stored.spec.mode {
        Mode::Observe => " (mode Observe)",
        Mode::Enforce => "",
    }
}

/// What led to the limits of a policy, and what would change them.
fn policy(touching: &Touching, recent: Option<Recent>, now: Timestamp, width: usize) -> String {
    let name = touching.policy.name();
    let mut text = heading(&format!("{name}: what led to its limits"));
    text += &conditions(&touching.policy, now, width);
    text += &numbers(touching, recent, now, width);
    text += &law(touching);
    text += &next_heading(&format!("{name}: what has happened"));
    text += &happened(touching, recent, now, width);
    text += &next_heading(&format!("{name}: what would have to happen for a change"));
    for prospect in prospects(&touching.policy, recent, now) {
        text += &hanging("  - ", &prospect, width);
    }
    text
}

fn numbers(touching: &Touching, recent: Option<Recent>, now: Timestamp, width: usize) -> String {
    let mut text = String::new();
    for objective in touching.policy.status().objectives {
        let state = match objective.state {
            ObjectiveState::Met => "Met",
            ObjectiveState::Violated => "Violated",
            ObjectiveState::Unknown => "Unknown",
        };
        let since =
            objective.since.as_ref().map(|since| format!(" for {}", age(since.0, now))).unwrap_or_default();
        let said = format!("{state}{since}: {}", figure(touching, recent, &objective, now));
        text += &hanging(&format!("  objective {}: ", objective.name), &said, width);
    }
    for target in touching.targets() {
        let lower = touching.lower(target).map(decides_instead).unwrap_or_default();
        text += &hanging(&format!("  target {}: ", target.target.id), &(range(target) + &lower), width);
        let basis = basis(&touching.policy, target, recent, now);
        text.extend(basis.iter().map(|part| hanging("    - ", part, width)));
    }
    text
}

/// What an objective was lately, or else when it was last told; where it is unknown, why, and since when.
fn figure(
    touching: &Touching,
    recent: Option<Recent>,
    objective: &ObjectiveStatus,
    now: Timestamp,
) -> String {
    let ObjectiveStatus { name, bound, value, message, .. } = objective;
    if objective.state == ObjectiveState::Unknown {
        let why = message.as_deref().unwrap_or("not measured");
        let last = recent.map(|recent| last_measured(recent, name, now)).unwrap_or_default();
        return format!("{why}{last}; bound {bound}");
    }
    let lately = recent.and_then(|recent| recent.shown(&touching.policy, name));
    let told = value.as_ref().or(message.as_ref()).cloned();
    let figure = lately.map(|lately| format!("{lately} at worst lately")).or(told);
    format!("{}, bound {bound}", figure.unwrap_or_else(|| "not measured".to_owned()))
}

fn last_measured(recent: Recent, objective: &str, now: Timestamp) -> String {
    let at = recent.measured(objective).and_then(|at| Timestamp::from_millisecond(at).ok());
    at.map_or_else(
        || "; not measured in the last hour".to_owned(),
        |at| format!("; last measured {} ago", age(at, now)),
    )
}

fn range(target: &TargetView) -> String {
    let status = target.status.as_ref();
    let limit = status.and_then(|status| status.limit.as_deref());
    let limit = limit.map_or_else(|| "no limit".to_owned(), readable_limit);
    let [min, max] = [target.target.range.min, target.target.range.max].map(show::bandwidth);
    let pods = status.and_then(|status| usize::try_from(status.pods).ok()).unwrap_or_default();
    let share = match (target.target.scope, target.claim()) {
        (Scope::Target, Some(share)) => {
            format!("{}, {} each", whose(Scope::Target), show::bandwidth(share))
        }
        (Scope::Pod, Some(_)) if pods == 0 => format!("{}, no running pods", whose(Scope::Pod)),
        (Scope::Pod, Some(_)) if pods == 1 => format!("{}, 1 pod", whose(Scope::Pod)),
        (Scope::Pod, Some(limit)) => {
            format!("{}, {} for {}", whose(Scope::Pod), in_all(limit, pods), number(pods, "pod", "pods"))
        }
        _ => String::new(),
    };
    let message = status.and_then(|status| status.message.as_ref());
    let message = message.map(|message| format!("; {message}")).unwrap_or_default();
    format!("{limit}{share}; {min} to {max} allowed{message}")
}

fn decides_instead(Lower { policy, limit_per_pod, .. }: &Lower) -> String {
    format!("; {policy} decides for pods of it: it asks for less, {} a pod", show::bandwidth(*limit_per_pod))
}

fn law(touching: &Touching) -> String {
    let law = touching.policy.policy.as_ref().map(|policy| match policy.law {
        Law::Adaptive(_) => ("Adaptive", "control.md"),
        Law::Aimd(_) => ("AIMD", "policy.md#the-law-aimd"),
    });
    law.map(|(law, page)| format!("  law: {law}\n    {DOCUMENTATION}/{page}\n")).unwrap_or_default()
}

fn happened(touching: &Touching, recent: Option<Recent>, now: Timestamp, width: usize) -> String {
    match &touching.history {
        Ok(history) => match with_changes(history, recent) {
            all if all.told.is_empty() => "  nothing that is still told\n".to_owned(),
            all => {
                let earlier = all.earlier.as_ref().map(|earlier| left_out(earlier, now, width));
                earlier.into_iter().chain(all.told.iter().map(|one| line(one, now, width))).collect()
            }
        },
        Err(why) => hanging(&format!("  {} ", paint(Tone::Unsure, "?")), why, width),
    }
}

fn left_out(earlier: &Earlier, now: Timestamp, width: usize) -> String {
    let Earlier { since, cuts, raises, others } = *earlier;
    let kinds = [(cuts, "cut", "cuts"), (raises, "raise", "raises"), (others, "other", "others")];
    let kinds = kinds.into_iter().filter(|(count, ..)| *count > 0);
    let kinds: Vec<_> = kinds.map(|(count, one, many)| number(count, one, many)).collect();
    let all = number(cuts + raises + others, "earlier change", "earlier changes");
    let first = if cuts + raises + others > 1 { "the first " } else { "" };
    hanging("  … ", &format!("{all}, {first}{} ago: {}", age(since, now), kinds.join(", ")), width)
}

fn line(one: &Happened, now: Timestamp, width: usize) -> String {
    let repeated = one.repeated.as_ref().map(|repeated| often(repeated, now)).unwrap_or_default();
    let first = format!("  {:>5} ago  ", age(one.at, now));
    hanging(&first, &format!("{}{repeated}: {}", one.reason, one.message), width)
}

fn often(repeated: &Repeated, now: Timestamp) -> String {
    let since = repeated.first.map(|first| format!(", first {} ago", age(first, now))).unwrap_or_default();
    format!(" ({} times{since})", repeated.times)
}

#[cfg(test)]
mod tests;
