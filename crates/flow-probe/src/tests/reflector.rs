use std::io::{ErrorKind, Read};
use std::net::{TcpStream, UdpSocket};
use std::time::{Instant, SystemTime};

use super::*;
use crate::key::Key;
use crate::packet::{self, Identity, Packet};
use crate::prober::Options;

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

/// A small generator of bytes that are the same in each run.
fn noise(state: &mut u64, length: usize) -> Vec<u8> {
    let mut next = || {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

/// Bytes that come back for what a client sends, once a probe of another source was answered: datagrams are taken in
/// turn. A reflector's own key lets that probe in.
fn bytes_back(client: &UdpSocket, other: &UdpSocket, marked: &[u8]) -> usize {
    other.send(marked).unwrap();
    other.recv(&mut [0; 2048]).unwrap();
    client.set_nonblocking(true).unwrap();
    std::iter::from_fn(|| client.recv(&mut [0; 2048]).ok()).sum()
}

#[test]
fn no_more_bytes_come_out_than_went_in_whatever_is_sent() {
    let reflecting = Reflecting::udp("127.0.0.1:0");
    let (client, other) = (client("127.0.0.1", reflecting.address), client("127.0.0.9", reflecting.address));
    let (mut state, mut sent, mut back) = (7, 0, 0);
    for round in 0..400_usize {
        let length = usize::from(noise(&mut state, 1)[0]) * 6;
        let mut datagram = noise(&mut state, length);
        // Half of them begin like a probe.
        if round % 2 == 0 {
            datagram.iter_mut().zip(probe(8)).for_each(|(byte, of_probe)| *byte = of_probe);
        }
        sent += client.send(&datagram).unwrap();
        // As seldom as the rate of the other allows, and as often as the queues need.
        if round % 20 == 19 {
            back += bytes_back(&client, &other, &probe(40));
        }
    }
    assert!(back <= sent && back > 0, "{back} bytes came out, {sent} went in");
}

fn key(secret: &str) -> Key {
    Key::of(secret.as_bytes())
}

fn sealed(key: &Key, sequence: u64) -> Vec<u8> {
    let mut packet = packet::probe(Identity { session: 9, sequence }).to_vec();
    key.seal(&mut packet);
    packet
}

fn keyed(secrets: &[&str]) -> Reflecting {
    let reflector = Reflector::udp("127.0.0.1:0".parse().unwrap()).unwrap();
    Reflecting::start(reflector.with_keys(secrets.iter().map(|secret| key(secret)).collect()))
}

#[test]
fn where_there_is_a_key_nothing_else_is_answered_and_no_probe_twice() {
    let (reflecting, ours) = (keyed(&["the key of today", "the key of before"]), key("the key of today"));
    let (client, other) = (client("127.0.0.1", reflecting.address), client("127.0.0.9", reflecting.address));
    let (mut altered, mut answer) = (sealed(&ours, 1), packet::probe(IDENTITY));
    altered[23] ^= 1;
    packet::answer(&mut answer, SystemTime::now(), SystemTime::now());
    ours.seal(&mut answer);
    let refused = [probe(100), probe(40), sealed(&key("some other key!!"), 1), altered, answer.to_vec()];
    for datagram in refused {
        client.send(&datagram).unwrap();
    }
    assert_eq!(bytes_back(&client, &other, &sealed(&ours, 100)), 0);
    for (sequence, signer, expected) in [
        (101, "the key of today", 100),
        (101, "the key of today", 0),
        (99, "the key of before", 100),
        (99, "the key of today", 0),
        (100, "the key of today", 0),
    ] {
        client.send(&sealed(&key(signer), sequence)).unwrap();
        let marked = sealed(&ours, 1000 + sequence);
        let back = bytes_back(&client, &other, &marked_in_another_session(&ours, marked));
        assert_eq!(back, expected, "{sequence} by {signer}");
    }
}

/// The same probe in a session that nothing else is sent in.
fn marked_in_another_session(key: &Key, mut packet: Vec<u8>) -> Vec<u8> {
    packet[8..16].copy_from_slice(&rand::random::<[u8; 8]>());
    key.seal(&mut packet);
    packet
}

#[test]
fn prober_and_reflector_of_one_key_measure_and_of_two_do_not() {
    let reflecting = keyed(&["the key of today"]);
    let probing = |secret: Option<&str>, address: SocketAddr| {
        let options = Options { key: secret.map(key), ..Options::default() };
        Probing::with(Prober::start_with(options).unwrap(), spec(Protocol::Udp, "127.0.0.1", address.port()))
    };
    probing(Some("the key of today"), reflecting.address).events.wait_for(3, is_answered);
    for other in [None, Some("the key of yours")] {
        let probing = probing(other, reflecting.address);
        probing.events.wait_for(3, is_lost);
        assert_eq!(probing.events.count(is_answered), 0, "{other:?}");
    }
    // An answer that is not sealed could come from anybody on the way.
    let open = Reflecting::udp("127.0.0.1:0");
    let probing = probing(Some("the key of today"), open.address);
    probing.events.wait_for(3, is_lost);
    assert_eq!(probing.events.count(is_answered), 0);
    assert!(probing.events.count(|event| matches!(event, Event::Stray)) > 0);
}

#[test]
fn forged_probes_do_not_use_up_the_rate_of_whom_they_pretend_to_come_from() {
    let (reflecting, ours) = (keyed(&["the key of today"]), key("the key of today"));
    let client = client("127.0.0.1", reflecting.address);
    for _ in 0..20 {
        for _ in 0..50 {
            client.send(&probe(100)).unwrap();
        }
        // Taken in turn, so that none of the forged ones is dropped for want of room.
        let honest = marked_in_another_session(&ours, sealed(&ours, 1));
        client.send(&honest).unwrap();
        assert_eq!(client.recv(&mut [0; 2048]).unwrap(), 100);
    }
}
