use std::fs;
use std::process::Command;
use std::thread;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};

use super::*;
use crate::problem::Problem;

fn is_refused(event: &Event) -> bool {
    matches!(event, Event::Failed { problem: Problem::PingNotPermitted { .. }, .. })
}

#[test]
fn ping_is_answered_or_the_sysctl_is_named() {
    let probing = Probing::of(spec(Protocol::Icmp, "127.0.0.1", 0));
    match &probing.events.wait_for(1, |event| is_answered(event) || is_refused(event))[0] {
        Event::Answered { rtt, .. } => assert!(rtt.as_millis() < 200),
        Event::Failed { problem, .. } => {
            assert!(problem.to_string().contains("net.ipv4.ping_group_range"), "{problem}");
        }
        other => panic!("{other:?}"),
    }
}

/// In a network namespace of its own, where the sysctl can be set. Without the privilege to make one, the
/// outcome is asserted by the test above alone.
#[test]
fn ping_starts_to_work_when_the_sysctl_is_set() {
    let in_own_namespace = || {
        if unshare(CloneFlags::CLONE_NEWNET) == Err(Errno::EPERM) {
            return;
        }
        assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
        fs::write("/proc/sys/net/ipv4/ping_group_range", "1 0").unwrap();
        let probing = Probing::of(spec(Protocol::Icmp, "127.0.0.1", 0));
        probing.events.wait_for(1, is_refused);
        assert_eq!(probing.events.count(|event| matches!(event, Event::Sent { .. })), 0);

        fs::write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647").unwrap();
        probing.events.wait_for(20, is_answered);
        let v6 = Probing::of(spec(Protocol::Icmp, "::1", 0));
        v6.events.wait_for(20, is_answered);
    };
    thread::spawn(in_own_namespace).join().unwrap();
}
