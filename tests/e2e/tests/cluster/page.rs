//! The page shows the last hour of each policy to whoever may forward the leader's port, and to nobody else.

use flow_e2e::forward::Forward;
use flow_e2e::policies::sinking;
use flow_e2e::replicas::{leader, scale};
use flow_e2e::stage::PATIENCE;
use flow_e2e::wait::{Look, until};
use flow_e2e::workload::Work;
use flow_e2e::{Result, Stage, operator};
use flow_page::{Page, PolicyHistory, State};
use kube::ResourceExt;
use std::time::Duration;

const NAMESPACE: &str = "e2e-page";
const MBPS: u64 = 1_000_000;

fn client() -> reqwest::Client {
    // A second installation fails, and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap()
}

async fn page(forward: &Forward, query: &str) -> Result<Page> {
    let answer =
        client().get(format!("{}/page.json{query}", forward.url)).send().await?.error_for_status()?;
    Ok(serde_json::from_str(&answer.text().await?).unwrap())
}

/// A policy whose objective, `vector(2)` at most 1, is violated for good, and whose limit has sunk to 10M.
fn has_sunk(policy: &PolicyHistory) -> bool {
    let (objective, target) = (&policy.objectives[0], &policy.targets[0]);
    policy.state == State::Violated
        && (objective.bound, objective.at_least) == (1.0, false)
        && objective.values.values.contains(&Some(2.0))
        && target.limit.values.last() == Some(&Some(10e6))
        && target.enforced == 1
        && policy.decisions.iter().any(|mark| mark.decision == "Decrease" && mark.message.contains("queried"))
}

#[tokio::test]
async fn a_violated_policy_is_shown_with_its_value_its_limit_and_its_decisions_until_it_is_deleted() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
    stage.apply(&sinking("sinking")).await.unwrap();
    stage.limited(&pod, Some(10 * MBPS)).await.unwrap();
    let forward = Forward::dashboard().await.unwrap();
    let query = format!("?namespace={}&name=sinking", stage.namespace);
    until("the policy on the page", PATIENCE, async || {
        let policies = page(&forward, &query).await?.policies;
        let shown = policies.len() == 1 && policies[0].name == "sinking" && has_sunk(&policies[0]);
        Ok(Look::when(shown, || format!("{policies:?}")))
    })
    .await
    .unwrap();

    stage.delete("sinking").await.unwrap();
    until("the end of the policy on the page", PATIENCE, async || {
        let policies = page(&forward, "").await?.policies;
        Ok(Look::when(policies.iter().all(|policy| policy.name != "sinking"), || format!("{policies:?}")))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_browser_gets_the_page_and_another_site_does_not() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let controller = operator::controller(&stage.cluster).await.unwrap();
    let forward = Forward::of(&controller, "page").await.unwrap();
    let shell = client().get(&forward.url).send().await.unwrap();
    let headers = shell.headers();
    assert!(headers["content-type"].to_str().unwrap().starts_with("text/html"), "{headers:?}");
    assert!(
        headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"),
        "{headers:?}"
    );
    for (name, value) in [("x-content-type-options", "nosniff"), ("cache-control", "no-store")] {
        assert_eq!(headers[name], value, "{headers:?}");
    }
    assert!(shell.text().await.unwrap().to_lowercase().starts_with("<!doctype html>"));

    for path in ["", "/page.json"] {
        let request = client().get(format!("{}{path}", forward.url)).header("Host", "a.example");
        assert_eq!(request.send().await.unwrap().status(), 421, "{path}");
    }
    let address = controller.status.as_ref().unwrap().pod_ip.clone().unwrap();
    let from_outside = client().get(format!("http://{address}:8003/page.json")).send().await;
    assert!(from_outside.unwrap_err().is_connect(), "it listens at the loopback address alone");
}

#[tokio::test]
async fn a_controller_that_stands_by_says_who_leads() {
    let stage = Stage::set(NAMESPACE).await.unwrap();
    let replicas = scale(&stage.cluster, 2).await.unwrap();
    let first = leader(&replicas).await.unwrap().pod.name_any();
    let other = replicas.iter().find(|replica| replica.pod.name_any() != first).unwrap();
    let forward = Forward::of(&other.pod, "page").await.unwrap();
    until("who leads", PATIENCE, async || {
        let Page { note, policies, .. } = page(&forward, "").await?;
        let told = note.as_ref().is_some_and(|note| note.contains(&first)) && policies.is_empty();
        Ok(Look::when(told, || format!("{note:?}")))
    })
    .await
    .unwrap();
    scale(&stage.cluster, 1).await.unwrap();
    operator::ready().await.unwrap();
}
