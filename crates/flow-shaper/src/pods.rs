//! The pods of this node, as far as the agent needs them.

use std::collections::HashMap;
use std::mem;

use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::Event;

use crate::annotation::EGRESS_BANDWIDTH;

/// Where a pod stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It may have processes or not.
    Starting,
    /// It has processes.
    Running,
    /// It has none, and will not have any.
    Over,
}

/// All that is kept of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenPod {
    pub(crate) uid: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) annotation: Option<String>,
    pub(crate) host_network: bool,
    pub(crate) life: Life,
}

impl SeenPod {
    /// `None` for a pod without a UID, which no API server sends.
    fn of(pod: Pod) -> Option<Self> {
        let phase = pod.status.and_then(|status| status.phase);
        Some(Self {
            uid: pod.metadata.uid.filter(|uid| !uid.is_empty())?,
            namespace: pod.metadata.namespace.unwrap_or_default(),
            name: pod.metadata.name.unwrap_or_default(),
            annotation: pod.metadata.annotations.and_then(|mut all| all.remove(EGRESS_BANDWIDTH)),
            host_network: pod.spec.and_then(|spec| spec.host_network).unwrap_or(false),
            life: match phase.as_deref() {
                Some("Running") => Life::Running,
                Some("Succeeded" | "Failed") => Life::Over,
                _ => Life::Starting,
            },
        })
    }
}

/// What an event changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// New pods, and pods of which something kept here has changed.
    pub(crate) changed: Vec<SeenPod>,
    /// UIDs of pods that are gone or over.
    pub(crate) gone: Vec<String>,
}

/// The pods of this node by UID, kept from the events of a watch.
#[derive(Debug, Default)]
pub(crate) struct Pods {
    known: HashMap<String, SeenPod>,
    listing: HashMap<String, SeenPod>,
    listed: bool,
}

impl Pods {
    /// Whether all pods have been listed at least once.
    pub(crate) fn are_listed(&self) -> bool {
        self.listed
    }

    pub(crate) fn apply(&mut self, event: Event<Pod>, changes: &mut Changes) {
        match event {
            Event::Init => self.listing.clear(),
            Event::InitApply(pod) => {
                let pods = SeenPod::of(pod).map(|pod| (pod.uid.clone(), pod));
                self.listing.extend(pods);
            }
            Event::InitDone => self.replace(changes),
            Event::Apply(pod) => {
                if let Some(pod) = SeenPod::of(pod) {
                    self.update(pod, changes);
                }
            }
            Event::Delete(pod) => self.forget(&pod.metadata.uid.unwrap_or_default(), changes),
        }
    }

    fn replace(&mut self, changes: &mut Changes) {
        self.listed = true;
        let listing = mem::take(&mut self.listing);
        let missing: Vec<_> = self.known.keys().filter(|uid| !listing.contains_key(*uid)).cloned().collect();
        for uid in missing {
            self.forget(&uid, changes);
        }
        for pod in listing.into_values() {
            self.update(pod, changes);
        }
    }

    fn update(&mut self, pod: SeenPod, changes: &mut Changes) {
        if pod.life == Life::Over {
            self.forget(&pod.uid, changes);
        } else if self.known.get(&pod.uid) != Some(&pod) {
            self.known.insert(pod.uid.clone(), pod.clone());
            changes.changed.push(pod);
        }
    }

    fn forget(&mut self, uid: &str, changes: &mut Changes) {
        if let Some(pod) = self.known.remove(uid) {
            changes.changed.retain(|changed| changed.uid != pod.uid);
            changes.gone.push(pod.uid);
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{PodSpec, PodStatus};
    use kube::api::ObjectMeta;

    use super::*;

    fn pod(uid: &str, phase: &str, annotation: Option<&str>) -> Pod {
        Pod {
            metadata: ObjectMeta {
                uid: Some(uid.into()),
                name: Some(format!("name-{uid}")),
                namespace: Some("factory".into()),
                annotations: annotation.map(|text| [(EGRESS_BANDWIDTH.into(), text.into())].into()),
                ..ObjectMeta::default()
            },
            spec: Some(PodSpec::default()),
            status: Some(PodStatus { phase: Some(phase.into()), ..PodStatus::default() }),
        }
    }

    fn apply(pods: &mut Pods, events: impl IntoIterator<Item = Event<Pod>>) -> (Vec<String>, Vec<String>) {
        let mut changes = Changes::default();
        for event in events {
            pods.apply(event, &mut changes);
        }
        let mut uids: Vec<_> = changes.changed.into_iter().map(|pod| pod.uid).collect();
        uids.sort();
        (uids, changes.gone)
    }

    fn list<const N: usize>(pods: [Pod; N]) -> Vec<Event<Pod>> {
        let mut events = vec![Event::Init];
        events.extend(pods.into_iter().map(Event::InitApply));
        events.push(Event::InitDone);
        events
    }

    fn uids(uids: &[&str]) -> Vec<String> {
        uids.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_list_counts_when_it_is_whole() {
        let mut pods = Pods::default();
        let mut events = list([pod("a", "Running", Some("1M")), pod("b", "Pending", None)]);
        let done = events.pop();
        assert_eq!(apply(&mut pods, events), (vec![], vec![]));
        assert!(!pods.are_listed());
        assert_eq!(apply(&mut pods, done), (uids(&["a", "b"]), vec![]));
        assert!(pods.are_listed());
    }

    #[test]
    fn a_second_list_tells_what_is_gone_and_what_has_changed() {
        let mut pods = Pods::default();
        apply(
            &mut pods,
            list([pod("a", "Running", None), pod("b", "Running", None), pod("c", "Running", None)]),
        );
        let second = list([pod("b", "Running", Some("1M")), pod("c", "Running", None)]);
        assert_eq!(apply(&mut pods, second), (uids(&["b"]), uids(&["a"])));
    }

    #[test]
    fn an_event_that_changes_nothing_kept_is_no_change() {
        let mut pods = Pods::default();
        apply(&mut pods, list([pod("a", "Running", Some("1M"))]));
        let mut touched = pod("a", "Running", Some("1M"));
        touched.metadata.resource_version = Some("7".into());
        assert_eq!(apply(&mut pods, [Event::Apply(touched)]), (vec![], vec![]));
        let changed = pod("a", "Running", Some("2M"));
        assert_eq!(apply(&mut pods, [Event::Apply(changed)]), (uids(&["a"]), vec![]));
    }

    #[test]
    fn a_pod_that_ends_is_gone_also_when_it_changed_in_the_same_moment() {
        let mut pods = Pods::default();
        apply(&mut pods, list([pod("a", "Running", None), pod("b", "Running", None)]));
        let events = [
            Event::Apply(pod("a", "Running", Some("1M"))),
            Event::Apply(pod("a", "Succeeded", Some("1M"))),
            Event::Delete(pod("b", "Running", None)),
            Event::Delete(pod("unknown", "Running", None)),
        ];
        assert_eq!(apply(&mut pods, events), (vec![], uids(&["a", "b"])));
    }
}
