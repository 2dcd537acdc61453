use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::sync::mpsc;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{RData, Record};
use tempfile::TempDir;

use super::*;
use crate::problem::Problem;
use crate::resolve::Names;
use crate::{AddressRules, Options};

/// Files in the place of those in /etc.
struct Files {
    directory: TempDir,
}

impl Files {
    fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Replaces a file at once, as kubelet does.
    fn write(&self, name: &str, text: &str) {
        fs::write(self.path("new"), text).unwrap();
        fs::rename(self.path("new"), self.path(name)).unwrap();
    }

    /// A probe that looks its target up again only when that is silent.
    fn probing(&self, host: &str, port: u16) -> Probing {
        self.probing_with(Duration::from_hours(1), host, port)
    }

    fn probing_with(&self, refresh: Duration, host: &str, port: u16) -> Probing {
        self.probing_within(AddressRules::anywhere(), refresh, spec(Protocol::Udp, host, port))
    }

    fn probing_within(&self, rules: AddressRules, refresh: Duration, spec: ProbeSpec) -> Probing {
        let options = Options { rules, key: None };
        let names = Names::from_files(self.path("resolv.conf"), self.path("hosts"), refresh);
        Probing::with(Prober::start_by(names, options).unwrap(), spec)
    }
}

fn is_unresolved(event: &Event) -> bool {
    matches!(event, Event::Failed { problem: Problem::Unresolved { .. }, .. })
}

#[test]
fn name_in_the_hosts_file_is_found() {
    let (files, reflecting) = (Files::new(), Reflecting::udp("127.0.0.1:0"));
    files.write("hosts", "127.0.0.1 robot robot.factory\n");
    files.probing("robot.factory", reflecting.address.port()).events.wait_for(3, is_answered);
}

#[test]
fn localhost_is_found_without_any_file() {
    let (files, reflecting) = (Files::new(), Reflecting::udp("127.0.0.1:0"));
    files.probing("localhost", reflecting.address.port()).events.wait_for(3, is_answered);
}

#[test]
fn this_hosts_own_files_know_localhost() {
    let reflecting = Reflecting::udp("127.0.0.1:0");
    let probing = Probing::of(spec(Protocol::Udp, "localhost", reflecting.address.port()));
    probing.events.wait_for(3, is_answered);
}

#[test]
fn name_not_found_is_a_fault_and_no_loss_and_picked_up_when_it_is_there() {
    let (files, reflecting) = (Files::new(), Reflecting::udp("127.0.0.1:0"));
    let probing = files.probing("robot", reflecting.address.port());
    probing.events.wait_for(1, is_unresolved);
    assert_eq!(probing.events.count(|event| matches!(event, Event::Sent { .. } | Event::Lost { .. })), 0);
    files.write("hosts", "127.0.0.1 robot\n");
    probing.events.wait_for(3, is_answered);
}

#[test]
fn name_that_is_no_name_is_a_fault() {
    let files = Files::new();
    for host in ["", "a..b", &"x".repeat(64), "white space"] {
        let probing = files.probing(host, 5201);
        let failed = probing.events.wait_for(1, is_unresolved);
        let Event::Failed { problem, .. } = &failed[0] else { unreachable!() };
        assert!(problem.to_string().starts_with(&format!("{host} cannot be resolved: ")), "{problem}");
    }
}

#[test]
fn target_that_returns_with_another_address_is_picked_up() {
    let (files, first) = (Files::new(), Reflecting::udp("127.0.1.1:0"));
    let port = first.address.port();
    files.write("hosts", "127.0.1.1 robot\n");
    let probing = files.probing("robot", port);
    probing.events.wait_for(3, is_answered);
    drop(first);
    probing.events.wait_for(3, is_lost);
    let before = probing.events.count(is_answered);

    let _second = Reflecting::udp(&format!("127.0.1.2:{port}"));
    files.write("hosts", "127.0.1.2 robot\n");
    probing.events.wait_for(before + 3, is_answered);
}

#[test]
fn name_that_moves_is_followed_though_the_old_address_still_answers() {
    let (files, first) = (Files::new(), Reflecting::udp("127.0.2.1:0"));
    let (probed, on_probed) = mpsc::channel();
    let second = UdpSocket::bind(("127.0.2.2", first.address.port())).unwrap();
    let _second = Peer::start_on(second, move |_, _, _| probed.send(()).unwrap_or_default());
    files.write("hosts", "127.0.2.1 robot\n");
    let probing = files.probing_with(Duration::from_millis(100), "robot", first.address.port());
    probing.events.wait_for(3, is_answered);
    files.write("hosts", "127.0.2.2 robot\n");
    on_probed.recv_timeout(Duration::from_secs(20)).unwrap();
}

/// Answers `robot.factory.svc.cluster.local` with 127.0.0.1, and says of all other names that they do not exist.
fn answer(query: &[u8]) -> Vec<u8> {
    let query = Message::from_vec(query).unwrap();
    let question = query.queries[0].clone();
    let mut response = query.into_response();
    if question.name().to_string() == "robot.factory.svc.cluster.local." {
        if question.query_type().is_ip_addr() && question.query_type().to_string() == "A" {
            let address = RData::A(Ipv4Addr::LOCALHOST.into());
            response.insert_answers(vec![Record::from_rdata(question.name().clone(), 5, address)]);
        }
    } else {
        response.metadata.response_code = ResponseCode::NXDomain;
    }
    response.to_vec().unwrap()
}

