use crate::page::Recent;
use crate::policies::PolicyView;
use flow_control::Action;
use flow_manager::report::action_word;
use flow_page::Mark;
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
/// How many of the newest changes of limits are told besides, raises in a row as one.
const CHANGES: usize = 8;

/// What has happened to a policy, the newest last: what Events tell, and the last decision.
pub(super) fn history(policy: &PolicyView, events: &[Event]) -> Vec<Happened> {
    let decision = policy.status().last_decision.map(|decision| Happened {
        at: decision.time.0,
        reason: format!("{}, {}", decision.action, decision.reason),
        message: decision.message,
        repeated: None,
    });
    let uid = policy.stored.metadata.uid.as_ref();
    let of_it = events.iter().filter(|event| uid.is_none() || event.involved_object.uid.as_ref() == uid);
    let mut all: Vec<_> = of_it.filter_map(happened).chain(decision).collect();
    all.sort_by_key(|happened| happened.at);
    all.split_off(all.len().saturating_sub(MOST))
}

/// What is `told`, and by how much limits have changed lately, as the operator's page has it.
pub(super) fn with_changes(told: &[Happened], recent: Option<Recent>) -> Vec<Happened> {
    let mut newest = in_a_row(recent.map(Recent::changes).unwrap_or_default());
    let newest = newest.split_off(newest.len().saturating_sub(CHANGES));
    let is_new = |one: &&Happened| {
        newest.iter().all(|change| (&change.reason, &change.message) != (&one.reason, &one.message))
    };
    let mut all: Vec<_> = told.iter().filter(is_new).chain(&newest).cloned().collect();
    all.sort_by_key(|happened| happened.at);
    all
}

/// Changes of limits, oldest first. Raises for one reason that follow each other are one, which the newest speaks for.
fn in_a_row(changes: &[Mark]) -> Vec<Happened> {
    let is_raise = |change: &Mark| change.decision == action_word(Action::Increase);
    let rows = changes.chunk_by(|one, next| {
        is_raise(one) && (&one.decision, &one.reason) == (&next.decision, &next.reason)
    });
    rows.filter_map(row).collect()
}

fn row(changes: &[Mark]) -> Option<Happened> {
    let [first, .., last] = changes else { return changed(changes.first()?) };
    let times = i32::try_from(changes.len()).unwrap_or(i32::MAX);
    let repeated = Repeated { times, first: Timestamp::from_millisecond(first.at).ok() };
    Some(Happened { repeated: Some(repeated), ..changed(last)? })
}

fn changed(change: &Mark) -> Option<Happened> {
    let Mark { decision, reason, message, at } = change;
    let at = Timestamp::from_millisecond(*at).ok()?;
    Some(Happened { at, reason: format!("{decision}, {reason}"), message: message.clone(), repeated: None })
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
        let times: Vec<_> = all.iter().map(|one| one.at).collect();
        assert_eq!(times, [80, 81, 82, 83, 84, 85, 86, 88].map(at), "the newest, and none twice");
        assert_eq!(with_changes(&told, None), told);
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
        let all = with_changes(&[], Recent::of(Some(&page), &violated()));
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
