use std::io::{ErrorKind, Read};
use std::net::{TcpStream, UdpSocket};
use std::time::{Instant, SystemTime};

use super::*;
use crate::packet::{self, Identity, Packet};

const IDENTITY: Identity = Identity { session: 1, sequence: 2 };

/// A socket at `local` that talks to `peer` only.
fn client(local: &str, peer: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((local, 0)).unwrap();
    socket.connect(peer).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket
}

fn probe(length: usize) -> Vec<u8> {
    let mut bytes = packet::probe(IDENTITY).to_vec();
    bytes.resize(length, 0xAA);
    bytes
}

#[test]
fn answer_is_as_long_as_the_probe_and_bears_its_identity() {
    let reflecting = Reflecting::udp("127.0.0.1:0");
    let client = client("127.0.0.1", reflecting.address);
    for length in [40, 41, 99, 100, 101, 576, 1499, 1500] {
        client.send(&probe(length)).unwrap();
        let mut answer = [0; 2048];
        assert_eq!(client.recv(&mut answer).unwrap(), length);
        let Some(Packet::Answer { identity, residence }) = packet::decode(&answer) else {
            panic!("{answer:?}");
        };
        assert_eq!(identity, IDENTITY);
        assert!(residence < Duration::from_secs(1), "{residence:?}");
        assert!(answer[40..length].iter().all(|byte| *byte == probe(length)[40]) || length > 100);
    }
}

#[test]
fn what_is_not_a_probe_is_not_answered() {
    let reflecting = Reflecting::udp("127.0.0.1:0");
    let client = client("127.0.0.1", reflecting.address);
    let mut answer = packet::probe(IDENTITY);
    packet::answer(&mut answer, SystemTime::now(), SystemTime::now());
    let others =
        [vec![], vec![0; 100], b"GET / HTTP/1.1\r\n".to_vec(), answer.to_vec(), probe(39), probe(1501)];
    for other in others {
        client.send(&other).unwrap();
    }
    // Datagrams are taken in turn: what is answered first is answered to this.
    client.send(&probe(123)).unwrap();
    assert_eq!(client.recv(&mut [0; 2048]).unwrap(), 123);
}

#[test]
fn answer_comes_from_the_address_that_was_probed() {
    let reflecting = Reflecting::udp("0.0.0.0:0");
    for address in ["127.0.0.1", "127.0.0.2", "127.1.2.3"] {
        let peer = format!("{address}:{}", reflecting.address.port()).parse().unwrap();
        // From 127.0.0.1, to which Linux would answer from 127.0.0.1.
        let client = client("127.0.0.1", peer);
        client.send(&probe(100)).unwrap();
        assert_eq!(client.recv(&mut [0; 2048]).unwrap(), 100, "{address}");
    }
}

#[test]
fn both_families_are_answered_on_the_ipv6_wildcard() {
    let reflector = match Reflector::udp("[::]:0".parse().unwrap()) {
        Ok(reflector) => Reflecting::start(reflector),
        Err(error) => {
            assert!(UdpSocket::bind("[::1]:0").is_err(), "{error:?}");
            return;
        }
    };
    for (local, address) in [("::1", "[::1]"), ("127.0.0.1", "127.0.0.2")] {
        let client = client(local, format!("{address}:{}", reflector.address.port()).parse().unwrap());
        client.send(&probe(100)).unwrap();
        assert_eq!(client.recv(&mut [0; 2048]).unwrap(), 100, "{address}");
    }
}

#[test]
fn one_source_is_limited_and_another_is_answered_all_the_same() {
    let reflecting = Reflecting::udp("127.0.0.1:0");
    let (greedy, modest) = (client("127.0.0.1", reflecting.address), client("127.0.0.9", reflecting.address));
    greedy.set_nonblocking(true).unwrap();
    let (start, mut sent, mut answered) = (Instant::now(), 0, 0);
    while sent - answered < 200 && start.elapsed() < Duration::from_secs(20) {
        // Probes are taken in turn: with the answer to the last, all answers to the others are there.
        for _ in 0..50 {
            greedy.send(&probe(40)).unwrap();
        }
        modest.send(&probe(40)).unwrap();
        modest.recv(&mut [0; 2048]).unwrap();
        sent += 50;
        answered += (0..50).take_while(|_| greedy.recv(&mut [0; 2048]).is_ok()).count();
    }
    assert!(sent - answered >= 200, "{answered} of {sent}");
    assert!(answered >= 200, "{answered}");
}

#[test]
fn connection_is_accepted_and_closed() {
    let reflecting = Reflecting::tcp("127.0.0.1:0");
    let mut connection = TcpStream::connect(reflecting.address).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(connection.read(&mut [0; 1]).unwrap(), 0);
}

#[test]
fn address_in_use_is_named() {
    let udp = Reflecting::udp("127.0.0.1:0");
    let error = Reflector::udp(udp.address).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on UDP {}", udp.address));
    let source = std::error::Error::source(&error).unwrap().downcast_ref::<std::io::Error>().unwrap();
    assert_eq!(source.kind(), ErrorKind::AddrInUse);
    let tcp = Reflecting::tcp("127.0.0.1:0");
    assert!(Reflector::tcp(tcp.address).unwrap_err().to_string().starts_with("cannot listen on TCP"));
}
