//! A path that loses, doubles, delays and forges, whose own notes say what a prober must have seen.

use std::collections::VecDeque;
use std::net::UdpSocket;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::*;
use crate::event::Discard;

/// What the path does with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It never arrives.
    Lost,
    /// It arrives.
    Passed,
    /// It arrives twice.
    Doubled,
    /// It arrives after the next one that arrives.
    Overtaken,
}

/// A path to a reflector of its own.
struct Path {
    /// What became of each probe, by its sequence number.
    fates: Arc<Mutex<Vec<Fate>>>,
    peer: Peer,
    _reflecting: Reflecting,
}

impl Path {
    /// A path at `address` that gives each answer the next of these fates.
    fn at(address: &str, mut fate: impl FnMut() -> Fate + Send + 'static) -> Self {
        let reflecting = Reflecting::udp(&format!("{address}:0"));
        let far = far_side(&format!("{address}:0"), reflecting.address);
        let (fates, mut overtaken) = (Arc::<Mutex<Vec<_>>>::default(), VecDeque::new());
        let notes = Arc::clone(&fates);
        let near = UdpSocket::bind(format!("{address}:0")).unwrap();
        let peer = Peer::start_on(near, move |near, probe, from| {
            let answer = round_trip(&far, probe);
            let fate = fate();
            notes.lock().unwrap().push(fate);
            match fate {
                Fate::Lost => return,
                Fate::Overtaken => return overtaken.push_back(answer),
                Fate::Passed => send(near, &answer, from, 1),
                Fate::Doubled => send(near, &answer, from, 2),
            }
            overtaken.drain(..).for_each(|late: Vec<u8>| send(near, &late, from, 1));
        });
        Self { fates, peer, _reflecting: reflecting }
    }

    fn fates(&self) -> Vec<Fate> {
        self.fates.lock().unwrap().clone()
    }
}

/// The side of a path that the reflector sees.
fn far_side(local: &str, reflector: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(local).unwrap();
    socket.connect(reflector).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket
}

fn round_trip(far: &UdpSocket, probe: &[u8]) -> Vec<u8> {
    let mut answer = vec![0; 2048];
    far.send(probe).unwrap();
    let length = far.recv(&mut answer).unwrap();
    answer.truncate(length);
    answer
}

fn send(near: &UdpSocket, answer: &[u8], to: SocketAddr, times: usize) {
    (0..times).for_each(|_| assert_eq!(near.send_to(answer, to).unwrap(), answer.len()));
}

/// Fates at random, but the same in each run: half of all answers are lost.
fn half_lost() -> impl FnMut() -> Fate {
    let mut state = 8_u64;
    move || {
        // Knuth's MMIX generator; its high bits are random enough.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        match state >> 61 {
            0 => Fate::Doubled,
            1 => Fate::Overtaken,
            2 | 3 => Fate::Passed,
            _ => Fate::Lost,
        }
    }
}

/// So patient that a busy machine makes no loss of its own.
fn patient(path: &Path) -> ProbeSpec {
    let timeout = Duration::from_secs(3);
    ProbeSpec {
        timeout,
        ..spec(Protocol::Udp, &path.peer.address.ip().to_string(), path.peer.address.port())
    }
}

/// All that was said of each probe, in the order of sending.
fn by_probe(events: &[Event]) -> Vec<(Instant, Vec<Event>)> {
    let sent = events
        .iter()
        .filter_map(|event| if let Event::Sent { sent_at, .. } = event { Some(*sent_at) } else { None });
    let of =
        |probe: Instant| events.iter().filter(move |event| about(event) == Some(probe)).cloned().collect();
    sent.map(|probe| (probe, of(probe))).collect()
}

/// The probe whose fate an event tells.
fn about(event: &Event) -> Option<Instant> {
    match event {
        Event::Answered { sent_at, .. }
        | Event::Lost { sent_at }
        | Event::Late { sent_at, .. }
        | Event::Duplicate { sent_at }
        | Event::Discarded { sent_at, .. } => Some(*sent_at),
        Event::Sent { .. } | Event::Stray | Event::Failed { .. } => None,
    }
}

fn is_outcome(event: &Event) -> bool {
    matches!(event, Event::Answered { .. } | Event::Lost { .. } | Event::Discarded { .. })
}

