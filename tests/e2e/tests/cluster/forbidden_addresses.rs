//! Policies have nothing sent to addresses that the administrator forbids, and say so.

use flow_e2e::Stage;
use flow_e2e::factory::HOST;
use flow_e2e::operator::Endpoint;
use flow_e2e::policies::{by_probe, with};
use flow_e2e::release::install_with;
use flow_e2e::stage::condition;
use flow_e2e::workload::Work;
use serde_json::json;

/// An IPv4 address as one of IPv6.
const MAPPED: &str = "0:0:0:0:0:ffff:169.254.169.254";

async fn is_forbidden(stage: &Stage, name: &str, host: &str, protocol: &str, address: &str) {
    let policy = with(by_probe(name, host), "/spec/objectives/0/probe/protocol", json!(protocol));
    let policy = with(policy, "/spec/objectives/0/probe/interval", json!("100ms"));
    stage.apply(&policy).await.unwrap();
    let told = |policy: &_| {
        let said = condition(policy, "Accepted");
        said.starts_with("False SourceNotAllowed") && said.contains(address) && said.contains("administrator")
    };
    stage.policy_where(name, "that the address is forbidden", told).await.unwrap();
    stage.warning(name, address).await.unwrap();
}

/// How many probes of a target there were of one kind.
async fn probes(endpoint: &Endpoint, kind: &str, target: &str) -> Option<f64> {
    let target = format!("target=\"{target}\"");
    endpoint.metrics().await.unwrap().value(&format!("flowmanager_probe_{kind}_total"), &[&target])
}

#[tokio::test]
async fn nothing_is_sent_to_metadata_loopback_or_what_the_administrator_forbids() {
    let stage = Stage::set("e2e-addresses").await.unwrap();
    stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap();
    let endpoint = Endpoint::of_controller(&stage.cluster).await.unwrap();
    for (name, host, protocol, address, target) in [
        ("metadata", "169.254.169.254", "TCP", "169.254.169.254", "169.254.169.254:5201"),
        ("mapped", MAPPED, "UDP", "169.254.169.254", &format!("[{MAPPED}]:5201")),
        ("itself", "localhost", "TCP", "127.0.0.1", "localhost:5201"),
    ] {
        is_forbidden(&stage, name, host, protocol, address).await;
        assert_eq!(probes(&endpoint, "sent", target).await, Some(0.0), "{target}");
        assert!(probes(&endpoint, "failed", target).await.is_some_and(|failed| failed > 0.0), "{target}");
    }
    install_with(json!({"probe": {"forbiddenAddresses": ["198.18.0.0/15"]}})).await.unwrap();
    is_forbidden(&stage, "factory", HOST, "UDP", HOST).await;
}
