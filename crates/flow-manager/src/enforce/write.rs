use super::backend::Backend;
use super::record::{self, Record, Values, annotation};
use super::request::Write;
use crate::cluster::CachedPod;
use flow_control::Bandwidth;
use flow_policy::names::{APPLIED_EGRESS_BANDWIDTH, ORIGINAL_EGRESS_BANDWIDTH};
use serde_json::{Map, Value, json};

/// What there is to do for a pod.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Todo {
    /// Nothing: no limit is wanted, and the pod is not ours.
    Nothing,
    /// Nothing: it has this limit.
    Has(Bandwidth),
    /// A write.
    Write(Write),
    /// Nothing, since somebody else has set a value after us: we do not fight.
    LeaveTo(Foreign),
}

/// How much of a value that somebody else has set is shown.
const MOST_SHOWN: usize = 32;

/// What somebody else has set on a pod that is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Foreign {
    /// The annotation.
    pub(super) key: String,
    /// Its value; `None` if they removed it.
    pub(super) value: Option<String>,
    /// The limit that the pod has by it, if it has one.
    pub(super) limit: Option<Bandwidth>,
}

impl Foreign {
    /// Whether the pod is held to the limit that a policy claims, or lower.
    pub(super) fn holds(&self, claim: Option<&Bandwidth>) -> bool {
        matches!((self.limit, claim), (Some(limit), Some(claim)) if limit <= *claim)
    }

    /// What they have done.
    pub(super) fn deed(&self) -> String {
        let shown = |value: &str| value.chars().take(MOST_SHOWN).collect::<String>();
        match &self.value {
            Some(value) => format!("set {} to {:?}", self.key, shown(value)),
            None => format!("removed {}", self.key),
        }
    }
}

/// What there is to do for `pod` to be limited to `wanted`, or not at all, by `backend`. What was there before us is an
/// upper bound.
pub(super) fn todo(pod: &CachedPod, wanted: Option<Bandwidth>, backend: Backend) -> Todo {
    let Some(wanted) = wanted else { return give_back(pod).map_or(Todo::Nothing, Todo::Write) };
    match Record::of(pod) {
        None => {
            let record = Record { original: present(pod, backend), applied: Values::default() };
            let limit = within(pod, &record, wanted, backend);
            Todo::Write(Write::TakeOver(applied(pod, &record.with(limit, backend))))
        }
        // Limited through another back-end, before a restart: what that followed is given back first.
        Some(record) if !record.is_of(backend) => Todo::Write(restore(pod, &record)),
        Some(record) => match record.changed(pod) {
            Some(key) => Todo::LeaveTo(foreign(pod, key, backend)),
            None => keep(pod, &record, wanted, backend),
        },
    }
}

/// The write that makes `pod` as it was before us, whatever limited it; `None` if it is not ours.
pub(super) fn give_back(pod: &CachedPod) -> Option<Write> {
    Record::of(pod).map(|record| restore(pod, &record))
}

/// What is there now of what `backend` follows. Where somebody has removed our record, the value that we set ourselves
/// is not the original.
fn present(pod: &CachedPod, backend: Backend) -> Values {
    let ours = record::applied(pod);
    let original =
        |key: &str| annotation(pod, key).filter(|present| record::value(&ours, key) != Some(*present));
    backend.keys().iter().map(|key| ((*key).to_owned(), original(key).map(str::to_owned))).collect()
}

pub(super) fn foreign(pod: &CachedPod, key: &str, backend: Backend) -> Foreign {
    let value = annotation(pod, key).map(str::to_owned);
    Foreign { key: key.to_owned(), value, limit: backend.read(|key| annotation(pod, key)) }
}

/// The limit that a write gives a pod; `None` where it gives back what was there before.
pub(super) fn limit_of(write: &Write) -> Option<Bandwidth> {
    let (Write::TakeOver(body) | Write::Change(body)) = write else { return None };
    let applied = body.pointer("/metadata/annotations")?.get(APPLIED_EGRESS_BANDWIDTH)?.as_str()?;
    record::limit(&record::values(applied))
}

