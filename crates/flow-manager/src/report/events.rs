use super::sentences::{self, STARTING};
use super::{Snapshot, Standing};
use flow_policy::FlowPolicyStatus;
use flow_policy::Target;
use flow_policy::spec::Mode;
use flow_policy::status::{ObjectiveState, ObjectiveStatus, TargetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::events::{Event, EventType};

/// The longest note that the API takes, in bytes.
const MAX_NOTE: usize = 1024;

/// What an Event tells about a policy.
///
/// Notes hold no measured values: Events that differ only in those are one Event that happened again, and the
/// status has the values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Whether somebody should have a look.
    pub type_: EventType,
    /// What happened, as one word.
    pub reason: &'static str,
    /// What the operator was doing, as one word.
    pub action: &'static str,
    /// What happened, as a sentence.
    pub note: String,
    /// The part of the policy that it happened to, as a field path, if not all of it.
    pub field: Option<String>,
}

impl News {
    fn new(type_: EventType, reason: &'static str, action: &'static str, note: impl Into<String>) -> Self {
        Self { type_, reason, action, note: note.into(), field: None }
    }

    /// The Event.
    #[must_use]
    pub fn event(&self) -> Event {
        let mut note = self.note.clone();
        note.truncate(note.floor_char_boundary(MAX_NOTE));
        Event {
            type_: self.type_,
            reason: self.reason.to_owned(),
            action: self.action.to_owned(),
            note: Some(note),
            secondary: None,
        }
    }
}

/// The Events that a change of a policy's status from `old` to `new` is worth, where the policy stands as in
/// `standing` now: transitions only.
#[must_use]
pub fn events(old: &FlowPolicyStatus, new: &FlowPolicyStatus, standing: &Standing) -> Vec<News> {
    let mut news: Vec<_> = accepted(old, new).into_iter().collect();
    if let Standing::Running(snapshot) = standing {
        news.extend(new.objectives.iter().filter_map(|objective| judged(old, objective)));
        news.extend(enforced(old, new));
        news.extend(paused(old, new));
        news.extend((snapshot.policy.mode == Mode::Enforce).then(|| limits(old, new, snapshot)).flatten());
    }
    news
}

fn condition<'a>(status: &'a FlowPolicyStatus, type_: &str) -> Option<&'a Condition> {
    status.conditions.iter().find(|condition| condition.type_ == type_)
}

/// The spec cannot be used, or not fully, and that is new.
fn accepted(old: &FlowPolicyStatus, new: &FlowPolicyStatus) -> Option<News> {
    let now = condition(new, "Accepted")?;
    let before = condition(old, "Accepted").map(|before| (before.reason.as_str(), before.message.as_str()));
    if before == Some((now.reason.as_str(), now.message.as_str())) {
        return None;
    }
    let (reason, action) = match now.reason.as_str() {
        "InvalidSpec" => ("InvalidSpec", "Validate"),
        "TargetNotFound" => ("TargetNotFound", "FindTarget"),
        "NotConsented" => ("NotConsented", "FindTarget"),
        _ => return None,
    };
    Some(News::new(EventType::Warning, reason, action, &now.message))
}

fn judged(old: &FlowPolicyStatus, now: &ObjectiveStatus) -> Option<News> {
    let before = old.objectives.iter().find(|before| before.name == now.name);
    let known = before.filter(|before| !is_starting(before));
    if is_starting(now) || known.is_some_and(|before| before.state == now.state) {
        return None;
    }
    let (name, bound) = (&now.name, &now.bound);
    let (type_, reason, note) = match now.state {
        // An objective that holds from the start is no news.
        ObjectiveState::Met if known.is_none() => return None,
        ObjectiveState::Met => {
            (EventType::Normal, "ObjectiveMet", format!("{name} is within its bound again: {bound}"))
        }
        ObjectiveState::Violated => {
            (EventType::Warning, "ObjectiveViolated", format!("{name} is beyond its bound: {bound}"))
        }
        ObjectiveState::Unknown => {
            let why = now.message.as_deref().unwrap_or_default();
            (EventType::Warning, "ObjectiveUnknown", sentences::unmeasured(name, why))
        }
    };
    let field = Some(format!("spec.objectives{{{name}}}"));
    Some(News { field, ..News::new(type_, reason, "Measure", note) })
}

fn is_starting(objective: &ObjectiveStatus) -> bool {
    objective.message.as_deref() == Some(STARTING)
}

