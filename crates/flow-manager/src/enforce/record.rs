use super::backend::Backend;
use crate::cluster::CachedPod;
use flow_control::Bandwidth;
use flow_policy::names::{APPLIED_EGRESS_BANDWIDTH, EGRESS_BANDWIDTH, LIMITING, ORIGINAL_EGRESS_BANDWIDTH};
use std::collections::BTreeMap;

/// Annotations with their values, or without one where the annotation is absent.
pub(super) type Values = BTreeMap<String, Option<String>>;

/// What is recorded on a pod that we have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// What was there before us.
    pub(super) original: Values,
    /// What we set last.
    pub(super) applied: Values,
}

impl Record {
    /// What is recorded on `pod`; `None` if it is not ours.
    pub(super) fn of(pod: &CachedPod) -> Option<Self> {
        let original = values(annotation(pod, ORIGINAL_EGRESS_BANDWIDTH)?);
        Some(Self { original, applied: applied(pod) })
    }

    /// The record once `backend` is told this limit.
    pub(super) fn with(&self, limit: Bandwidth, backend: Backend) -> Self {
        let annotations = backend.encode(limit).into_iter();
        let applied = annotations.map(|(key, value)| (key.to_owned(), Some(value)));
        Self { original: self.original.clone(), applied: applied.collect() }
    }

    /// Whether the pod was limited by the annotations that `backend` follows.
    pub(super) fn is_of(&self, backend: Backend) -> bool {
        self.original.keys().map(String::as_str).eq(sorted(backend))
    }

    /// Whether an annotation has the value of before by us, too: it belongs to both who have set it.
    pub(super) fn is_shared(&self) -> bool {
        self.original
            .iter()
            .any(|(key, original)| original.is_some() && value(&self.applied, key) == original.as_deref())
    }

    /// The first annotation that somebody else has changed after us.
    pub(super) fn changed(&self, pod: &CachedPod) -> Option<&str> {
        let mut keys = self.original.keys().map(String::as_str);
        keys.find(|key| !self.is_ours(pod, key))
    }

    /// Whether an annotation still has the value that we gave it.
    pub(super) fn is_ours(&self, pod: &CachedPod, key: &str) -> bool {
        annotation(pod, key) == value(&self.applied, key)
    }

    /// The limit that was there before us, if `backend` obeys it.
    pub(super) fn bound(&self, pod: &CachedPod, backend: Backend) -> Option<Bandwidth> {
        bound(pod, &self.original, backend)
    }
}

/// The limit that was there before us, if `pod` is ours and `backend` obeys it.
pub(super) fn before_us(pod: &CachedPod, backend: Backend) -> Option<Bandwidth> {
    bound(pod, &values(annotation(pod, ORIGINAL_EGRESS_BANDWIDTH)?), backend)
}

fn bound(pod: &CachedPod, original: &Values, backend: Backend) -> Option<Bandwidth> {
    backend.read(|key| match original.get(key) {
        Some(original) => original.as_deref(),
        None => annotation(pod, key),
    })
}

/// What we set on `pod` last. Somebody may have removed what was there before.
pub(super) fn applied(pod: &CachedPod) -> Values {
    annotation(pod, APPLIED_EGRESS_BANDWIDTH).map(values).unwrap_or_default()
}

/// The limit that we set on `pod` last, perhaps before a restart and through another back-end.
pub(super) fn applied_limit(pod: &CachedPod) -> Option<Bandwidth> {
    limit(&applied(pod))
}

/// The limit that these annotations give a pod, whichever back-end follows them.
pub(super) fn limit(applied: &Values) -> Option<Bandwidth> {
    backend_of(applied)?.read(|key| value(applied, key))
}

/// The limit that was wanted of `pod` last. `None` where it has the one of before us: what was wanted was not lower.
#[must_use]
pub fn wanted_limit(pod: &CachedPod) -> Option<Bandwidth> {
    let limit = applied_limit(pod)?;
    let bound = Record::of(pod).and_then(|record| record.bound(pod, backend_of(&record.applied)?));
    Some(limit).filter(|limit| bound.is_none_or(|bound| *limit < bound))
}

fn backend_of(applied: &Values) -> Option<Backend> {
    let by = [Backend::Calico, Backend::KubeOvn, Backend::Cilium];
    by.into_iter().find(|by| by.keys().iter().all(|key| applied.contains_key(*key)))
}

/// An annotation of `pod`.
pub(super) fn annotation<'a>(pod: &'a CachedPod, key: &str) -> Option<&'a str> {
    pod.annotation(key)
}

pub(super) fn value<'a>(values: &'a Values, key: &str) -> Option<&'a str> {
    values.get(key)?.as_deref()
}

fn sorted(backend: Backend) -> impl Iterator<Item = &'static str> {
    let mut keys = backend.keys().to_vec();
    keys.sort_unstable();
    keys.into_iter()
}

/// As it is recorded: the value alone where there is only [`EGRESS_BANDWIDTH`], else a JSON object, which is at the
/// same time a merge patch that sets these annotations.
pub(super) fn text(values_: &Values) -> String {
    let plain = value(values_, EGRESS_BANDWIDTH).unwrap_or_default();
    if values(plain) == *values_ { plain.to_owned() } else { serde_json::json!(values_).to_string() }
}

