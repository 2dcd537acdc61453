use super::backend::Backend;
use super::record::{Record, applied_limit};
use super::write::foreign;
use crate::cluster::CachedPod;
use flow_control::Bandwidth;
use k8s_openapi::api::core::v1::Pod;

/// What the annotations of a pod say of its limit, to who knows nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnPod {
    /// The limit that flow-manager has set last.
    pub applied: Option<Bandwidth>,
    /// The limit that the pod had before, which is an upper bound.
    pub before: Option<Bandwidth>,
    /// What somebody else has done to the limit since, such as `set … to "9M"`.
    pub deed: Option<String>,
}

impl OnPod {
    /// What they say on `pod`; `None` if flow-manager has not limited it.
    #[must_use]
    pub fn of(pod: &Pod) -> Option<Self> {
        let pod = &CachedPod::from(pod);
        let record = Record::of(pod)?;
        let by = Backend::ALL.into_iter().find(|by| record.is_of(*by)).unwrap_or(Backend::Shaper);
        Some(Self {
            applied: applied_limit(pod),
            before: record.bound(pod, by),
            deed: record.changed(pod).map(|key| foreign(pod, key, by).deed()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_policy::names::{
        APPLIED_EGRESS_BANDWIDTH, EGRESS_BANDWIDTH, KUBE_OVN_EGRESS_RATE, ORIGINAL_EGRESS_BANDWIDTH,
    };

    fn of(annotations: &[(&str, &str)]) -> Option<OnPod> {
        let mut pod = Pod::default();
        let owned = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        pod.metadata.annotations = Some(owned.collect());
        OnPod::of(&pod)
    }

    const M64: Option<Bandwidth> = Some(Bandwidth::from_mbps(64));

    #[test]
    fn a_pod_without_our_record_is_not_ours() {
        assert_eq!(of(&[(EGRESS_BANDWIDTH, "64M")]), None);
    }

    #[test]
    fn what_we_set_and_what_was_there_is_read_in_the_form_of_each_back_end() {
        let plain =
            [(EGRESS_BANDWIDTH, "64M"), (ORIGINAL_EGRESS_BANDWIDTH, "1G"), (APPLIED_EGRESS_BANDWIDTH, "64M")];
        let before = Some(Bandwidth::from_mbps(1000));
        assert_eq!(of(&plain), Some(OnPod { applied: M64, before, deed: None }));
        let (original, applied) = (
            format!("{{\"{KUBE_OVN_EGRESS_RATE}\":null}}"),
            format!("{{\"{KUBE_OVN_EGRESS_RATE}\":\"64\"}}"),
        );
        let ovn = [
            (KUBE_OVN_EGRESS_RATE, "64"),
            (ORIGINAL_EGRESS_BANDWIDTH, original.as_str()),
            (APPLIED_EGRESS_BANDWIDTH, applied.as_str()),
        ];
        assert_eq!(of(&ovn), Some(OnPod { applied: M64, before: None, deed: None }));
    }

    #[test]
    fn what_somebody_else_did_is_told() {
        let by_hand =
            [(EGRESS_BANDWIDTH, "9M"), (ORIGINAL_EGRESS_BANDWIDTH, ""), (APPLIED_EGRESS_BANDWIDTH, "64M")];
        let deed = of(&by_hand).unwrap().deed.unwrap();
        assert_eq!(deed, "set kubernetes.io/egress-bandwidth to \"9M\"");
    }
}
