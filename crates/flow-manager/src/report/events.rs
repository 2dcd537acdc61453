use super::sentences::{self, STARTING};
use super::{Snapshot, Standing};
use crate::cluster::PodId;
use flow_control::{Bandwidth, Range};
use flow_policy::FlowPolicyStatus;
use flow_policy::condition::{
    ACCEPTED_VALID, ConditionType, ENFORCED_NOT_IN_FORCE, Entry, INEFFECTIVE_NO_EFFECT,
};
use flow_policy::event::{
    AT_MAXIMUM, AT_MINIMUM, EFFECTIVE, Happening, LIMITS_CUT, LIMITS_CUT_EARLY, LIMITS_TO_MINIMUM,
    OBJECTIVE_MET, OBJECTIVE_UNKNOWN, OBJECTIVE_VIOLATED, RESUMED, Telling,
};
use flow_policy::spec::Mode;
use flow_policy::status::{ObjectiveState, ObjectiveStatus, TargetStatus};
use k8s_openapi::api::core::v1::ObjectReference;
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
    /// Whether somebody should do something.
    pub type_: EventType,
    /// What happened, as one word.
    pub reason: &'static str,
    /// What the operator was doing, as one word.
    pub action: &'static str,
    /// What happened, as a sentence.
    pub note: String,
    /// The part of the policy that it happened to, as a field path, if not all of it.
    pub field: Option<String>,
    /// The pod that is at fault, if one is.
    pub pod: Option<PodId>,
}

impl News {
    fn of(happening: Happening, note: impl Into<String>) -> Option<Self> {
        let (reason, action) = (happening.reason(), happening.action());
        let (type_, note) = (type_(happening.telling())?, note.into());
        Some(Self { type_, reason, action, note, field: None, pod: None })
    }

    /// That a condition has come to stand so.
    fn of_condition(entry: Entry, note: &str) -> Option<Self> {
        let action = match entry.type_() {
            ConditionType::Accepted | ConditionType::Stalled => "Validate",
            ConditionType::Ready | ConditionType::ObjectivesMet => "Measure",
            ConditionType::Enforced => "Enforce",
            ConditionType::Paused => "Override",
            ConditionType::Ineffective => "Decide",
        };
        let (type_, reason) = (type_(entry.telling())?, entry.reason().as_str());
        Some(Self { type_, reason, action, note: note.to_owned(), field: None, pod: None })
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
            secondary: self.pod.as_ref().map(reference),
        }
    }
}

fn reference(pod: &PodId) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        namespace: Some(pod.namespace.to_string()),
        name: Some(pod.name.to_string()),
        uid: Some(pod.uid.to_string()),
        ..ObjectReference::default()
    }
}

const fn type_(telling: Telling) -> Option<EventType> {
    match telling {
        Telling::Silent => None,
        Telling::Normal => Some(EventType::Normal),
        Telling::Warning => Some(EventType::Warning),
    }
}

/// The Events that a change of a policy's status from `old` to `new` is worth, where the policy stands as in
/// `standing` now: transitions only.
#[must_use]
pub fn events(old: &FlowPolicyStatus, new: &FlowPolicyStatus, standing: &Standing) -> Vec<News> {
    let objectives = new.objectives.iter().filter_map(|objective| judged(old, objective));
    let conditions = new.conditions.iter().filter_map(|condition| turned(old, condition, standing));
    let mut news: Vec<_> = objectives.chain(conditions).collect();
    if let Standing::Running(snapshot) = standing {
        news.extend(old.conditions.iter().filter_map(|condition| over(new, condition)));
        if snapshot.policy.mode == Mode::Enforce {
            news.extend(decided(old, new));
            news.extend(reached(old, new, snapshot));
        }
    }
    news
}

