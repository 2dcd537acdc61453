//! The little that is read of a workload. Its type has all that a pod may be: much code for what nobody reads.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::DynamicObject;

/// Which pods are `workload`'s; none where it does not say so.
pub(crate) fn selector(workload: &DynamicObject) -> Option<LabelSelector> {
    serde_json::from_value(workload.data.pointer("/spec/selector")?.clone()).ok()
}

/// How many pods `field` of the status of `workload` counts; the API server leaves zeros out.
pub(crate) fn replicas(workload: &DynamicObject, field: &str) -> u64 {
    workload.data.get("status").and_then(|status| status.get(field)?.as_u64()).unwrap_or_default()
}
