//! What is made of the annotations of a pod, for who feeds them with arbitrary text.

use super::Backend;
use super::request::Write;
use super::write::{Todo, todo};
use crate::cluster::CachedPod;
use flow_control::Bandwidth;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

/// What is written to `pod` so that it is limited to `wanted`, or not at all; `None` if nothing is.
#[must_use]
pub fn written(pod: &Pod, wanted: Option<Bandwidth>, backend: Backend) -> Option<Value> {
    match todo(&CachedPod::from(pod), wanted, backend) {
        Todo::Write(Write::TakeOver(body) | Write::Change(body) | Write::Restore(body)) => Some(body),
        Todo::Nothing | Todo::Has(_) | Todo::LeaveTo(_) => None,
    }
}