/// A condition stands otherwise than before.
fn turned(old: &FlowPolicyStatus, now: &Condition, standing: &Standing) -> Option<News> {
    let entry = Entry::of(now)?;
    let before = find(old, &now.type_);
    let is_news = match before {
        // A policy that is right from the start is no news.
        None => entry != ACCEPTED_VALID,
        Some(before) => {
            let says_more = tells_by_message(entry.type_()) && before.message != now.message;
            Entry::of(before) != Some(entry) || says_more
        }
    };
    let note = without_values(entry, standing).unwrap_or_else(|| now.message.clone());
    let news = is_news.then(|| News::of_condition(entry, &note))??;
    Some(News { pod: faulty(standing).filter(|_| entry == ENFORCED_NOT_IN_FORCE), ..news })
}

/// What a condition says whose message has measured values in it.
fn without_values(entry: Entry, standing: &Standing) -> Option<String> {
    match standing {
        Standing::Running(snapshot) if entry == INEFFECTIVE_NO_EFFECT => {
            snapshot.ineffective.as_ref()?.note(&snapshot.policy)
        }
        _ => None,
    }
}

/// The pod that is at fault, of the first target with a problem: the one that the condition Enforced names.
fn faulty(standing: &Standing) -> Option<PodId> {
    let Standing::Running(snapshot) = standing else { return None };
    snapshot.targets.iter().find(|target| target.problem.is_some())?.faulty.clone()
}

/// Whether a condition's message is what a person has written, so that another message is another matter. Of what the
/// operator finds by itself, a message may name now this pod and now that.
const fn tells_by_message(type_: ConditionType) -> bool {
    matches!(type_, ConditionType::Accepted | ConditionType::Paused)
}

/// A condition that is only there while something is abnormal is gone.
fn over(new: &FlowPolicyStatus, before: &Condition) -> Option<News> {
    if find(new, &before.type_).is_some() {
        return None;
    }
    match Entry::of(before)?.type_() {
        ConditionType::Paused => News::of(RESUMED, "the policy decides by itself again"),
        ConditionType::Ineffective => News::of(EFFECTIVE, "limits are lowered again where that is needed"),
        _ => None,
    }
}

fn find<'a>(status: &'a FlowPolicyStatus, type_: &str) -> Option<&'a Condition> {
    status.conditions.iter().find(|condition| condition.type_ == type_)
}

fn judged(old: &FlowPolicyStatus, now: &ObjectiveStatus) -> Option<News> {
    let before = old.objectives.iter().find(|before| before.name == now.name);
    let known = before.filter(|before| !is_starting(before));
    if is_starting(now) || known.is_some_and(|before| before.state == now.state) {
        return None;
    }
    let (name, bound) = (&now.name, &now.bound);
    let was_unknown = known.is_some_and(|before| before.state == ObjectiveState::Unknown);
    let news = match now.state {
        // An objective that holds from the start is no news.
        ObjectiveState::Met if known.is_none() => return None,
        ObjectiveState::Met if was_unknown => {
            News::of(OBJECTIVE_MET, format!("{name} is measured again, and within its bound: {bound}"))
        }
        ObjectiveState::Met => News::of(OBJECTIVE_MET, format!("{name} is within its bound again: {bound}")),
        ObjectiveState::Violated if was_unknown => {
            News::of(OBJECTIVE_VIOLATED, format!("{name} is measured again, and beyond its bound: {bound}"))
        }
        ObjectiveState::Violated => {
            News::of(OBJECTIVE_VIOLATED, format!("{name} is beyond its bound: {bound}"))
        }
        ObjectiveState::Unknown => {
            let why = now.message.as_deref().unwrap_or_default();
            News::of(OBJECTIVE_UNKNOWN, sentences::unmeasured(name, why))
        }
    };
    Some(News { field: Some(format!("spec.objectives{{{name}}}")), ..news? })
}

fn is_starting(objective: &ObjectiveStatus) -> bool {
    objective.message.as_deref() == Some(STARTING)
}

