//! flow-manager as a release of its Helm chart.

use crate::Result;
use crate::kubectl::{apply_object, in_repository, kubectl};
use crate::operator::{NAMESPACE, SHAPER_NAMESPACE};
use crate::program::{run, run_with_input};
use flow_lab::address::{NODE, PROMETHEUS_PORT};
use serde_json::{Value, json};

/// The release's name.
pub const RELEASE: &str = "flow-manager";

/// What is particular to the lab: its image, which no registry has, and its Prometheus. The page is on.
#[must_use]
pub fn values() -> Value {
    json!({
        "image": {"tag": "latest", "pullPolicy": "Never"},
        "page": {"enabled": true},
        "prometheus": {"url": format!("http://{NODE}:{PROMETHEUS_PORT}")},
    })
}

/// Installs the chart, or brings what is installed back to it. Whatever a test has changed by hand, or installed by
/// other means, is taken over.
pub async fn install() -> Result<()> {
    install_with(json!({})).await
}

/// The same, with these values instead of, or besides, those of the lab.
pub async fn install_with(extra: Value) -> Result<()> {
    shaper_namespace_settled().await?;
    let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    let metadata = json!({"name": NAMESPACE, "labels": labels});
    apply_object(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})).await?;
    let chart = in_repository("charts/flow-manager");
    let upgrade = ["upgrade", RELEASE, &chart.to_string_lossy(), "--namespace", NAMESPACE, "--values", "-"];
    let how = ["--install", "--wait", "--timeout=2m", "--force-conflicts", "--take-ownership"];
    let arguments = upgrade.iter().chain(&how);
    let mut values = values();
    if let (Value::Object(values), Value::Object(extra)) = (&mut values, extra) {
        values.extend(extra);
    }
    run_with_input("helm", arguments, &values.to_string()).await.map(drop)
}

/// Waits for the end of the shaper's namespace, if values without a shaper have just taken it away.
async fn shaper_namespace_settled() -> Result<()> {
    let get = format!("get namespace {SHAPER_NAMESPACE} --ignore-not-found -o jsonpath={{.status.phase}}");
    if kubectl(&get).await?.contains("Terminating") {
        kubectl(&format!("wait --for=delete namespace/{SHAPER_NAMESPACE} --timeout=1m")).await?;
    }
    Ok(())
}

/// Removes the release as it would vanish in an accident: nothing is given back. Policies stay.
pub async fn remove() -> Result<()> {
    let uninstall =
        ["uninstall", RELEASE, "--namespace", NAMESPACE, "--no-hooks", "--ignore-not-found", "--wait"];
    run("helm", uninstall).await?;
    kubectl(&format!("delete namespace {NAMESPACE} --ignore-not-found")).await.map(drop)
}
