use super::workload::Workload;
use crate::enforce::Write;
use flow_control::Bandwidth;
use flow_policy::names::{
    APPLIED_EGRESS_BANDWIDTH, EGRESS_BANDWIDTH, ORIGINAL_EGRESS_BANDWIDTH, ROLLED_OUT_AT,
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The first limit for the workload's pods.
pub(super) fn take_over(workload: &Workload, limit: Bandwidth, now: Timestamp) -> Write {
    // Where somebody has removed our record, the value that we set ourselves is not the original.
    let present = workload.template.limit.as_deref();
    let original = present.filter(|_| !workload.has_ours()).unwrap_or_default();
    Write::TakeOver(applied(workload, limit, original, now))
}

/// Another limit for the workload's pods, whose template had `original` before us.
pub(super) fn change(workload: &Workload, limit: Bandwidth, original: &str, now: Timestamp) -> Write {
    Write::Change(applied(workload, limit, original, now))
}

/// Everything that we own of a workload, as server-side apply wants it. The UID keeps it off another one of this name, and
/// the version off one that was changed since: the API server tells of a conflict where somebody has set a value of ours,
/// but not where somebody has removed it.
fn applied(workload: &Workload, limit: Bandwidth, original: &str, now: Timestamp) -> Value {
    let resource = workload.id.kind.resource();
    let limit = limit.to_string();
    json!({
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {
            "name": workload.metadata.name,
            "namespace": workload.metadata.namespace,
            "uid": workload.metadata.uid,
            "resourceVersion": workload.metadata.resource_version,
            "annotations": {
                ORIGINAL_EGRESS_BANDWIDTH: original,
                APPLIED_EGRESS_BANDWIDTH: limit,
                ROLLED_OUT_AT: whole_second(now).to_string(),
            },
        },
        "spec": {"template": {"metadata": {"annotations": {EGRESS_BANDWIDTH: limit}}}},
    })
}

/// The end of the second of `time`: so no time between two records is shorter than the one between the writes.
fn whole_second(time: Timestamp) -> Timestamp {
    let begun = i64::from(time.subsec_nanosecond() > 0);
    Timestamp::from_second(time.as_second().saturating_add(begun)).unwrap_or(time)
}

/// One write that gives back the original and removes every trace of us, where there is one. A value that somebody else
/// has set meanwhile is theirs and stays.
pub(super) fn restore(workload: &Workload) -> Option<Write> {
    let original = workload.original()?;
    let annotations =
        json!({ORIGINAL_EGRESS_BANDWIDTH: null, APPLIED_EGRESS_BANDWIDTH: null, ROLLED_OUT_AT: null});
    let (uid, version) = (&workload.metadata.uid, &workload.metadata.resource_version);
    let mut body = json!({"metadata": {"uid": uid, "resourceVersion": version, "annotations": annotations}});
    if let (true, Some(body)) = (workload.has_ours(), body.as_object_mut()) {
        let original = if original.is_empty() { Value::Null } else { json!(original) };
        let annotations = json!({EGRESS_BANDWIDTH: original});
        body.insert("spec".to_owned(), json!({"template": {"metadata": {"annotations": annotations}}}));
    }
    Some(Write::Restore(body))
}

/// The limit that a write gives a template; `None` where it gives back what was there before.
pub(super) fn limit_of(write: &Write) -> Option<Bandwidth> {
    let (Write::TakeOver(body) | Write::Change(body)) = write else { return None };
    body.pointer("/metadata/annotations")?.get(APPLIED_EGRESS_BANDWIDTH)?.as_str()?.parse().ok()
}

/// `workload` after its API server has accepted `write`.
#[cfg(test)]
pub(super) fn after(workload: &Workload, write: &Write) -> Workload {
    let (Write::TakeOver(body) | Write::Change(body) | Write::Restore(body)) = write;
    let mut after = workload.clone();
    let annotations = after.metadata.annotations.get_or_insert_default();
    for (name, value) in body["metadata"]["annotations"].as_object().unwrap() {
        match value.as_str() {
            Some(value) => annotations.insert(name.clone(), value.to_owned()),
            None => annotations.remove(name),
        };
    }
    after.metadata.annotations = after.metadata.annotations.filter(|annotations| !annotations.is_empty());
    if let Some(limit) = body.pointer("/spec/template/metadata/annotations/kubernetes.io~1egress-bandwidth") {
        after.template.limit = limit.as_str().map(str::to_owned);
    }
    after
}

#[cfg(test)]
mod tests {
    use super::super::workload::{Kind, WorkloadId};
    use super::*;
    use flow_policy::names::FIELD_MANAGER;
    use kube::api::DynamicObject;

    const LIMIT: Bandwidth = Bandwidth::from_mbps(50);

    fn now() -> Timestamp {
        "2026-11-24T12:00:00.5Z".parse().unwrap()
    }

    fn workload(kind: Kind, limit: Option<&str>) -> Workload {
        let annotations = limit.map(|limit| json!({EGRESS_BANDWIDTH: limit}));
        let object: DynamicObject = serde_json::from_value(json!({
            "metadata": {
                "name": "upload", "namespace": "factory", "uid": "u1", "resourceVersion": "7", "generation": 3,
                "annotations": {"somebody": "else's"},
            },
            "spec": {"template": {"metadata": {"annotations": annotations}, "spec": {}}},
        }))
        .unwrap();
        Workload::of(WorkloadId { kind, namespace: "factory".to_owned(), name: "upload".to_owned() }, object)
    }

    #[test]
    fn the_first_limit_records_what_was_there_and_insists_that_it_still_is() {
        for (before, original) in [(None, ""), (Some("1G"), "1G")] {
            let write = take_over(&workload(Kind::Deployment, before), LIMIT, now());
            let expected = json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {
                    "name": "upload", "namespace": "factory", "uid": "u1", "resourceVersion": "7",
                    "annotations": {
                        ORIGINAL_EGRESS_BANDWIDTH: original,
                        APPLIED_EGRESS_BANDWIDTH: "50M",
                        ROLLED_OUT_AT: "2026-11-24T12:00:01Z",
                    },
                },
                "spec": {"template": {"metadata": {"annotations": {EGRESS_BANDWIDTH: "50M"}}}},
            });
            assert_eq!(write, Write::TakeOver(expected));
            assert_eq!(limit_of(&write), Some(LIMIT));
            let (params, _) = write.request(FIELD_MANAGER);
            assert!(params.force);
        }
    }

    #[test]
    fn another_limit_is_never_forced_upon_somebody_else_and_insists_on_the_workload_that_it_was_chosen_for() {
        let ours = workload(Kind::StatefulSet, Some("1G"));
        let ours = after(&ours, &take_over(&ours, LIMIT, now()));
        let write = change(&ours, Bandwidth::from_mbps(40), ours.original().unwrap(), now());
        let Write::Change(body) = &write else { panic!("{write:?}") };
        assert_eq!(body["kind"], "StatefulSet");
        assert_eq!(body["metadata"]["annotations"][ORIGINAL_EGRESS_BANDWIDTH], "1G");
        assert_eq!(
            (&body["metadata"]["uid"], &body["metadata"]["resourceVersion"]),
            (&json!("u1"), &json!("7"))
        );
        let (params, _) = write.request(FIELD_MANAGER);
        assert!(!params.force);
    }

    #[test]
    fn the_restoration_leaves_what_somebody_else_has_set() {
        let mut ours = workload(Kind::DaemonSet, None);
        ours = after(&ours, &take_over(&ours, LIMIT, now()));
        ours.template.limit = Some("5M".to_owned());
        let Some(Write::Restore(body)) = restore(&ours) else { panic!("nothing to restore") };
        assert_eq!(body.get("spec"), None);
        assert_eq!(body["metadata"]["resourceVersion"], "7");
        assert_eq!(limit_of(&Write::Restore(body.clone())), None);
        assert_eq!(after(&ours, &Write::Restore(body)).original(), None);
    }

    #[test]
    fn a_record_removed_by_hand_does_not_make_our_limit_the_original() {
        let mut workload = workload(Kind::Deployment, Some("50M"));
        let records = [(APPLIED_EGRESS_BANDWIDTH.to_owned(), "50M".to_owned())];
        workload.metadata.annotations = Some(records.into());
        let after = after(&workload, &take_over(&workload, Bandwidth::from_mbps(40), now()));
        assert_eq!(after.original(), Some(""));
    }

    #[test]
    fn a_time_is_recorded_as_the_end_of_its_second() {
        let at = |time: &str| format!("2026-11-24T{time}Z").parse::<Timestamp>().unwrap();
        for (time, recorded) in
            [("12:00:00", "12:00:00"), ("12:00:00.000000001", "12:00:01"), ("12:00:00.9", "12:00:01")]
        {
            assert_eq!(whole_second(at(time)), at(recorded), "{time}");
        }
    }

    #[test]
    fn a_time_that_cannot_be_is_none() {
        let ours = workload(Kind::Deployment, None);
        let ours = after(&ours, &take_over(&ours, LIMIT, now()));
        assert_eq!(ours.rolled_out_at(now()), Some("2026-11-24T12:00:01Z".parse().unwrap()));
        assert_eq!(ours.rolled_out_at("2026-11-24T11:00:00Z".parse().unwrap()), None);
    }
}