fn keep(pod: &CachedPod, record: &Record, wanted: Bandwidth, backend: Backend) -> Todo {
    let limit = within(pod, record, wanted, backend);
    let next = record.with(limit, backend);
    if next == *record {
        Todo::Has(backend.nearest(limit))
    } else if record.is_shared() {
        Todo::Write(Write::TakeOver(applied(pod, &next)))
    } else {
        Todo::Write(Write::Change(applied(pod, &next)))
    }
}

fn within(pod: &CachedPod, record: &Record, wanted: Bandwidth, backend: Backend) -> Bandwidth {
    record.bound(pod, backend).map_or(wanted, |bound| bound.min(wanted))
}

/// Everything that we own of a pod, as server-side apply wants it. The UID keeps it off another pod of this name, and the
/// version off a pod that is not as we believe: a cut of a limit of old may be a raise by now.
fn applied(pod: &CachedPod, record: &Record) -> Value {
    let mut annotations: Map<_, _> =
        record.applied.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    annotations.insert(ORIGINAL_EGRESS_BANDWIDTH.to_owned(), json!(record::text(&record.original)));
    annotations.insert(APPLIED_EGRESS_BANDWIDTH.to_owned(), json!(record::text(&record.applied)));
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod.id().name,
            "namespace": *pod.id().namespace,
            "uid": pod.id().uid,
            "resourceVersion": pod.resource_version(),
            "annotations": annotations,
        },
    })
}

