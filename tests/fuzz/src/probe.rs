use flow_probe::Protocol;
use flow_probe::fuzzing::{probe, read, reflect};
use std::time::{Duration, UNIX_EPOCH};

/// Length of a probe and of its answer, bytes.
const LENGTH: usize = 100;
/// Where session and sequence number stand.
const IDENTITY: std::ops::Range<usize> = 8..24;

/// A datagram that a reflector or a prober receives from anybody.
///
/// A reflector sends back no more than it got, only to what is a probe, never twice, and with the session and the
/// sequence number as they were; a prober takes nothing for an answer that no reflector makes.
pub fn probe_datagram(data: &[u8]) {
    let mut sent = data.to_vec();
    let received = UNIX_EPOCH + Duration::from_secs(5);
    let answered = reflect(&mut sent, received, received + Duration::from_micros(7));
    assert_eq!(sent.len(), data.len());
    assert!(answered || sent == data, "what is no probe was changed");
    if answered {
        assert_eq!((sent.get(IDENTITY), sent.get(40..)), (data.get(IDENTITY), data.get(40..)));
        let read = read(Protocol::Udp, &sent);
        assert_eq!(read.map(|(.., residence)| residence).is_some(), data.len() == LENGTH);
        assert!(read.is_none_or(|(.., residence)| residence == Duration::from_micros(7)));
        assert!(!reflect(&mut sent, received, received), "an answer was answered");
    }
    taken(data);
}

fn taken(data: &[u8]) {
    assert_eq!(read(Protocol::Tcp, data), None);
    if let Some((session, sequence, _)) = read(Protocol::Udp, data) {
        assert_eq!(data.len(), LENGTH);
        assert_eq!(probe(session, sequence).get(IDENTITY), data.get(IDENTITY));
    }
    if let Some((session, sequence, residence)) = read(Protocol::Icmp, data) {
        assert_eq!((data.len(), residence), (LENGTH + 8, Duration::ZERO));
        assert_eq!(probe(session, sequence).get(..24), data.get(8..32));
    }
}