fn enforced(old: &FlowPolicyStatus, new: &FlowPolicyStatus) -> Option<News> {
    let now = condition(new, "Enforced")?;
    let before = condition(old, "Enforced").map(|before| (before.status.as_str(), before.reason.as_str()));
    if before == Some((now.status.as_str(), now.reason.as_str())) {
        return None;
    }
    let (type_, reason) = match (now.status.as_str(), now.reason.as_str()) {
        ("False", "NotInForce") => (EventType::Warning, "LimitsNotInForce"),
        ("False", "Released") => (EventType::Warning, "LimitsReleased"),
        ("True", _) => (EventType::Normal, "LimitsInForce"),
        _ => return None,
    };
    Some(News::new(type_, reason, "Enforce", &now.message))
}

/// A person pauses the policy or pins its limits, or lets it go on.
fn paused(old: &FlowPolicyStatus, new: &FlowPolicyStatus) -> Option<News> {
    let (before, now) = (condition(old, "Paused"), condition(new, "Paused"));
    match (before, now) {
        (Some(before), Some(now)) if before.message == now.message => None,
        (_, Some(now)) => {
            let invalid = now.reason == "InvalidAnnotation";
            let type_ = if invalid { EventType::Warning } else { EventType::Normal };
            let reason = match now.reason.as_str() {
                "InvalidAnnotation" => "InvalidAnnotation",
                "Pinned" => "Pinned",
                _ => "Paused",
            };
            Some(News::new(type_, reason, "Override", &now.message))
        }
        (Some(_), None) => {
            Some(News::new(EventType::Normal, "Resumed", "Override", "the policy decides by itself again"))
        }
        (None, None) => None,
    }
}

/// Limits begin to fall, or are all back at their maximum.
fn limits(old: &FlowPolicyStatus, new: &FlowPolicyStatus, snapshot: &Snapshot) -> Option<News> {
    let decided = new.last_decision.as_ref().filter(|_| new.last_decision != old.last_decision)?;
    let before = old.last_decision.as_ref().map(|before| before.action.as_str());
    let note = match (decided.action.as_str(), decided.reason.as_str()) {
        ("Decrease", _) if before == Some("Decrease") => return None,
        ("Decrease", "NoDataTooLong") => "limits go to their minimum, since an objective cannot be measured",
        ("Decrease", _) => "limits are cut, since an objective is violated",
        ("Increase", _) if is_full(new, snapshot) && !is_full(old, snapshot) => {
            let note = "every limit is back at its maximum";
            return Some(News::new(EventType::Normal, "LimitsRestored", "Decide", note));
        }
        _ => return None,
    };
    Some(News::new(EventType::Normal, "LimitsLowered", "Decide", note))
}