/// One write that gives back the original and removes every trace of us. A value that somebody else has set
/// meanwhile is theirs and stays.
fn restore(pod: &CachedPod, record: &Record) -> Write {
    let ours = record.original.iter().filter(|(key, _)| record.is_ours(pod, key));
    let mut annotations: Map<_, _> = ours.map(|(key, original)| (key.clone(), json!(original))).collect();
    annotations.insert(ORIGINAL_EGRESS_BANDWIDTH.to_owned(), Value::Null);
    annotations.insert(APPLIED_EGRESS_BANDWIDTH.to_owned(), Value::Null);
    let (uid, version) = (&pod.id().uid, pod.resource_version());
    Write::Restore(json!({"metadata": {"uid": uid, "resourceVersion": version, "annotations": annotations}}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_policy::names::{
        CALICO_EGRESS_BANDWIDTH, CALICO_EGRESS_BURST, EGRESS_BANDWIDTH, KUBE_OVN_EGRESS_RATE,
    };
    use k8s_openapi::api::core::v1::Pod;
    use kube::ResourceExt;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn todo(pod: &Pod, wanted: Option<Bandwidth>) -> Todo {
        todo_by(pod, wanted, Backend::Shaper)
    }

    fn todo_by(pod: &Pod, wanted: Option<Bandwidth>, backend: Backend) -> Todo {
        super::todo(&pod.into(), wanted, backend)
    }

    fn annotation<'a>(pod: &'a Pod, key: &str) -> Option<&'a str> {
        pod.annotations().get(key).map(String::as_str)
    }

    fn pod(annotations: &[(&str, &str)]) -> Pod {
        let annotations: BTreeMap<_, _> = annotations.iter().copied().collect();
        let metadata = json!({
            "name": "upload", "namespace": "factory", "uid": "u1", "resourceVersion": "7", "annotations": annotations,
        });
        serde_json::from_value(json!({"metadata": metadata})).unwrap()
    }

    fn ours(present: &str, original: &str) -> Pod {
        pod(&[
            (EGRESS_BANDWIDTH, present),
            (ORIGINAL_EGRESS_BANDWIDTH, original),
            (APPLIED_EGRESS_BANDWIDTH, "64M"),
        ])
    }

    /// `pod` after its API server has accepted `write`.
    fn after(pod: &Pod, write: &Write) -> Pod {
        let (Write::TakeOver(body) | Write::Change(body) | Write::Restore(body)) = write;
        let mut pod = pod.clone();
        let annotations = pod.metadata.annotations.get_or_insert_default();
        for (name, value) in body["metadata"]["annotations"].as_object().unwrap() {
            match value.as_str() {
                Some(value) => annotations.insert(name.clone(), value.to_owned()),
                None => annotations.remove(name),
            };
        }
        pod
    }

    const LIMIT: Option<Bandwidth> = Some(Bandwidth::from_mbps(64));

    #[test]
    fn a_value_that_is_still_that_of_before_is_taken_from_who_has_set_it() {
        let bounded =
            [EGRESS_BANDWIDTH, ORIGINAL_EGRESS_BANDWIDTH, APPLIED_EGRESS_BANDWIDTH].map(|key| (key, "50M"));
        let Todo::Write(write @ Write::TakeOver(_)) = todo(&pod(&bounded), Some(Bandwidth::from_mbps(20)))
        else {
            panic!("no take-over")
        };
        let after = after(&pod(&bounded), &write);
        assert_eq!(annotation(&after, EGRESS_BANDWIDTH), Some("20M"));
        assert_eq!(annotation(&after, ORIGINAL_EGRESS_BANDWIDTH), Some("50M"));
    }

    #[test]
    fn the_first_limit_records_what_was_there_and_insists_that_it_still_is() {
        for (before, original) in [(pod(&[]), ""), (pod(&[(EGRESS_BANDWIDTH, "1G")]), "1G")] {
            let Todo::Write(Write::TakeOver(body)) = todo(&before, LIMIT) else { panic!("no take-over") };
            let metadata = &body["metadata"];
            assert_eq!(
                (metadata["uid"].as_str(), metadata["resourceVersion"].as_str()),
                (Some("u1"), Some("7"))
            );
            assert_eq!(metadata["annotations"][ORIGINAL_EGRESS_BANDWIDTH], original);
            assert_eq!(metadata["annotations"][EGRESS_BANDWIDTH], "64M");
        }
    }

    #[test]
    fn another_limit_keeps_the_original() {
        let Todo::Write(Write::Change(body)) = todo(&ours("64M", "1G"), Some(Bandwidth::from_mbps(50)))
        else {
            panic!("no change")
        };
        assert_eq!(body["metadata"]["annotations"][ORIGINAL_EGRESS_BANDWIDTH], "1G");
        assert_eq!(body["metadata"]["annotations"][APPLIED_EGRESS_BANDWIDTH], "50M");
    }

    #[test]
    fn every_write_insists_on_the_pod_that_it_was_made_for() {
        let (limited, lower) = (ours("64M", "1G"), Some(Bandwidth::from_mbps(50)));
        for todo in [todo(&pod(&[]), LIMIT), todo(&limited, lower), todo(&limited, None)] {
            let Todo::Write(Write::TakeOver(body) | Write::Change(body) | Write::Restore(body)) = todo else {
                panic!("{todo:?}")
            };
            assert_eq!(body["metadata"]["resourceVersion"], "7");
        }
    }

    #[test]
    fn a_pod_that_has_its_limit_is_left_alone() {
        assert_eq!(todo(&ours("64M", ""), LIMIT), Todo::Has(Bandwidth::from_mbps(64)));
        assert_eq!(todo(&pod(&[(EGRESS_BANDWIDTH, "1G")]), None), Todo::Nothing);
    }

    #[test]
    fn what_was_there_before_is_an_upper_bound() {
        for (original, set) in [("20M", "20M"), ("64M", "64M"), ("1G", "64M"), ("fast", "64M"), ("0", "64M")]
        {
            let before = pod(&[(EGRESS_BANDWIDTH, original)]);
            let Todo::Write(take_over) = todo(&before, LIMIT) else { panic!("no take-over") };
            let now = after(&before, &take_over);
            assert_eq!(annotation(&now, EGRESS_BANDWIDTH), Some(set), "{original}");
            assert_eq!(todo(&now, LIMIT), Todo::Has(set.parse().unwrap()), "{original}");
            let Todo::Write(restore) = todo(&now, None) else { panic!("no restoration") };
            assert_eq!(after(&now, &restore), before, "{original}");
        }
    }

    #[test]
    fn a_value_that_somebody_else_set_is_not_fought() {
        let limit = Some(Bandwidth::from_mbps(5));
        let set = Foreign { key: EGRESS_BANDWIDTH.to_owned(), value: Some("5M".to_owned()), limit };
        assert_eq!(todo(&ours("5M", ""), LIMIT), Todo::LeaveTo(set.clone()));
        let removed = pod(&[(ORIGINAL_EGRESS_BANDWIDTH, ""), (APPLIED_EGRESS_BANDWIDTH, "64M")]);
        assert_eq!(todo(&removed, LIMIT), Todo::LeaveTo(Foreign { value: None, limit: None, ..set }));
    }

    #[test]
    fn a_value_that_somebody_else_set_survives_the_restoration() {
        let Todo::Write(write) = todo(&ours("5M", "1G"), None) else { panic!("no write") };
        assert_eq!(after(&ours("5M", "1G"), &write), pod(&[(EGRESS_BANDWIDTH, "5M")]));
    }

    #[test]
    fn of_two_annotations_only_the_one_that_is_still_ours_is_given_back() {
        let before = pod(&[(CALICO_EGRESS_BURST, "9M")]);
        let Todo::Write(write) = todo_by(&before, LIMIT, Backend::Calico) else { panic!("no take-over") };
        let mut now = after(&before, &write);
        now.annotations_mut().insert(CALICO_EGRESS_BANDWIDTH.to_owned(), "5M".to_owned());
        let Todo::LeaveTo(foreign) = todo_by(&now, LIMIT, Backend::Calico) else { panic!("fought") };
        assert_eq!(
            (foreign.key.as_str(), foreign.limit),
            (CALICO_EGRESS_BANDWIDTH, Some(Bandwidth::from_mbps(5)))
        );
        let restored = after(&now, &give_back(&CachedPod::from(&now)).unwrap());
        assert_eq!(restored, pod(&[(CALICO_EGRESS_BURST, "9M"), (CALICO_EGRESS_BANDWIDTH, "5M")]));
    }

    #[test]
    fn another_back_end_gives_back_what_the_first_one_followed_before_it_limits() {
        let before = pod(&[(EGRESS_BANDWIDTH, "1G")]);
        let Todo::Write(write) = todo_by(&before, LIMIT, Backend::Shaper) else { panic!("no take-over") };
        let limited = after(&before, &write);
        let Todo::Write(Write::Restore(body)) = todo_by(&limited, LIMIT, Backend::KubeOvn) else {
            panic!("not given back")
        };
        let restored = after(&limited, &Write::Restore(body));
        assert_eq!(restored, before);
        let Todo::Write(write) = todo_by(&restored, LIMIT, Backend::KubeOvn) else { panic!("no take-over") };
        let now = after(&restored, &write);
        assert_eq!(annotation(&now, KUBE_OVN_EGRESS_RATE), Some("64"));
        assert_eq!(annotation(&now, EGRESS_BANDWIDTH), Some("1G"));
        assert_eq!(
            annotation(&now, ORIGINAL_EGRESS_BANDWIDTH),
            Some(r#"{"ovn.kubernetes.io/egress_rate":null}"#)
        );
    }

    /// Something that a person may have written before us, in whatever syntax.
    fn originals() -> impl Strategy<Value = Option<String>> {
        prop::option::of("[1-9][0-9]{0,3}[kMG]?|fast|0")
    }

    proptest! {
        #[test]
        fn any_sequence_of_limits_and_back_ends_ends_with_exactly_what_was_there_before(
            values in prop::collection::vec(originals(), 4),
            steps in prop::collection::vec(
                (prop::option::of(1u64..1000), prop::sample::select(&Backend::ALL[..])), 0..20),
        ) {
            let keys = flow_policy::names::LIMITING.into_iter().zip(&values);
            let before: Vec<_> = keys.filter_map(|(key, value)| Some((key, value.as_deref()?))).collect();
            let before = pod(&before);
            let mut now = before.clone();
            for (wanted, backend) in steps.into_iter().chain([(None, Backend::Shaper)]) {
                let wanted = wanted.map(Bandwidth::from_mbps);
                let mut writes = 0;
                while let Todo::Write(write) = todo_by(&now, wanted, backend) {
                    now = after(&now, &write);
                    writes += 1;
                    prop_assert!(writes <= 2, "one write settles it, or two where the back-end is another");
                }
                let settled = match (todo_by(&now, wanted, backend), wanted) {
                    (Todo::Nothing, None) => true,
                    (Todo::Has(limit), Some(wanted)) => limit <= wanted,
                    _ => false,
                };
                prop_assert!(settled);
                let read = |pod: &Pod| backend.read(|key| annotation(pod, key));
                if let (Some(before), Some(now)) = (read(&before), read(&now)) {
                    prop_assert!(now <= before.max(backend.nearest(Bandwidth::ZERO)), "it was lower before");
                }
            }
            prop_assert_eq!(now, before);
        }
    }
}
