use super::recount::recounts;
use crate::page::Recent;
use crate::policies::PolicyView;
use crate::terminal::number;
use flow_control::Action;
use flow_manager::report::action_word;
use flow_page::{Mark, TargetHistory};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use serde::Serialize;

/// Something that has happened to a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Happened {
    /// When it happened last.
    pub(super) at: Timestamp,
    /// What, as one word.
    pub(super) reason: String,
    /// What, as a sentence.
    pub(super) message: String,
    /// Where it happened more than once.
    #[serde(flatten)]
    pub(super) repeated: Option<Repeated>,
    /// What the operator was doing, where an Event tells of it.
    #[serde(skip)]
    pub(super) action: Option<String>,
}

/// What has happened, as far as it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct History {
    /// The changes of limits that are left out.
    pub(super) earlier: Option<Earlier>,
    /// The rest, the newest last.
    pub(super) told: Vec<Happened>,
}

/// Changes of limits that are not told one by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Earlier {
    /// When the first of them was made.
    pub(super) since: Timestamp,
    /// How often limits were cut.
    pub(super) cuts: usize,
    /// How often they were raised.
    pub(super) raises: usize,
    /// How often something else was done.
    pub(super) others: usize,
}

/// That something has happened more than once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Repeated {
    /// How often.
    pub(super) times: i32,
    /// When it happened first.
    #[serde(rename = "since", skip_serializing_if = "Option::is_none")]
    pub(super) first: Option<Timestamp>,
}

/// How many of the newest are told.
const MOST: usize = 10;
/// An Event that is no further from a change than this may be of the same cause, in milliseconds.
const TOGETHER: u64 = 5_000;
/// How many of the newest changes of limits are told besides, raises in a row as one.
const CHANGES: usize = 8;

/// What has happened to a policy, the newest last: what Events tell, and the last decision.
pub(super) fn history(policy: &PolicyView, events: &[Event]) -> Vec<Happened> {
    let decision = policy.status().last_decision.map(|decision| Happened {
        at: decision.time.0,
        reason: format!("{}, {}", decision.action, decision.reason),
        message: decision.message,
        repeated: None,
        action: None,
    });
    let uid = policy.stored.metadata.uid.as_ref();
    let of_it = events.iter().filter(|event| uid.is_none() || event.involved_object.uid.as_ref() == uid);
    let mut all: Vec<_> = of_it.filter_map(happened).chain(decision).collect();
    all.sort_by_key(|happened| happened.at);
    all.split_off(all.len().saturating_sub(MOST))
}

/// What is `told`, and what the operator's page adds: by how much limits have changed lately, and that pods came or went.
/// What an Event and a change tell of one cause is told once.
pub(super) fn with_changes(told: &[Happened], recent: Option<Recent>) -> History {
    let changes = recent.map(Recent::changes).unwrap_or_default();
    let is_new = |one: &&Happened| !changes.iter().any(|change| is_told(change, one));
    let pods = recent.map(Recent::targets).unwrap_or_default().iter().flat_map(of_pods);
    let mut all: Vec<_> = told.iter().filter(is_new).cloned().chain(pods).collect();
    let mut rows = in_a_row(changes, &all);
    let newest = rows.split_off(rows.len().saturating_sub(CHANGES));
    let mut before = rows.last().and_then(|row| row.last());
    for changes in newest {
        all.extend(row(changes, before));
        before = changes.last();
    }
    all.sort_by_key(|happened| happened.at);
    History { earlier: earlier(&rows), told: all }
}

/// Whether a change is what is told, or says what an Event says of the same time, and more: that limits fall, or why.
fn is_told(change: &Mark, event: &Happened) -> bool {
    let Mark { decision, reason, message, .. } = change;
    if *message == event.message && event.reason == format!("{decision}, {reason}") {
        return true;
    }
    let name = event.message.split(' ').next().unwrap_or_default();
    let is_cause = match event.action.as_deref() {
        Some("Decrease") => true,
        Some("Measure") => event.repeated.is_none() && message.contains(&format!("{name} is ")),
        _ => false,
    };
    let apart = change.at.abs_diff(event.at.as_millisecond());
    is_cause && is_cut(change) && *reason == event.reason && apart <= TOGETHER
}