fn is_full(status: &FlowPolicyStatus, snapshot: &Snapshot) -> bool {
    let at_maximum = |limit: &TargetStatus| {
        let is_it = |target: &&Target| {
            let namespace = target.id.namespace.as_deref().unwrap_or_default();
            (target.id.kind, namespace, &target.id.name) == (limit.kind, &limit.namespace, &limit.name)
        };
        let target = snapshot.policy.targets.iter().find(is_it);
        target.map(|target| target.range.max.to_string()) == limit.limit
    };
    status.targets.iter().all(at_maximum)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{at, cut, policy, running, view, well};
    use super::super::{Change, status};
    use super::*;
    use flow_control::{Action, Bandwidth, Decision, Reason, Unknown};
    use flow_policy::Overrides;
    use flow_policy::names::{LIMIT, PAUSED};
    use std::sync::Arc;

    /// The reasons of the Events on the way through these standings, from nothing.
    fn told(standings: &[Standing]) -> Vec<Vec<&'static str>> {
        let mut old = FlowPolicyStatus::default();
        let mut told = Vec::new();
        for (second, standing) in (100..).zip(standings) {
            let new = status(&old, standing, at(second));
            told.push(events(&old, &new, standing).iter().map(|news| news.reason).collect());
            old = new;
        }
        told
    }

    fn raised(mbps: [u64; 2], second: i64) -> Snapshot {
        let mut snapshot = well();
        let decision = Decision { action: Action::Increase, reason: Reason::Headroom, objective: None };
        let limits = mbps.map(Bandwidth::from_mbps);
        for (target, limit) in snapshot.targets.iter_mut().zip(limits) {
            target.limit = limit;
        }
        snapshot.last_change =
            Some(Change::new(&policy("Enforce"), decision, &snapshot.objectives, &limits, at(second)));
        snapshot
    }

    #[test]
    fn an_episode_is_told_once_from_its_start_to_its_end() {
        let episode = [
            Standing::Running(well()),
            Standing::Running(cut(412e-6, 400, 1)),
            Standing::Running(cut(500e-6, 320, 2)),
            Standing::Running(raised([330, 330], 3)),
            Standing::Running(raised([1000, 500], 4)),
            Standing::Running(raised([1000, 500], 4)),
        ];
        let expected: [&[&str]; 6] = [
            &["LimitsInForce"],
            &["ObjectiveViolated", "LimitsLowered"],
            &[],
            &["ObjectiveMet"],
            &["LimitsRestored"],
            &[],
        ];
        assert_eq!(told(&episode), expected);
    }

    #[test]
    fn mode_observe_tells_of_objectives_but_of_no_limit() {
        let mut observed = cut(412e-6, 400, 1);
        observed.policy = Arc::new(policy("Observe"));
        assert_eq!(told(&[Standing::Running(observed)]), [["ObjectiveViolated"]]);
    }

    #[test]
    fn a_spec_or_target_at_fault_is_told_once() {
        let problem = flow_policy::Invalid { field: "spec.interval".into(), problem: "found 0s".into() };
        let invalid = Standing::Invalid { generation: Some(1), problem };
        let missing = running(|snapshot| snapshot.targets[1].found = false);
        let forbidden = running(|snapshot| snapshot.targets[1].consents = false);
        let told = told(&[invalid.clone(), invalid, missing.clone(), missing, forbidden.clone(), forbidden]);
        assert_eq!(told[..2], [vec!["InvalidSpec"], vec![]]);
        assert_eq!(told[2..4], [vec!["TargetNotFound", "LimitsInForce"], vec![]]);
        assert_eq!(told[4..], [vec!["NotConsented"], vec![]]);
    }

    #[test]
    fn limits_that_are_lost_and_found_are_told() {
        let lost = running(|snapshot| snapshot.targets[0].problem = Some("pod upload-1: no shaper".into()));
        let found = || Standing::Running(well());
        let told = told(&[found(), lost.clone(), lost, found()]);
        assert_eq!(told, [vec!["LimitsInForce"], vec!["LimitsNotInForce"], vec![], vec!["LimitsInForce"]]);
    }

    #[test]
    fn a_pause_is_told_once_and_so_is_its_end() {
        let with = |name: &str, value: &str| {
            let annotations = [(name.to_owned(), value.to_owned())].into();
            running(|snapshot| snapshot.overrides = Arc::new(Overrides::of(&annotations)))
        };
        let (paused, pinned, typo) = (with(PAUSED, "true"), with(LIMIT, "80M"), with(PAUSED, "yes"));
        let told = told(&[paused.clone(), paused, pinned, typo, Standing::Running(well())]);
        let expected = [
            vec!["LimitsInForce", "Paused"],
            vec![],
            vec!["Pinned"],
            vec!["InvalidAnnotation"],
            vec!["Resumed"],
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_release_for_want_of_data_is_a_warning() {
        let released = running(|snapshot| {
            snapshot.objectives[0] = view(0, Err(Unknown::NoSeries));
            snapshot.released = true;
        });
        let told = told(&[Standing::Running(well()), released]);
        assert_eq!(told[1], ["ObjectiveUnknown", "LimitsReleased"]);
    }

    #[test]
    fn a_measurement_that_has_just_begun_is_no_news_until_it_takes_too_long() {
        let starting = |since| {
            running(|snapshot| {
                snapshot.measured_since = at(since);
                snapshot.objectives[0] = view(0, Err(Unknown::NoData));
            })
        };
        let soon = told(&[Standing::Running(well()), starting(100), Standing::Running(well())]);
        assert_eq!(soon[1..], [Vec::<&str>::new(), vec![]]);
        let late = told(&[starting(100), starting(0), starting(0)]);
        assert_eq!(late, [vec!["LimitsInForce"], vec!["ObjectiveUnknown"], vec![]]);
    }

    #[test]
    fn news_of_an_objective_name_its_field_and_hold_no_measured_value() {
        let (old, standing) = (FlowPolicyStatus::default(), Standing::Running(cut(412e-6, 400, 1)));
        let news = events(&old, &status(&old, &standing, at(1)), &standing);
        assert_eq!(news[0].field.as_deref(), Some("spec.objectives{command-jitter}"));
        assert_eq!(news[0].note, "command-jitter is beyond its bound: <= 300us");
        assert_eq!(news[0].type_, EventType::Warning);
    }

    #[test]
    fn a_note_is_cut_to_what_the_api_takes_between_two_characters() {
        let news = News::new(EventType::Warning, "InvalidSpec", "Validate", "ü".repeat(1000) + "x");
        assert_eq!(news.event().note.unwrap().len(), MAX_NOTE);
        let odd =
            News::new(EventType::Warning, "InvalidSpec", "Validate", "x".to_owned() + &"ü".repeat(1000));
        assert_eq!(odd.event().note.unwrap().len(), MAX_NOTE - 1);
    }
}