/// Whether this is what must have been said of an answer with that fate. A busy machine may have sent the probe too
/// slowly for its time to be known.
fn tells(said: &[Event], fate: Fate) -> bool {
    use Event::{Answered, Discarded, Duplicate, Lost};
    match (fate, said) {
        (Fate::Lost, [Lost { .. }])
        | (Fate::Passed | Fate::Overtaken, [Answered { .. }])
        | (Fate::Doubled, [Answered { .. }, Duplicate { .. }]) => true,
        (Fate::Passed | Fate::Overtaken, [Discarded { reason, .. }])
        | (Fate::Doubled, [Discarded { reason, .. }, ..]) => *reason == Discard::SlowSend,
        _ => false,
    }
}

/// Whether an answer is told to be reordered where one to a later probe was answered before it, and only there.
fn order_is_told(events: &[Event]) -> bool {
    let mut newest = None;
    events.iter().all(|event| {
        let Event::Answered { sent_at, reordered, .. } = event else { return true };
        let is_told = *reordered == newest.is_some_and(|newest| *sent_at < newest);
        newest = newest.max(Some(*sent_at));
        is_told
    })
}

fn each_fate_is_told(address: &str) {
    const PROBES: usize = 300;
    let path = Path::at(address, half_lost());
    let probing = Probing::of(patient(&path));
    let sent = probing.events.wait_for(PROBES, |event| matches!(event, Event::Sent { .. }));
    let Event::Sent { sent_at: last, .. } = sent[PROBES - 1] else { unreachable!() };
    // Losses are told in the order of sending.
    probing.events.wait_for(1, |event| matches!(event, Event::Lost { sent_at } if *sent_at > last));
    let events = probing.events.all();
    let (fates, said) = (path.fates(), by_probe(&events));
    for (number, (fate, (_, said))) in fates.iter().zip(&said).take(PROBES).enumerate() {
        assert!(tells(said, *fate), "probe {number}: {fate:?}, {said:#?}");
    }
    let count_lost = |fates: &[Fate]| fates.iter().filter(|fate| **fate == Fate::Lost).count();
    assert!(
        (PROBES * 2 / 5..PROBES * 3 / 5).contains(&count_lost(&fates[..PROBES])),
        "half of them are lost"
    );
    let reordered = events.iter().filter(|event| matches!(event, Event::Answered { reordered: true, .. }));
    assert!(order_is_told(&events) && reordered.count() > 10);
    assert!(!events.contains(&Event::Stray));
}

#[test]
fn of_each_probe_is_told_exactly_what_a_path_did_that_loses_half_and_doubles_and_reorders_others() {
    each_fate_is_told("127.0.0.1");
}

#[test]
fn the_same_holds_over_ipv6() {
    network::in_one_of_its_own(|| each_fate_is_told("[::1]"));
}

/// How long the path really takes.
const PATH: Duration = Duration::from_millis(20);

#[test]
fn what_is_forged_or_replayed_comes_first_and_measures_nothing() {
    let reflecting = Reflecting::udp("127.0.0.1:0");
    let far = far_side("127.0.0.1:0", reflecting.address);
    let mut heard = Vec::<Vec<u8>>::new();
    let peer = Peer::start(move |near, probe, from| {
        let answer = round_trip(&far, probe);
        // Who cannot see the probes guesses their session, or hopes for a later probe; who has seen answers repeats them.
        for (place, byte) in [(8, 0xFF), (15, 0x01), (16, 0x7F), (22, 0x40)] {
            let mut forged = answer.clone();
            forged[place] ^= byte;
            send(near, &forged, from, 1);
        }
        heard.iter().rev().take(3).for_each(|old| send(near, old, from, 1));
        thread::sleep(PATH);
        send(near, &answer, from, 1);
        heard.push(answer);
    });
    let address = peer.address;
    let interval = PATH * 2;
    let probing = Probing::of(ProbeSpec { interval, ..spec(Protocol::Udp, "127.0.0.1", address.port()) });
    for event in probing.events.wait_for(50, is_answered) {
        let Event::Answered { rtt, .. } = event else { unreachable!() };
        assert!(rtt >= PATH, "{rtt:?}: a forged answer was taken");
    }
    let all = probing.events.all();
    let outcomes =
        by_probe(&all).into_iter().map(|(_, said)| said.iter().filter(|event| is_outcome(event)).count());
    assert!(outcomes.max() == Some(1), "no probe is measured twice");
    let (strays, doubles) = (
        probing.events.count(|event| *event == Event::Stray),
        probing.events.count(|event| matches!(event, Event::Duplicate { .. })),
    );
    assert!(
        strays >= 49 * 4 && doubles >= 46 * 3,
        "{strays} forged and {doubles} replayed answers were seen"
    );
}