/// That other pods run than before.
fn of_pods(target: &TargetHistory) -> impl Iterator<Item = Happened> {
    recounts(&target.counts).into_iter().filter_map(|change| {
        let pods = number(change.pods, "running pod", "running pods");
        Some(Happened {
            at: Timestamp::from_millisecond(change.at).ok()?,
            reason: "Pods".to_owned(),
            message: format!("{} has {pods}, before {}", target.name, change.before),
            repeated: None,
            action: None,
        })
    })
}

fn is_cut(change: &Mark) -> bool {
    change.decision == action_word(Action::Decrease)
}

fn is_raise(change: &Mark) -> bool {
    change.decision == action_word(Action::Increase)
}

/// Changes of limits, oldest first. Raises for one reason that follow each other, with nothing of `others` between them, are
/// one, which the newest speaks for.
fn in_a_row<'a>(changes: &'a [Mark], others: &[Happened]) -> Vec<&'a [Mark]> {
    let is_one = |one: &Mark, next: &Mark| {
        let is_between = |other: &Happened| (one.at..next.at).contains(&other.at.as_millisecond());
        is_raise(one)
            && (&one.decision, &one.reason) == (&next.decision, &next.reason)
            && !others.iter().any(is_between)
    };
    changes.chunk_by(is_one).collect()
}

fn earlier(rows: &[&[Mark]]) -> Option<Earlier> {
    let all = || rows.iter().copied().flatten();
    let since = Timestamp::from_millisecond(all().next()?.at).ok()?;
    let count = |is: fn(&Mark) -> bool| all().filter(|change| is(change)).count();
    let (cuts, raises) = (count(is_cut), count(is_raise));
    Some(Earlier { since, cuts, raises, others: all().count() - cuts - raises })
}

/// Changes that are one, and from what limit they led, as far as the one `before` tells.
fn row(changes: &[Mark], before: Option<&Mark>) -> Option<Happened> {
    let [first, .., last] = changes else { return changed(changes.first()?) };
    let times = i32::try_from(changes.len()).unwrap_or(i32::MAX);
    let repeated = Repeated { times, first: Timestamp::from_millisecond(first.at).ok() };
    let told = changed(last)?;
    let message = before.and_then(|before| raised_from(before, &told.message)).unwrap_or(told.message);
    Some(Happened { message, repeated: Some(repeated), ..told })
}

/// What is said of a raise, with the limit that the change before it has led to. The operator says it so of a policy with
/// one target.
fn raised_from(before: &Mark, message: &str) -> Option<String> {
    let limit = ["cut", "raised", "set"].iter().find_map(|done| {
        before.message.rsplit_once(&format!(": limit {done} to ")).map(|(_, limit)| limit)
    })?;
    let (why, to) = message.rsplit_once(": limit raised to ")?;
    Some(format!("{why}: limit raised from {} to {to}", limit.split(' ').next()?))
}

fn changed(change: &Mark) -> Option<Happened> {
    let Mark { decision, reason, message, at } = change;
    let at = Timestamp::from_millisecond(*at).ok()?;
    Some(Happened {
        at,
        reason: format!("{decision}, {reason}"),
        message: message.clone(),
        repeated: None,
        action: None,
    })
}

