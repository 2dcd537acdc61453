use std::fs;
use std::net::{TcpListener, TcpStream};

use socket2::{Domain, Socket, Type};

use super::*;
use crate::problem::Problem;

fn tcp(port: u16) -> ProbeSpec {
    spec(Protocol::Tcp, "127.0.0.1", port)
}

/// How many connections with that remote port are in TIME-WAIT.
fn in_time_wait(port: u16) -> usize {
    let remote = format!(":{port:04X}");
    let connections = fs::read_to_string("/proc/net/tcp").unwrap();
    let fields = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let connections = connections.lines().skip(1).map(fields);
    connections.filter(|f| (f[1].ends_with(&remote) || f[2].ends_with(&remote)) && f[3] == "06").count()
}

#[test]
fn connections_are_answered_and_leave_nothing_behind() {
    let reflecting = Reflecting::tcp("127.0.0.1:0");
    let probing = Probing::of(tcp(reflecting.address.port()));
    let events = probing.events.wait_for(10, is_answered);
    assert!(events.iter().all(|event| matches!(event, Event::Answered { rtt, .. } if rtt.as_millis() < 200)));
    assert_eq!(in_time_wait(reflecting.address.port()), 0);
}

#[test]
fn target_not_there_is_lost_and_refused_and_then_picked_up() {
    let port = TcpListener::bind("127.0.0.77:0").unwrap().local_addr().unwrap().port();
    let probing = Probing::of(spec(Protocol::Tcp, "127.0.0.77", port));
    probing.events.wait_for(2, is_lost);
    let refused = Problem::Refused { endpoint: format!("127.0.0.77:{port}") };
    probing.events.wait_for(2, |event| matches!(event, Event::Failed { problem, .. } if *problem == refused));
    assert_eq!(probing.events.count(is_answered), 0);

    let _reflecting = Reflecting::tcp(&format!("127.0.0.77:{port}"));
    probing.events.wait_for(2, is_answered);
}

#[test]
fn target_that_does_not_accept_is_lost_without_a_fault() {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    // With a backlog of 0 there is room for one connection; the SYNs of others are dropped.
    let _filling = TcpStream::connect(address).unwrap();
    let probing = Probing::of(tcp(address.port()));
    probing.events.wait_for(3, is_lost);
    assert_eq!(probing.events.count(|event| matches!(event, Event::Failed { .. })), 0);
    assert_eq!(probing.events.count(is_answered), 0);
}
