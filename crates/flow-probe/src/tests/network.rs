//! Faults of the network, in network namespaces that a test makes for itself. Needs root.

use std::process::Command;
use std::thread;

use nix::sched::{CloneFlags, unshare};

use super::*;
use crate::problem::Problem;

/// Runs `task` in a new network namespace, whose loopback device is up.
pub(super) fn in_one_of_its_own(task: impl FnOnce() + Send + 'static) {
    let within = || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        run("ip link set lo up");
        task();
    };
    // What this thread starts lives in its namespace as well.
    if let Err(panic) = thread::spawn(within).join() {
        std::panic::resume_unwind(panic);
    }
}

fn run(line: &str) {
    let output = Command::new("sh").args(["-c", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What is sent to 198.18.0.9:5201 goes to `address` from now on, unless it belongs to what was sent before.
fn translate_to(address: SocketAddr) {
    run("nft flush ruleset");
    run("nft add table ip nat");
    run("nft add chain ip nat output '{ type nat hook output priority -100; }'");
    run(&format!("nft add rule ip nat output ip daddr 198.18.0.9 udp dport 5201 dnat to {address}"));
}

#[test]
fn a_target_that_has_moved_behind_its_translated_address_is_found_there() {
    in_one_of_its_own(|| {
        run("ip address add 198.18.0.9/32 dev lo");
        let (first, second) = (Reflecting::udp("127.0.0.1:0"), Reflecting::udp("127.0.0.1:0"));
        translate_to(first.address);
        let probing = Probing::of(spec(Protocol::Udp, "198.18.0.9", 5201));
        probing.events.wait_for(20, is_answered);
        translate_to(second.address);
        // Nobody refuses what the translation still sends to where the target was.
        let silent = first.address;
        drop(first);
        let _nobody = Peer::start_on(UdpSocket::bind(silent).unwrap(), |_, _, _| {});
        probing.events.wait_for(100, is_lost);
        let before = probing.events.count(is_answered);
        probing.events.wait_for(before + 20, is_answered);
    });
}

#[test]
fn answers_from_another_port_than_was_probed_are_none() {
    in_one_of_its_own(|| {
        let reflecting = Reflecting::udp("127.0.0.1:0");
        let probing = Probing::of(spec(Protocol::Udp, "127.0.0.1", reflecting.address.port()));
        probing.events.wait_for(20, is_answered);
        run("nft add table ip mangle");
        run("nft add chain ip mangle input '{ type filter hook input priority -150; }'");
        run(&format!(
            "nft add rule ip mangle input udp sport {} udp sport set 4242",
            reflecting.address.port()
        ));
        let answered = probing.events.wait_for(20, is_lost).len();
        assert!(answered >= 20);
        let before = probing.events.count(is_answered);
        let lost = probing.events.count(is_lost);
        probing.events.wait_for(lost + 20, is_lost);
        assert_eq!(probing.events.count(is_answered), before, "an answer from elsewhere was taken");
        run("nft flush ruleset");
        probing.events.wait_for(before + 20, is_answered);
    });
}

#[test]
fn a_target_without_a_way_to_it_is_not_probed_and_not_lost_and_picked_up_when_the_way_is_back() {
    in_one_of_its_own(|| {
        run("ip address add 198.18.0.9/32 dev lo");
        let _reflecting = Reflecting::udp("198.18.0.9:5201");
        let probing = Probing::of(spec(Protocol::Udp, "198.18.0.9", 5201));
        probing.events.wait_for(20, is_answered);
        run("ip address del 198.18.0.9/32 dev lo");
        let is_no_route =
            |event: &Event| matches!(event, Event::Failed { problem: Problem::NoRoute { .. }, .. });
        probing.events.wait_for(2, is_no_route);
        let events = probing.events.all();
        let no_way_since = events.iter().find_map(|event| match event {
            Event::Failed { at, problem: Problem::NoRoute { .. } } => Some(*at),
            _ => None,
        });
        // A probe that was on its way when the address went is lost.
        let is_lost_since =
            |event: &Event| matches!(event, Event::Lost { sent_at } if Some(*sent_at) >= no_way_since);
        assert!(!events.iter().any(is_lost_since), "what was not sent is no loss: {events:#?}");
        let before = probing.events.count(is_answered);
        run("ip address add 198.18.0.9/32 dev lo");
        probing.events.wait_for(before + 20, is_answered);
    });
}

#[test]
fn a_device_that_takes_no_whole_probe_is_probed_in_fragments() {
    in_one_of_its_own(|| {
        run("ip link set lo mtu 100");
        let reflecting = Reflecting::udp("127.0.0.1:0");
        let probing = Probing::of(spec(Protocol::Udp, "127.0.0.1", reflecting.address.port()));
        probing.events.wait_for(50, is_answered);
        assert_eq!(probing.events.count(|event| is_lost(event) || matches!(event, Event::Failed { .. })), 0);
    });
}

#[test]
fn tcp_and_udp_are_probed_over_ipv6() {
    in_one_of_its_own(|| {
        run("ip address add fd00::9/128 dev lo nodad");
        let (udp, tcp) = (Reflecting::udp("[::]:0"), Reflecting::tcp("[::]:0"));
        for (protocol, port) in [(Protocol::Udp, udp.address.port()), (Protocol::Tcp, tcp.address.port())] {
            let probing = Probing::of(spec(protocol, "fd00::9", port));
            probing.events.wait_for(20, is_answered);
            assert_eq!(probing.events.count(is_lost), 0, "{protocol}");
        }
    });
}