/// Only annotations that limit pods count: whoever writes a record has us change no other.
pub(super) fn values(text: &str) -> Values {
    let object = Some(text).filter(|text| text.starts_with('{'));
    match object.and_then(|text| serde_json::from_str::<Values>(text).ok()) {
        Some(mut values) => {
            values.retain(|key, _| LIMITING.contains(&key.as_str()));
            values
        }
        None => [(EGRESS_BANDWIDTH.to_owned(), Some(text.to_owned()).filter(|text| !text.is_empty()))].into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_policy::names::{CALICO_EGRESS_BANDWIDTH, CALICO_EGRESS_BURST, KUBE_OVN_EGRESS_RATE};
    use k8s_openapi::api::core::v1::Pod;
    use proptest::prelude::*;

    fn of(entries: &[(&str, Option<&str>)]) -> Values {
        entries.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned))).collect()
    }

    fn pod(annotations: &[(&str, &str)]) -> CachedPod {
        let mut pod = Pod::default();
        let owned = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        pod.metadata.annotations = Some(owned.collect());
        CachedPod::from(&pod)
    }

    #[test]
    fn the_annotation_of_most_plugins_is_recorded_by_its_value_alone() {
        assert_eq!(text(&of(&[(EGRESS_BANDWIDTH, Some("1G"))])), "1G");
        assert_eq!(text(&of(&[(EGRESS_BANDWIDTH, None)])), "");
        assert_eq!(values("1G"), of(&[(EGRESS_BANDWIDTH, Some("1G"))]));
        assert_eq!(values(""), of(&[(EGRESS_BANDWIDTH, None)]));
    }

    #[test]
    fn other_annotations_are_recorded_as_a_merge_patch() {
        let calico = of(&[(CALICO_EGRESS_BANDWIDTH, Some("1G")), (CALICO_EGRESS_BURST, None)]);
        let expected =
            r#"{"qos.projectcalico.org/egressBandwidth":"1G","qos.projectcalico.org/egressBurst":null}"#;
        assert_eq!(text(&calico), expected);
        assert_eq!(values(expected), calico);
    }

    #[test]
    fn a_record_names_no_annotation_but_those_that_limit_pods() {
        let foreign = r#"{"example.com/owner":"me","ovn.kubernetes.io/egress_rate":"3"}"#;
        assert_eq!(values(foreign), of(&[(KUBE_OVN_EGRESS_RATE, Some("3"))]));
    }

    #[test]
    fn the_limit_set_last_is_found_whatever_the_back_end() {
        let cases = [
            ("64M", 64_000_000),
            (r#"{"ovn.kubernetes.io/egress_rate":"7"}"#, 7_000_000),
            (
                r#"{"qos.projectcalico.org/egressBandwidth":"5M","qos.projectcalico.org/egressBurst":"700000"}"#,
                5_000_000,
            ),
        ];
        for (applied, bps) in cases {
            let pod = pod(&[(APPLIED_EGRESS_BANDWIDTH, applied)]);
            assert_eq!(applied_limit(&pod), Some(Bandwidth::from_bps(bps)), "{applied}");
        }
        assert_eq!(applied_limit(&pod(&[(APPLIED_EGRESS_BANDWIDTH, "fast")])), None);
        assert_eq!(applied_limit(&pod(&[])), None);
    }

    #[test]
    fn a_limit_of_before_tells_nothing_of_what_was_wanted() {
        let wanted = |original, applied| {
            let pod = pod(&[(ORIGINAL_EGRESS_BANDWIDTH, original), (APPLIED_EGRESS_BANDWIDTH, applied)]);
            wanted_limit(&pod)
        };
        assert_eq!([wanted("70M", "70M"), wanted("64M", "70M")], [None, None]);
        let known = Some(Bandwidth::from_mbps(50));
        assert_eq!([wanted("70M", "50M"), wanted("", "50M"), wanted("fast", "50M")], [known; 3]);
    }

    #[test]
    fn what_was_there_before_bounds_as_the_back_end_reads_it() {
        let before = |original| {
            let pod = pod(&[(EGRESS_BANDWIDTH, "64M"), (ORIGINAL_EGRESS_BANDWIDTH, original)]);
            Record::of(&pod).unwrap().bound(&pod, Backend::Shaper)
        };
        assert_eq!(before("1G"), Some(Bandwidth::from_mbps(1000)));
        assert_eq!((before(""), before("fast")), (None, None));
        // Calico's own annotation would hide the other one, which is not ours and stays.
        let none =
            r#"{"qos.projectcalico.org/egressBandwidth":null,"qos.projectcalico.org/egressBurst":null}"#;
        let pod = pod(&[
            (EGRESS_BANDWIDTH, "3M"),
            (CALICO_EGRESS_BANDWIDTH, "2M"),
            (ORIGINAL_EGRESS_BANDWIDTH, none),
        ]);
        assert_eq!(Record::of(&pod).unwrap().bound(&pod, Backend::Calico), Some(Bandwidth::from_mbps(3)));
    }

    proptest! {
        #[test]
        fn what_is_recorded_reads_back_the_same(
            backend in prop::sample::select(&Backend::ALL[..]),
            values_ in prop::collection::vec(prop::option::of(".{0,20}|\\{.{0,20}\\}"), 2),
        ) {
            let keys = backend.keys().iter().map(|key| (*key).to_owned());
            let recorded: Values = keys.zip(values_).collect();
            prop_assert_eq!(values(&text(&recorded)), recorded);
        }
    }
}