/// Limits begin to fall.
fn decided(old: &FlowPolicyStatus, new: &FlowPolicyStatus) -> Option<News> {
    let decided = new.last_decision.as_ref().filter(|_| new.last_decision != old.last_decision)?;
    let before = old.last_decision.as_ref().map(|before| before.action.as_str());
    match (decided.action.as_str(), decided.reason.as_str()) {
        ("Decrease", _) if before == Some("Decrease") => None,
        ("Decrease", "NoDataTooLong") => {
            News::of(LIMITS_TO_MINIMUM, "limits go to their minimum, since an objective cannot be measured")
        }
        ("Decrease", "QueueGrows") => {
            News::of(LIMITS_CUT_EARLY, "limits are cut, since the queue on the path of an objective grows")
        }
        ("Decrease", _) => News::of(LIMITS_CUT, "limits are cut, since an objective is violated"),
        _ => None,
    }
}

/// Limits are as low as they may be, and that is not enough; or they are all back.
fn reached(old: &FlowPolicyStatus, new: &FlowPolicyStatus, snapshot: &Snapshot) -> Option<News> {
    let came = |is: fn(&FlowPolicyStatus, &Snapshot) -> bool| is(new, snapshot) && !is(old, snapshot);
    let raised = new.last_decision != old.last_decision
        && new.last_decision.as_ref().is_some_and(|decision| decision.action == "Increase");
    if came(is_exhausted) {
        News::of(AT_MINIMUM, "every limit is at its minimum, and an objective is violated all the same")
    } else if raised && came(is_full) {
        News::of(AT_MAXIMUM, "every limit is back at its maximum")
    } else {
        None
    }
}

fn is_exhausted(status: &FlowPolicyStatus, snapshot: &Snapshot) -> bool {
    let violated = find(status, "ObjectivesMet").is_some_and(|met| met.status == "False");
    violated && all_at(status, snapshot, |range| range.min)
}

fn is_full(status: &FlowPolicyStatus, snapshot: &Snapshot) -> bool {
    all_at(status, snapshot, |range| range.max)
}

