use flow_control::Bandwidth;
use flow_policy::names::{
    APPLIED_EGRESS_BANDWIDTH, EGRESS_BANDWIDTH, FIELD_MANAGER, ORIGINAL_EGRESS_BANDWIDTH,
};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

/// What has to be written to a pod so that it gets the limit that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Write {
    /// The first limit of a pod. What was there before is recorded; so nothing may have changed meanwhile.
    TakeOver(Value),
    /// Another limit for a pod that is ours.
    Change(Value),
    /// The pod as it was before.
    Restore(Value),
}

/// What there is to do for a pod.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Todo {
    /// Nothing.
    Nothing,
    /// A write.
    Write(Write),
    /// Nothing, since somebody else has set this value after us: we do not fight.
    LeaveTo {
        /// The value that they set; empty if they removed it.
        value: String,
    },
}

/// What there is to do for `pod` to be limited to `wanted`, or not at all.
pub(super) fn todo(pod: &Pod, wanted: Option<Bandwidth>) -> Todo {
    let annotation = |name| pod.annotations().get(name).map(String::as_str);
    let (present, applied) = (annotation(EGRESS_BANDWIDTH), annotation(APPLIED_EGRESS_BANDWIDTH));
    match (wanted.map(|limit| limit.to_string()), annotation(ORIGINAL_EGRESS_BANDWIDTH)) {
        (None, None) => Todo::Nothing,
        (None, Some(original)) => Todo::Write(restore(pod, original, present == applied)),
        (Some(limit), None) => {
            // Where somebody has removed our record, the value that we set ourselves is not the original.
            let original = present.filter(|_| present != applied).unwrap_or_default();
            Todo::Write(take_over(pod, &limit, original))
        }
        (Some(_), Some(_)) if present != applied => {
            Todo::LeaveTo { value: present.unwrap_or_default().to_owned() }
        }
        (Some(limit), Some(_)) if present == Some(&limit) => Todo::Nothing,
        (Some(limit), Some(original)) => Todo::Write(change(pod, &limit, original)),
    }
}

fn take_over(pod: &Pod, limit: &str, original: &str) -> Write {
    let mut body = applied(pod, limit, original);
    if let Some(metadata) = body.pointer_mut("/metadata").and_then(Value::as_object_mut) {
        metadata.insert("resourceVersion".to_owned(), json!(pod.resource_version()));
    }
    Write::TakeOver(body)
}

fn change(pod: &Pod, limit: &str, original: &str) -> Write {
    Write::Change(applied(pod, limit, original))
}

/// Everything that we own of a pod, as server-side apply wants it. The UID keeps it off another pod of this name.
fn applied(pod: &Pod, limit: &str, original: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod.metadata.name,
            "namespace": pod.metadata.namespace,
            "uid": pod.metadata.uid,
            "annotations": {
                EGRESS_BANDWIDTH: limit,
                ORIGINAL_EGRESS_BANDWIDTH: original,
                APPLIED_EGRESS_BANDWIDTH: limit,
            },
        },
    })
}

/// One write that gives back the original and removes every trace of us. A value that somebody else has set
/// meanwhile is theirs and stays.
fn restore(pod: &Pod, original: &str, value_is_ours: bool) -> Write {
    let mut annotations = json!({ORIGINAL_EGRESS_BANDWIDTH: null, APPLIED_EGRESS_BANDWIDTH: null});
    if let (true, Some(annotations)) = (value_is_ours, annotations.as_object_mut()) {
        let original = if original.is_empty() { Value::Null } else { json!(original) };
        annotations.insert(EGRESS_BANDWIDTH.to_owned(), original);
    }
    let (uid, version) = (&pod.metadata.uid, pod.resource_version());
    Write::Restore(json!({"metadata": {"uid": uid, "resourceVersion": version, "annotations": annotations}}))
}

impl Write {
    /// The request that makes this write.
    pub(super) fn request(&self) -> (PatchParams, Patch<&Value>) {
        match self {
            Self::TakeOver(body) => (PatchParams::apply(FIELD_MANAGER).force(), Patch::Apply(body)),
            // Without force: where another manager has taken the annotation, the API server says so.
            Self::Change(body) => (PatchParams::apply(FIELD_MANAGER), Patch::Apply(body)),
            Self::Restore(body) => {
                let manager = Some(FIELD_MANAGER.to_owned());
                (PatchParams { field_manager: manager, ..PatchParams::default() }, Patch::Merge(body))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

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
    fn a_pod_that_has_its_limit_is_left_alone() {
        assert_eq!(todo(&ours("64M", ""), LIMIT), Todo::Nothing);
        assert_eq!(todo(&pod(&[(EGRESS_BANDWIDTH, "1G")]), None), Todo::Nothing);
    }

    #[test]
    fn a_value_that_somebody_else_set_is_not_fought() {
        assert_eq!(todo(&ours("5M", ""), LIMIT), Todo::LeaveTo { value: "5M".to_owned() });
        let removed = pod(&[(ORIGINAL_EGRESS_BANDWIDTH, ""), (APPLIED_EGRESS_BANDWIDTH, "64M")]);
        assert_eq!(todo(&removed, LIMIT), Todo::LeaveTo { value: String::new() });
    }

    #[test]
    fn a_value_that_somebody_else_set_survives_the_restoration() {
        let Todo::Write(write) = todo(&ours("5M", "1G"), None) else { panic!("no write") };
        assert_eq!(after(&ours("5M", "1G"), &write), pod(&[(EGRESS_BANDWIDTH, "5M")]));
    }

    proptest! {
        #[test]
        fn any_sequence_of_limits_ends_with_exactly_what_was_there_before(
            original in prop::option::of("[1-9][0-9]{0,3}[kMG]"),
            limits in prop::collection::vec(prop::option::of(1u64..1000), 0..20),
        ) {
            let before = match &original {
                Some(original) => pod(&[(EGRESS_BANDWIDTH, original)]),
                None => pod(&[]),
            };
            let mut now = before.clone();
            for wanted in limits.into_iter().chain([None]) {
                let wanted = wanted.map(Bandwidth::from_mbps);
                if let Todo::Write(write) = todo(&now, wanted) {
                    now = after(&now, &write);
                }
                prop_assert_eq!(todo(&now, wanted), Todo::Nothing, "one write settles it");
            }
            prop_assert_eq!(now, before);
        }
    }
}
