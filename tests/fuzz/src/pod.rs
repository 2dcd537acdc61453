use crate::input::{byte, text};
use flow_control::Bandwidth;
use flow_manager::enforce::fuzzing::written;
use flow_manager::enforce::{Backend, OnPod};
use flow_policy::names::{LIMITING, ORIGINAL_EGRESS_BANDWIDTH, RECORDS};
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;
use std::collections::BTreeMap;

type Annotations = BTreeMap<String, String>;

/// Annotations that anybody may have set on a pod: a byte that picks the back-end, one that says how much is asked for,
/// and then one annotation a line, whose first digit names it.
///
/// Nothing but the annotations that limit pods and our records is written; what the back-end then reads is a limit, and
/// no higher one than was asked for or was there; and what is given back leaves no record, and nothing to do.
pub fn pod_annotations(data: &[u8]) {
    let (pick, rest) = byte(data);
    let (shift, lines) = byte(rest);
    let backend = Backend::ALL.into_iter().cycle().nth(usize::from(pick)).unwrap_or(Backend::Shaper);
    let wanted = Bandwidth::from_bps(u64::MAX >> (shift % 64));
    let before: Annotations = text(lines).lines().filter_map(annotation).collect();
    let pod = pod(&before);
    let _ = OnPod::of(&pod);
    if let Some(body) = written(&pod, Some(wanted), backend) {
        limited(&before, &after(&before, &body), wanted, backend);
    }
    if let Some(body) = written(&pod, None, backend) {
        let restored = after(&before, &body);
        assert!(RECORDS.iter().all(|record| !restored.contains_key(*record)), "{body}");
        assert_eq!(written(&self::pod(&restored), None, backend), None);
    }
}

/// `after` is what a write for `wanted` leads to: the limit, or what was there before another back-end.
fn limited(before: &Annotations, after: &Annotations, wanted: Bandwidth, backend: Backend) {
    if !after.contains_key(ORIGINAL_EGRESS_BANDWIDTH) {
        assert!(before.contains_key(ORIGINAL_EGRESS_BANDWIDTH), "nothing was there to give back");
        return;
    }
    let read = |from: &Annotations| backend.read(|key| from.get(key).map(String::as_str));
    let limit = read(after).expect("what was written is a limit");
    assert!(limit <= wanted.max(backend.nearest(Bandwidth::ZERO)), "{limit} is more than {wanted}");
    let was = read(before).filter(|_| !before.contains_key(ORIGINAL_EGRESS_BANDWIDTH));
    assert!(was.is_none_or(|was| ours(before) || limit <= was), "{limit} is more than before");
    assert_eq!(OnPod::of(&pod(after)).and_then(|on| on.applied), Some(limit));
    assert_eq!(written(&pod(after), Some(wanted), backend), None, "a second write");
    let restored = self::after(after, &written(&pod(after), None, backend).expect("it is ours"));
    assert!(RECORDS.iter().all(|record| !restored.contains_key(*record)));
    if !before.keys().any(|key| RECORDS.contains(&key.as_str())) {
        assert_eq!(restored, *before, "what was there before is not there again");
    }
}

/// Whether we have left a trace by which a value is known to be ours.
fn ours(before: &Annotations) -> bool {
    before.keys().any(|key| RECORDS.contains(&key.as_str()))
}

/// The annotations after an API server has accepted a write.
fn after(before: &Annotations, body: &Value) -> Annotations {
    let mut after = before.clone();
    for (name, value) in
        body.pointer("/metadata/annotations").and_then(Value::as_object).into_iter().flatten()
    {
        let name_ = name.as_str();
        assert!(LIMITING.contains(&name_) || RECORDS.contains(&name_), "{name} is not ours to write");
        match value.as_str() {
            Some(value) => drop(after.insert(name.clone(), value.to_owned())),
            None => drop(after.remove(name)),
        }
    }
    after
}

fn pod(annotations: &Annotations) -> Pod {
    let mut pod = Pod::default();
    pod.metadata.annotations = Some(annotations.clone());
    pod
}

fn annotation(line: &str) -> Option<(String, String)> {
    let names = LIMITING.into_iter().chain(RECORDS);
    let (digit, name) =
        ["0", "1", "2", "3", "4", "5"].into_iter().zip(names).find(|(digit, _)| line.starts_with(digit))?;
    Some((name.to_owned(), line.strip_prefix(digit)?.to_owned()))
}