fn all_at(status: &FlowPolicyStatus, snapshot: &Snapshot, end: fn(Range) -> Bandwidth) -> bool {
    let is_there = |of: &TargetStatus| {
        let target = snapshot.policy.targets.iter().find(|target| {
            (target.id.kind, &target.id.name) == (of.kind, &of.name)
                && target.id.namespace.as_deref().unwrap_or_default() == of.namespace
        });
        target.map(|target| end(target.range).to_string()) == of.limit
    };
    let mut limited = status.targets.iter().filter(|target| target.limit.is_some()).peekable();
    limited.peek().is_some() && limited.all(is_there)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{at, cut, policy, running, view, well};
    use super::super::{Change, Ineffective, status};
    use super::*;
    use flow_control::{Action, Bandwidth, Decision, Finite, Moment, NoEffect, Reason, Unknown};
    use flow_policy::Overrides;
    use flow_policy::condition::{Finding, merge};
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

    fn first(standing: &Standing) -> FlowPolicyStatus {
        status(&FlowPolicyStatus::default(), standing, at(100))
    }

    fn raised(mbps: [u64; 2], second: i64) -> Snapshot {
        let mut snapshot = well();
        let decision = Decision { action: Action::Increase, reason: Reason::Headroom, objective: None };
        let limits = mbps.map(|mbps| (Bandwidth::from_mbps(mbps), 3));
        for (target, (limit, _)) in snapshot.targets.iter_mut().zip(limits) {
            target.limit = limit;
        }
        snapshot.last_change = Some(Arc::new(Change::new(
            &policy("Enforce"),
            decision,
            &snapshot.objectives,
            &limits,
            at(second),
        )));
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
            &["InForce"],
            &["ObjectiveViolated", "ObjectiveViolated"],
            &[],
            &["ObjectiveMet"],
            &["AtMaximum"],
            &[],
        ];
        assert_eq!(told(&episode), expected);
    }

    #[test]
    fn a_cut_before_anything_is_violated_is_told_as_that() {
        let mut early = well();
        let decision = Decision { action: Action::Decrease, reason: Reason::QueueGrows, objective: Some(0) };
        let limits = [400, 300].map(|mbps| (Bandwidth::from_mbps(mbps), 3));
        early.last_change =
            Some(Arc::new(Change::new(&policy("Enforce"), decision, &early.objectives, &limits, at(1))));
        let told = told(&[Standing::Running(well()), Standing::Running(early)]);
        assert_eq!(told[1], ["QueueGrows"]);
    }

    #[test]
    fn what_a_person_must_act_on_is_a_warning_and_the_policys_own_work_is_not() {
        let (old, standing) = (first(&Standing::Running(well())), Standing::Running(cut(412e-6, 10, 1)));
        let news = events(&old, &status(&old, &standing, at(1)), &standing);
        let told: Vec<_> = news.iter().map(|news| (news.reason, news.action, news.type_)).collect();
        let expected = [
            ("ObjectiveViolated", "Measure", EventType::Normal),
            ("ObjectiveViolated", "Decrease", EventType::Normal),
            ("AtMinimum", "Decrease", EventType::Warning),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn limits_at_their_minimum_are_told_when_they_come_to_it() {
        let told = told(&[
            Standing::Running(cut(412e-6, 12, 1)),
            Standing::Running(cut(412e-6, 10, 2)),
            Standing::Running(cut(500e-6, 10, 2)),
        ]);
        assert_eq!(told[1..], [vec!["AtMinimum"], vec![]]);
    }

    #[test]
    fn each_condition_that_has_an_event_brings_it_and_no_other_does() {
        for entry in flow_policy::condition::TABLE {
            let found = [Finding::new(*entry, "a sentence")];
            let new = FlowPolicyStatus { conditions: merge(&[], &found, None, at(1)), ..Default::default() };
            let standing = Standing::Running(well());
            let news = events(&FlowPolicyStatus::default(), &new, &standing);
            let told: Vec<_> = news.iter().map(|news| (news.reason, Some(news.type_))).collect();
            let expected = (entry.reason().as_str(), type_(entry.telling()));
            let silent = expected.1.is_none() || *entry == ACCEPTED_VALID;
            assert_eq!(told, if silent { vec![] } else { vec![expected] }, "{entry:?}");
            assert_eq!(events(&new, &new, &standing), [], "{entry:?}");
        }
    }

    #[test]
    fn what_was_wrong_and_is_right_again_is_told() {
        let missing = running(|snapshot| snapshot.targets[1].found = false);
        assert_eq!(told(&[missing, Standing::Running(well())])[1], ["Valid"]);
        let found = [Finding::new(INEFFECTIVE_NO_EFFECT, "a sentence")];
        let well = Standing::Running(well());
        let mut old = first(&well);
        old.conditions.extend(merge(&[], &found, None, at(1)));
        let news = events(&old, &first(&well), &well);
        assert_eq!(news.iter().map(|news| news.reason).collect::<Vec<_>>(), ["Effective"]);
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
        assert_eq!(told[2..4], [vec!["TargetNotFound", "InForce"], vec![]]);
        assert_eq!(told[4..], [vec!["NotConsented"], vec![]]);
    }

    #[test]
    fn limits_that_are_lost_and_found_are_told() {
        let lost = running(|snapshot| snapshot.targets[0].problem = Some("pod upload-1: no shaper".into()));
        let found = || Standing::Running(well());
        let told = told(&[found(), lost.clone(), lost, found()]);
        assert_eq!(told, [vec!["InForce"], vec!["NotInForce"], vec![], vec!["InForce"]]);
    }

    #[test]
    fn a_pod_that_is_at_fault_is_related() {
        let pod = PodId::new("factory", "upload-1", "uid-1");
        let lost = running(|snapshot| {
            snapshot.targets[0].problem = Some("pod upload-1: no shaper".into());
            snapshot.targets[0].faulty = Some(pod);
        });
        let old = first(&Standing::Running(well()));
        let news = events(&old, &status(&old, &lost, at(101)), &lost);
        let related = news[0].event().secondary.unwrap();
        let found = [related.kind, related.namespace, related.name, related.uid].map(Option::unwrap);
        assert_eq!((news.len(), found), (1, ["Pod", "factory", "upload-1", "uid-1"].map(String::from)));
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
            vec!["InForce", "ByAnnotation"],
            vec![],
            vec!["Pinned"],
            vec!["InvalidAnnotation"],
            vec!["Resumed"],
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn limits_that_do_not_help_are_told_once_without_values() {
        let after = Finite::new(412e-6).unwrap();
        let found = NoEffect { objective: 0, before: None, after, retry: None };
        let standing = running(|snapshot| {
            snapshot.ineffective = Ineffective::next(None, Some(found), Moment::default(), at(1));
        });
        let told = told(&[Standing::Running(well()), standing.clone(), standing.clone()]);
        assert_eq!(told[1..], [vec!["NoEffect"], vec![]]);
        let old = FlowPolicyStatus::default();
        let news = events(&old, &status(&old, &standing, at(1)), &standing);
        let news = news.iter().find(|news| news.reason == "NoEffect").unwrap();
        assert_eq!(news.note, "command-jitter gains nothing by lower limits: they are given back");
    }

    #[test]
    fn a_release_for_want_of_data_is_a_warning() {
        let released = running(|snapshot| {
            snapshot.objectives[0] = view(0, Err(Unknown::NoSeries));
            snapshot.released = true;
        });
        let told = told(&[Standing::Running(well()), released]);
        assert_eq!(told[1], ["NoData", "Released"]);
    }

    #[test]
    fn data_that_is_back_is_told_as_that_and_not_as_a_bound_that_was_broken() {
        let (well, lost) = (
            Standing::Running(well()),
            running(|snapshot| {
                snapshot.objectives[0] = view(0, Err(Unknown::NoSeries));
            }),
        );
        let violated = Standing::Running(cut(412e-6, 400, 1));
        let note = |before: &Standing, now: &Standing| {
            let old = first(before);
            let news = events(&old, &status(&old, now, at(101)), now);
            news.into_iter().find(|news| news.field.is_some()).map(|news| (news.reason, news.note))
        };
        let told = |reason, note: &str| Some((reason, note.to_owned()));
        let back = "command-jitter is measured again, and within its bound: <= 300us";
        assert_eq!(note(&lost, &well), told("ObjectiveMet", back));
        let broken = "command-jitter is measured again, and beyond its bound: <= 300us";
        assert_eq!(note(&lost, &violated), told("ObjectiveViolated", broken));
        let over = "command-jitter is within its bound again: <= 300us";
        assert_eq!(note(&violated, &well), told("ObjectiveMet", over));
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
        assert_eq!(late, [vec!["InForce"], vec!["NoData"], vec![]]);
    }

    #[test]
    fn news_of_an_objective_name_its_field_and_hold_no_measured_value() {
        let (old, standing) = (FlowPolicyStatus::default(), Standing::Running(cut(412e-6, 400, 1)));
        let news = events(&old, &status(&old, &standing, at(1)), &standing);
        assert_eq!(news[0].field.as_deref(), Some("spec.objectives{command-jitter}"));
        assert_eq!(news[0].note, "command-jitter is beyond its bound: <= 300us");
        assert_eq!(news[0].type_, EventType::Normal);
    }

    #[test]
    fn a_note_is_cut_to_what_the_api_takes_between_two_characters() {
        let news = News::of(RESUMED, "ü".repeat(1000) + "x").unwrap();
        assert_eq!(news.event().note.unwrap().len(), MAX_NOTE);
        let odd = News::of(RESUMED, "x".to_owned() + &"ü".repeat(1000)).unwrap();
        assert_eq!(odd.event().note.unwrap().len(), MAX_NOTE - 1);
    }
}
