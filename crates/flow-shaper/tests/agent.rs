//! The whole agent: pods from a small API server, processes from a folder, networks from the kernel. Needs root.

mod network;
mod node;

use std::time::Duration;

use flow_shaper::{PodReport, Root};
use network::Network;
use node::{Node, pod};

/// While nothing is measured, what happens is due to what was told.
const NEVER: Duration = Duration::from_hours(1);

fn in_force(bps: u64) -> impl Fn(&PodReport) -> bool {
    move |pod| pod.in_force_bps == Some(bps) && pod.problem.is_none()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_follows_the_annotation_and_goes_with_it() {
    let (node, network) = (Node::new().await, Network::new());
    node.process("a", &network);
    node.serve(pod("a").limited("50M"));
    let mut agent = node.agent_that_measures_every(NEVER);
    agent.wait_for("a", in_force(50_000_000)).await;

    for (text, bps) in [("40M", 40_000_000), ("1.5M", 1_500_000), ("2G", 2_000_000_000)] {
        node.serve(pod("a").limited(text));
        agent.wait_for("a", in_force(bps)).await;
    }
    node.serve(pod("a"));
    agent.wait_until_silent("a").await;
    assert_eq!(network.root().await, Root::Default);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_annotation_on_a_pod_that_runs_already_takes_effect_without_waiting_for_a_measurement() {
    let (node, network) = (Node::new().await, Network::new());
    node.process("a", &network);
    node.serve(pod("a"));
    node.serve(pod("marker").limited("1M"));
    let mut agent = node.agent_that_measures_every(NEVER);
    agent.wait_for("marker", |pod| pod.problem.is_some()).await;
    assert_eq!(network.root().await, Root::Default);
    node.serve(pod("a").limited("7M"));
    agent.wait_for("a", in_force(7_000_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_keeps_the_limit_and_disturbs_nobody() {
    let (node, network, other) = (Node::new().await, Network::new(), Network::new());
    node.process("a", &network);
    node.process("b", &other);
    node.serve(pod("a").limited("50M"));
    node.serve(pod("b").limited("10M"));
    let mut agent = node.agent();
    agent.wait_for("a", in_force(50_000_000)).await;
    for garbage in ["", "0", "fast", "-5M", "2E"] {
        node.serve(pod("a").limited(garbage));
        let kept =
            agent.wait_for("a", |pod| pod.problem.as_ref().is_some_and(|why| why.contains("found"))).await;
        assert_eq!((kept.wanted_bps, kept.in_force_bps), (Some(50_000_000), Some(50_000_000)), "{garbage}");
        node.serve(pod("a").limited("50M"));
        agent.wait_for("a", in_force(50_000_000)).await;
    }
    agent.wait_for("b", in_force(10_000_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pod_sends_is_measured() {
    let (node, network) = (Node::new().await, Network::new());
    node.process("a", &network);
    node.serve(pod("a").limited("20M"));
    let mut agent = node.agent();
    agent.wait_for("a", in_force(20_000_000)).await;
    let flood = network.flood();
    flood.wait_for_arrival();
    let sends = |pod: &PodReport| {
        let bps = pod.measured.and_then(|measured| measured.sent_bps);
        bps.is_some_and(|bps| (18_000_000..22_000_000).contains(&bps))
    };
    agent.wait_for("a", sends).await;
    drop(flood);
    agent.wait_for("a", |pod| pod.measured.is_some_and(|measured| measured.sent_bps == Some(0))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_outlive_the_agent_and_the_next_one_takes_over() {
    let (node, kept, freed) = (Node::new().await, Network::new(), Network::new());
    node.process("kept", &kept);
    node.process("freed", &freed);
    node.serve(pod("kept").limited("30M"));
    node.serve(pod("freed").limited("30M"));
    let mut first = node.agent();
    first.wait_for("kept", in_force(30_000_000)).await;
    first.wait_for("freed", in_force(30_000_000)).await;
    let flood = kept.flood();
    flood.wait_for_arrival();
    first.stop().await;
    assert!(matches!(kept.root().await, Root::Ours(..)));
    let before = network::counters(&kept.root().await);

    node.serve(pod("freed"));
    node.serve(pod("kept").limited("nonsense"));
    let mut second = node.agent();
    let adopted = second.wait_for("kept", |pod| pod.in_force_bps.is_some()).await;
    assert_eq!((adopted.wanted_bps, adopted.in_force_bps), (None, Some(30_000_000)));
    node.serve(pod("kept").limited("30M"));
    second.wait_for("kept", in_force(30_000_000)).await;
    let after = network::counters(&kept.root().await);
    assert!(after.bytes >= before.bytes, "the queue was made anew: {before:?}, {after:?}");
    second.wait_until_silent("freed").await;
    assert_eq!(freed.root().await, Root::Default);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_has_set_stays_and_is_reported() {
    let (node, network, other) = (Node::new().await, Network::new(), Network::new());
    network.tc(&["qdisc", "add", "dev", "eth0", "root", "handle", "1:", "htb"]);
    node.process("a", &network);
    node.process("b", &other);
    node.serve(pod("a").limited("50M"));
    node.serve(pod("b").limited("50M"));
    let mut agent = node.agent();
    agent.wait_for("b", in_force(50_000_000)).await;
    let conflict = agent.wait_for("a", |pod| pod.problem.is_some()).await;
    assert!(conflict.problem.unwrap().contains("htb 1:"));
    assert_eq!((conflict.in_force_bps, conflict.measured), (None, None));
    assert_eq!(network.root().await, Root::Foreign { kind: "htb".into(), major: 1 });
    network.tc(&["qdisc", "del", "dev", "eth0", "root"]);
    agent.wait_for("a", in_force(50_000_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_altered_is_put_back() {
    let (node, network) = (Node::new().await, Network::new());
    node.process("a", &network);
    node.serve(pod("a").limited("50M"));
    let mut agent = node.agent();
    agent.wait_for("a", in_force(50_000_000)).await;
    network.tc(&["qdisc", "del", "dev", "eth0", "root"]);
    network.wait_for_root(|root| matches!(root, Root::Ours(shown, _) if shown.rate == 6_250_000)).await;
    let altered = ["rate", "900mbit", "burst", "90k", "limit", "90k"];
    network
        .tc(&[&["qdisc", "change", "dev", "eth0", "root", "handle", "f10e:", "tbf"], &altered[..]].concat());
    network.wait_for_root(|root| matches!(root, Root::Ours(shown, _) if shown.rate == 6_250_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interface_that_vanishes_is_told_and_has_its_limit_when_it_is_back() {
    let (node, network, other) = (Node::new().await, Network::new(), Network::new());
    node.process("a", &network);
    node.process("b", &other);
    node.serve(pod("a").limited("50M"));
    node.serve(pod("b").limited("50M"));
    let mut agent = node.agent();
    agent.wait_for("a", in_force(50_000_000)).await;
    network.rename();
    let gone = agent.wait_for("a", |pod| pod.problem.is_some()).await;
    assert_eq!((gone.in_force_bps, gone.wanted_bps), (None, Some(50_000_000)));
    assert!(gone.problem.unwrap().contains("no interface eth0"));
    node.serve(pod("a").limited("40M"));
    node.serve(pod("b").limited("40M"));
    agent.wait_for("b", in_force(40_000_000)).await;
    network.name_back();
    agent.wait_for("a", in_force(40_000_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_whose_networks_go_and_come_while_their_limits_change_are_held_to_the_newest() {
    let node = Node::new().await;
    let networks = [Network::new(), Network::new(), Network::new(), Network::new()];
    node.serve(pod("a").limited("1M"));
    let mut agent = node.agent();
    for (mbps, network) in (2..).zip(networks.iter().cycle()).take(12) {
        let (before, after) = (format!("{mbps}M"), format!("{}M", mbps + 100));
        node.serve(pod("a").limited(&before));
        node.end("a");
        node.process("a", network);
        node.serve(pod("a").limited(&after));
        agent.wait_for("a", in_force((mbps + 100) * 1_000_000)).await;
        assert!(matches!(network.root().await, Root::Ours(shown, _) if shown.rate == (mbps + 100) * 125_000));
    }
    node.end("a");
    node.serve(pod("a").limited("1M"));
    node.delete("a");
    agent.wait_until_silent("a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_sandbox_gets_the_limit_too() {
    let (node, first, second) = (Node::new().await, Network::new(), Network::new());
    node.process("a", &first);
    node.serve(pod("a").limited("50M"));
    let mut agent = node.agent();
    agent.wait_for("a", in_force(50_000_000)).await;
    node.end("a");
    agent.wait_for("a", |pod| pod.problem.is_some() && pod.in_force_bps.is_none()).await;
    node.process("a", &second);
    agent.wait_for("a", in_force(50_000_000)).await;
    assert!(matches!(second.root().await, Root::Ours(..)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_network_of_a_pod_that_starts_is_limited_without_waiting_for_a_measurement() {
    let (node, network, marked) = (Node::new().await, Network::new(), Network::new());
    node.process("marker", &marked);
    node.serve(pod("a").starting().limited("50M"));
    node.serve(pod("marker").limited("1M"));
    let mut agent = node.agent_that_measures_every(NEVER);
    agent.wait_for("marker", in_force(1_000_000)).await;
    let waiting = agent.wait_for("a", |pod| pod.in_force_bps.is_none()).await;
    assert_eq!(waiting.problem, None);
    node.process("a", &network);
    agent.wait_for("a", in_force(50_000_000)).await;
    assert!(matches!(network.root().await, Root::Ours(..)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nodes_own_network_is_never_limited() {
    let (node, network) = (Node::new().await, Network::new());
    node.process("honest", &node.network);
    node.process("lying", &node.network);
    node.process("limited", &network);
    node.serve(pod("honest").limited("50M").on_host_network());
    node.serve(pod("lying").limited("50M"));
    node.serve(pod("limited").limited("50M"));
    let mut agent = node.agent();
    agent.wait_for("limited", in_force(50_000_000)).await;
    for name in ["honest", "lying"] {
        let report = agent.wait_for(name, |pod| pod.problem.is_some()).await;
        assert!(report.problem.unwrap().contains("node's network"));
        assert_eq!(report.in_force_bps, None);
    }
    assert_eq!(node.network.root().await, Root::Default);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_deleted_vanishes_from_the_report() {
    let (node, network) = (Node::new().await, Network::new());
    node.process("a", &network);
    node.serve(pod("a").limited("50M"));
    let mut agent = node.agent();
    agent.wait_for("a", in_force(50_000_000)).await;
    node.delete("a");
    agent.wait_until_silent("a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_goes_on_while_the_api_server_is_away() {
    let (node, network) = (Node::new().await, Network::new());
    node.process("a", &network);
    node.serve(pod("a").limited("50M"));
    let mut agent = node.agent();
    agent.wait_for("a", in_force(50_000_000)).await;
    node.fail(true);
    agent.wait_for_report(|report| !report.watching).await;
    network.tc(&["qdisc", "del", "dev", "eth0", "root"]);
    network.wait_for_root(|root| matches!(root, Root::Ours(..))).await;
    node.serve(pod("a").limited("60M"));
    node.fail(false);
    agent.wait_for("a", in_force(60_000_000)).await;
}