/// The port of name servers cannot be chosen in resolv.conf, and needs a privilege.
#[test]
fn name_server_is_asked_with_the_search_domains() {
    let [.., high, low] = std::process::id().to_be_bytes();
    let address = Ipv4Addr::new(127, 53, high, low);
    let server = match UdpSocket::bind((address, 53)) {
        Ok(server) => server,
        Err(error) => return assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied),
    };
    let _server = Peer::start_on(server, |socket, query, from| {
        socket.send_to(&answer(query), from).unwrap();
    });
    let (files, reflecting) = (Files::new(), Reflecting::udp("127.0.0.1:0"));
    let search = "search factory.svc.cluster.local svc.cluster.local cluster.local";
    files.write("resolv.conf", &format!("nameserver {address}\n{search}\noptions ndots:5\n"));
    for host in ["robot", "robot.factory", "robot.factory.svc", "robot.factory.svc.cluster.local"] {
        files.probing(host, reflecting.address.port()).events.wait_for(3, is_answered);
    }
    let probing = files.probing("nobody.factory", 5201);
    let failed = probing.events.wait_for(1, is_unresolved);
    let Event::Failed { problem, .. } = &failed[0] else { unreachable!() };
    assert_eq!(problem.to_string(), "nobody.factory cannot be resolved: there is no such name");
}

/// Sockets at an address that nobody may probe.
struct Forbidden {
    udp: UdpSocket,
    tcp: TcpListener,
    port: u16,
}

impl Forbidden {
    fn at(address: &str) -> Self {
        let udp = UdpSocket::bind((address, 0)).unwrap();
        let port = udp.local_addr().unwrap().port();
        let tcp = TcpListener::bind((address, port)).unwrap();
        udp.set_nonblocking(true).unwrap();
        tcp.set_nonblocking(true).unwrap();
        Self { udp, tcp, port }
    }

    /// How many datagrams and connections have come since last asked.
    fn heard(&self) -> usize {
        let datagrams = std::iter::from_fn(|| self.udp.recv_from(&mut [0; 2048]).ok()).count();
        datagrams + std::iter::from_fn(|| self.tcp.accept().ok()).count()
    }
}

fn is_forbidden(event: &Event) -> bool {
    matches!(event, Event::Failed { problem: Problem::Forbidden { .. }, .. })
}

fn forbidding(network: &str) -> AddressRules {
    AddressRules::anywhere().deny(&[network.parse().unwrap()])
}

#[test]
fn name_that_moves_to_a_forbidden_address_is_no_longer_probed() {
    let (files, allowed, forbidden) =
        (Files::new(), Reflecting::udp("127.0.4.1:0"), Forbidden::at("127.0.5.1"));
    files.write("hosts", "127.0.4.1 robot\n");
    let spec = spec(Protocol::Udp, "robot", allowed.address.port());
    let probing = files.probing_within(forbidding("127.0.5.0/24"), Duration::from_millis(20), spec);
    probing.events.wait_for(3, is_answered);
    files.write("hosts", "127.0.5.1 robot\n");
    let Event::Failed { problem, .. } = probing.events.wait_for(1, is_forbidden).remove(0) else {
        unreachable!()
    };
    let expected = Problem::Forbidden { host: "robot".into(), address: [127, 0, 5, 1].into() };
    assert_eq!(problem, expected);
    let sent = || probing.events.count(|event| matches!(event, Event::Sent { .. }));
    let before = sent();
    probing.events.wait_for(3, is_forbidden);
    assert_eq!((sent(), forbidden.heard()), (before, 0));
}

#[test]
fn not_a_packet_leaves_for_a_forbidden_address_by_any_protocol_or_spelling() {
    let (files, forbidden) = (Files::new(), Forbidden::at("127.0.6.1"));
    files.write("hosts", "127.0.6.1 robot\n::ffff:127.0.6.1 mapped\n127.0.7.1 both\n127.0.6.1 both\n");
    for host in ["127.0.6.1", "robot", "::ffff:127.0.6.1", "mapped", "both"] {
        for protocol in Protocol::ALL {
            let (rules, spec) = (forbidding("127.0.6.0/24"), spec(protocol, host, forbidden.port));
            let probing = files.probing_within(rules, Duration::from_millis(20), spec);
            let failed = probing.events.wait_for(1, is_forbidden);
            let Event::Failed { problem, .. } = &failed[0] else { unreachable!() };
            assert!(problem.to_string().contains("127.0.6.1, and may allow them"), "{problem}");
            assert_eq!(
                probing.events.all().len(),
                probing.events.count(is_forbidden),
                "{host} by {protocol}"
            );
        }
    }
    assert_eq!(forbidden.heard(), 0);
}

/// That what is counted above would be.
#[test]
fn packets_to_an_address_that_is_not_forbidden_are_heard() {
    let (files, there) = (Files::new(), Forbidden::at("127.0.8.1"));
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        let (rules, spec) = (forbidding("127.0.6.0/24"), spec(protocol, "127.0.8.1", there.port));
        let probing = files.probing_within(rules, Duration::from_millis(20), spec);
        probing.events.wait_for(1, |event| matches!(event, Event::Answered { .. } | Event::Lost { .. }));
        assert!(there.heard() > 0, "{protocol}");
    }
}
