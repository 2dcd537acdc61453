use crate::cluster::PodId;
use flow_policy::condition::{ConditionType, Entry};
use flow_policy::event::{Happening, Telling};
use k8s_openapi::api::core::v1::ObjectReference;
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
    pub(super) fn of(happening: Happening, note: impl Into<String>) -> Option<Self> {
        let (reason, action) = (happening.reason(), happening.action());
        let (type_, note) = (type_(happening.telling())?, note.into());
        Some(Self { type_, reason, action, note, field: None, pod: None })
    }

    /// That a condition has come to stand so.
    pub(super) fn of_condition(entry: Entry, note: &str) -> Option<Self> {
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

pub(super) const fn type_(telling: Telling) -> Option<EventType> {
    match telling {
        Telling::Silent => None,
        Telling::Normal => Some(EventType::Normal),
        Telling::Warning => Some(EventType::Warning),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_policy::event::RESUMED;

    #[test]
    fn a_note_is_cut_to_what_the_api_takes_between_two_characters() {
        let news = News::of(RESUMED, "ü".repeat(1000) + "x").unwrap();
        assert_eq!(news.event().note.unwrap().len(), MAX_NOTE);
        let odd = News::of(RESUMED, "x".to_owned() + &"ü".repeat(1000)).unwrap();
        assert_eq!(odd.event().note.unwrap().len(), MAX_NOTE - 1);
    }
}
