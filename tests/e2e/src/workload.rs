//! Best-effort workloads.

use serde_json::{Value, json};

/// The image with the traffic generator.
pub const FACTORY_IMAGE: &str = "docker.io/fustli/factory:latest";

/// What the pods of a workload do.
#[derive(Clone, Copy, Debug)]
pub enum Work {
    /// Upload to the sink as fast as they can, whenever there is one.
    Upload,
    /// Upload to the sink so many Mbit/s, and no more.
    UploadSlowly(u32),
    /// Send datagrams at so many Mbit/s, whatever becomes of them.
    Stream(u32),
    /// Nothing.
    Idle,
}

/// A workload of `kind` (`Deployment`, `StatefulSet` or `DaemonSet`) whose pods have the label `app=<name>`.
#[must_use]
pub fn workload(kind: &str, name: &str, replicas: usize, work: Work) -> Value {
    let labels = json!({"app": name});
    let mut spec = json!({
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": pod_spec(work),
        },
    });
    if let (Some(fields), true) = (spec.as_object_mut(), kind != "DaemonSet") {
        fields.insert("replicas".to_owned(), json!(replicas));
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    })
}

/// A pod of its own, without a controller, with the label `app=<app>`.
#[must_use]
pub fn bare_pod(name: &str, app: &str, work: Work) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": app}},
        "spec": pod_spec(work),
    })
}

fn pod_spec(work: Work) -> Value {
    json!({"terminationGracePeriodSeconds": 1, "containers": [container(work)]})
}

fn container(work: Work) -> Value {
    let arguments = match work {
        Work::Upload => json!(["upload", "198.18.2.2:5202"]),
        Work::UploadSlowly(mbps) => json!(["upload", "198.18.2.2:5202", "--mbps", mbps.to_string()]),
        Work::Stream(mbps) => json!(["stream", "198.18.2.2:5203", "--mbps", mbps.to_string()]),
        Work::Idle => json!(["idle"]),
    };
    json!({
        "name": "work",
        "image": FACTORY_IMAGE,
        "imagePullPolicy": "Never",
        "args": arguments,
    })
}