/// An Event, by whichever of its times there is.
fn happened(event: &Event) -> Option<Happened> {
    let series = event.series.as_ref();
    let last = series.and_then(|series| series.last_observed_time.as_ref()).or(event.event_time.as_ref());
    let at = last.map(|time| time.0).or_else(|| event.last_timestamp.as_ref().map(|time| time.0))?;
    let times = series.and_then(|series| series.count).or(event.count).filter(|times| *times > 1);
    let first = event.event_time.as_ref().map(|time| time.0);
    let first = first.or_else(|| event.first_timestamp.as_ref().map(|time| time.0));
    Some(Happened {
        at,
        reason: event.reason.clone().unwrap_or_default(),
        message: event.message.clone().unwrap_or_default(),
        repeated: times.map(|times| Repeated { times, first }),
        action: event.action.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::fixture::{at, page, violated};
    use serde_json::json;

    fn event(value: serde_json::Value) -> Event {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_page_tells_by_how_much_limits_have_changed() {
        let mut page = page();
        let message = "command-jitter is 412us, bound <= 300us: limit cut to 64M";
        let change = |second: i64, message: &str| Mark {
            at: second * 1000,
            decision: "Decrease".to_owned(),
            reason: "ObjectiveViolated".to_owned(),
            message: message.to_owned(),
        };
        page.policies[0].decisions = (78..87).map(|at| change(at, "more")).collect();
        page.policies[0].decisions.push(change(88, message));
        let told = history(&violated(), &[]);
        assert_eq!(told.len(), 1);
        let all = with_changes(&told, Recent::of(Some(&page), &violated()));
        let times: Vec<_> = all.told.iter().map(|one| one.at).collect();
        assert_eq!(times, [80, 81, 82, 83, 84, 85, 86, 88].map(at), "the newest, and none twice");
        assert_eq!(all.earlier, Some(Earlier { since: at(78), cuts: 2, raises: 0, others: 0 }));
        assert_eq!(with_changes(&told, None), History { earlier: None, told });
    }

    #[test]
    fn changes_that_are_left_out_are_counted() {
        let mut page = page();
        let change = |(at, decision): (i64, &str)| Mark {
            at: at * 1000,
            decision: decision.to_owned(),
            reason: "R".to_owned(),
            message: format!("change {at}"),
        };
        let left_out = [(1, "Increase"), (2, "Increase"), (3, "Decrease"), (4, "Pin")];
        let shown = (11..19).map(|at| (at, "Decrease"));
        page.policies[0].decisions = left_out.into_iter().chain(shown).map(change).collect();
        let all = with_changes(&[], Recent::of(Some(&page), &violated()));
        assert_eq!(all.earlier, Some(Earlier { since: at(1), cuts: 1, raises: 2, others: 1 }));
        assert_eq!((all.told.len(), all.told[0].at), (8, at(11)));
    }

    #[test]
    fn what_a_change_and_an_event_tell_of_one_cause_is_told_once() {
        let happened = |second, action: &str, reason: &str, message: &str| Happened {
            at: at(second),
            reason: reason.to_owned(),
            message: message.to_owned(),
            repeated: None,
            action: Some(action.to_owned()),
        };
        let cut = |second: i64, reason: &str| Mark {
            at: second * 1000,
            decision: "Decrease".to_owned(),
            reason: reason.to_owned(),
            message: format!("command-jitter is 412us, bound <= 300us: limit cut to {second}M"),
        };
        let again = Some(Repeated { times: 2, first: Some(at(9)) });
        let beyond = "command-jitter is beyond its bound: <= 300us";
        let told = [
            happened(12, "Decrease", "QueueGrows", "limits are cut"),
            happened(22, "Measure", "ObjectiveViolated", beyond),
            happened(22, "Measure", "ObjectiveViolated", "loss is beyond its bound: <= 0.01"),
            Happened { repeated: again, ..happened(23, "Measure", "ObjectiveViolated", beyond) },
            happened(30, "Decrease", "QueueGrows", "limits are cut"),
            happened(31, "Measure", "ObjectiveMet", "command-jitter is within its bound again: <= 300us"),
        ];
        let mut page = page();
        page.policies[0].decisions = vec![cut(10, "QueueGrows"), cut(21, "ObjectiveViolated")];
        let all = with_changes(&told, Recent::of(Some(&page), &violated())).told;
        let times: Vec<_> = all.iter().map(|one| one.at).collect();
        assert_eq!(times, [10, 21, 22, 23, 30, 31].map(at));
        assert_eq!(all[2].message, "loss is beyond its bound: <= 0.01");
        assert_eq!(with_changes(&told, None).told, told);
    }

    #[test]
    fn pods_that_came_or_went_are_told() {
        let mut page = page();
        page.policies[0].targets[0].counts =
            [(50_000, 1), (70_000, 4)].map(|(at, pods)| flow_page::Count { at, pods }).into();
        let all = with_changes(&[], Recent::of(Some(&page), &violated())).told;
        let told: Vec<_> =
            all.iter().map(|one| (one.at, one.reason.as_str(), one.message.as_str())).collect();
        assert_eq!(told, [(at(70), "Pods", "Deployment/upload has 4 running pods, before 1")]);
    }

    #[test]
    fn raises_in_a_row_are_told_as_one() {
        let mut page = page();
        let change = |(at, decision, reason): (i64, &str, &str)| Mark {
            at: at * 1000,
            decision: decision.to_owned(),
            reason: reason.to_owned(),
            message: format!("change {at}"),
        };
        let raise = |at| (at, "Increase", "Headroom");
        let cut = |at| (at, "Decrease", "QueueGrows");
        let changes = [raise(1), cut(2), cut(3), raise(4), raise(5), raise(6), (7, "Increase", "Recovery")];
        page.policies[0].decisions = changes.map(change).into();
        let all = with_changes(&[], Recent::of(Some(&page), &violated())).told;
        let told: Vec<_> =
            all.iter().map(|one| (one.at, one.message.as_str(), one.repeated.clone())).collect();
        let repeated = Some(Repeated { times: 3, first: Some(at(4)) });
        let expected = [
            (at(1), "change 1", None),
            (at(2), "change 2", None),
            (at(3), "change 3", None),
            (at(6), "change 6", repeated),
            (at(7), "change 7", None),
        ];
        assert_eq!(told, expected);
        let document = serde_json::to_value(&all[3]).unwrap();
        assert_eq!((&document["times"], &document["since"]), (&json!(3), &json!("1970-01-01T00:00:04Z")));
    }

    #[test]
    fn raises_before_and_after_something_else_are_two_and_tell_where_each_began() {
        let mut page = page();
        let change = |(at, decision, reason, message): (i64, &str, &str, &str)| Mark {
            at: at * 1000,
            decision: decision.to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
        };
        let raise = |at, message| (at, "Increase", "Headroom", message);
        let changes = [
            (1, "Decrease", "QueueGrows", "a queue: limit cut to 20M a pod (4 pods: 80M)"),
            raise(2, "room: limit raised to 21M a pod (4 pods: 84M)"),
            raise(3, "room: limit raised to 24M a pod (4 pods: 96M)"),
            raise(60, "room: limit raised to 48M"),
            raise(61, "room: limit raised to 60M"),
        ];
        page.policies[0].decisions = changes.map(change).into();
        page.policies[0].targets[0].counts =
            [(0, 4), (50_000, 1)].map(|(at, pods)| flow_page::Count { at, pods }).into();
        let all = with_changes(&[], Recent::of(Some(&page), &violated())).told;
        let told: Vec<_> = all.iter().map(|one| (one.at, one.message.as_str())).collect();
        let expected = [
            (at(1), "a queue: limit cut to 20M a pod (4 pods: 80M)"),
            (at(3), "room: limit raised from 20M to 24M a pod (4 pods: 96M)"),
            (at(50), "Deployment/upload has 1 running pod, before 4"),
            (at(61), "room: limit raised from 24M to 60M"),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn events_and_the_last_decision_come_by_their_time() {
        let base = |name: &str, time: &str, uid: &str| {
            json!({
                "metadata": {"name": name}, "reason": name, "message": "m", "eventTime": time,
                "involvedObject": {"uid": uid},
            })
        };
        let mut counted = base("ObjectiveViolated", "1970-01-01T00:01:00.000000Z", "u1");
        counted["series"] = json!({"count": 3, "lastObservedTime": "1970-01-01T00:01:50.000000Z"});
        let other = base("Resumed", "1970-01-01T00:01:00.000000Z", "of another of this name");
        let history = history(&violated(), &[event(counted), event(other)]);
        let told: Vec<_> =
            history.iter().map(|one| (one.at, one.reason.as_str(), one.repeated.clone())).collect();
        let repeated = Some(Repeated { times: 3, first: Some(at(60)) });
        let expected =
            [(at(88), "Decrease, ObjectiveViolated", None), (at(110), "ObjectiveViolated", repeated)];
        assert_eq!(told, expected);
    }
}
