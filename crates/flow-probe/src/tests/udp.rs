use std::net::UdpSocket;
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use super::*;
use crate::event::Sink;
use crate::packet;
use crate::problem::Problem;

fn udp(address: SocketAddr) -> ProbeSpec {
    spec(Protocol::Udp, &address.ip().to_string(), address.port())
}

/// Makes a valid answer of a probe.
fn answer(datagram: &mut [u8]) {
    let now = SystemTime::now();
    assert!(packet::answer(datagram, now, now));
}

#[test]
fn probes_are_answered_by_the_reflector() {
    let reflecting = Reflecting::udp("127.0.0.1:0");
    let probing = Probing::of(udp(reflecting.address));
    for event in probing.events.wait_for(100, is_answered) {
        let Event::Answered { rtt, .. } = event else { unreachable!() };
        assert!(rtt < Duration::from_millis(200), "{rtt:?}");
    }
    let sent = probing.events.count(|event| matches!(event, Event::Sent { .. }));
    assert!(sent >= 100, "{sent}");
    assert_eq!(probing.events.count(|event| matches!(event, Event::Duplicate { .. } | Event::Stray)), 0);
}

#[test]
fn each_probe_has_one_outcome_and_a_time_of_its_own() {
    let reflecting = Reflecting::udp("127.0.0.1:0");
    let probing = Probing::of(udp(reflecting.address));
    probing.events.wait_for(100, is_answered);
    let (mut sent, mut settled) = (Vec::new(), Vec::new());
    for event in probing.events.all() {
        match event {
            Event::Sent { sent_at, .. } => sent.push(sent_at),
            Event::Answered { sent_at, .. } | Event::Lost { sent_at } | Event::Discarded { sent_at, .. } => {
                assert!(sent.contains(&sent_at) && !settled.contains(&sent_at));
                settled.push(sent_at);
            }
            _ => {}
        }
    }
    assert!(sent.is_sorted());
    assert!(settled.len() >= 100);
}

#[test]
fn target_not_there_is_lost_and_refused_and_then_picked_up() {
    let port = UdpSocket::bind("127.0.0.77:0").unwrap().local_addr().unwrap().port();
    let probing = Probing::of(spec(Protocol::Udp, "127.0.0.77", port));
    probing.events.wait_for(10, is_lost);
    let failed = probing.events.wait_for(1, |event| matches!(event, Event::Failed { .. }));
    let Event::Failed { problem, .. } = &failed[0] else { unreachable!() };
    assert_eq!(*problem, Problem::Refused { endpoint: format!("127.0.0.77:{port}") });
    assert_eq!(probing.events.count(is_answered), 0);

    let _reflecting = Reflecting::udp(&format!("127.0.0.77:{port}"));
    probing.events.wait_for(10, is_answered);
}

#[test]
fn target_gone_is_lost_and_picked_up_when_it_is_back() {
    let reflecting = Reflecting::udp("127.0.0.1:0");
    let address = reflecting.address;
    let probing = Probing::of(udp(address));
    probing.events.wait_for(10, is_answered);
    drop(reflecting);
    probing.events.wait_for(10, is_lost);
    let before = probing.events.count(is_answered);

    let _reflecting = Reflecting::udp(&address.to_string());
    probing.events.wait_for(before + 10, is_answered);
}

#[test]
fn second_answer_is_a_duplicate() {
    let peer = Peer::start(|socket, datagram, from| {
        answer(datagram);
        socket.send_to(datagram, from).unwrap();
        socket.send_to(datagram, from).unwrap();
    });
    let probing = Probing::of(udp(peer.address));
    probing.events.wait_for(10, |event| matches!(event, Event::Duplicate { .. }));
    assert!(probing.events.count(is_answered) >= 10);
}

/// What a peer may send that is no answer, by what it does to a valid one.
#[test]
fn what_is_not_an_answer_is_stray_and_its_probe_lost() {
    type Spoil = fn(&mut Vec<u8>);
    let not_answers: [(&str, Spoil); 7] = [
        ("another session", |bytes| bytes[8..16].fill(7)),
        ("a sequence number not yet used", |bytes| bytes[16..24].fill(7)),
        ("the probe itself", |bytes| bytes[5] = 1),
        ("one byte less", |bytes| bytes.truncate(99)),
        ("one byte more", |bytes| bytes.push(0)),
        ("nothing", Vec::clear),
        ("a long datagram", |bytes| bytes.resize(1400, 0)),
    ];
    for (what, spoil) in not_answers {
        let peer = Peer::start(move |socket, datagram, from| {
            answer(datagram);
            let mut bytes = datagram.to_vec();
            spoil(&mut bytes);
            socket.send_to(&bytes, from).unwrap();
        });
        let probing = Probing::of(udp(peer.address));
        probing.events.wait_for(3, |event| *event == Event::Stray);
        probing.events.wait_for(3, is_lost);
        assert_eq!(probing.events.count(is_answered), 0, "{what}");
    }
}

#[test]
fn valid_answer_from_another_source_is_ignored() {
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let peer = Peer::start(move |socket, datagram, from| {
        answer(datagram);
        stranger.send_to(datagram, from).unwrap();
        socket.send_to(datagram, from).unwrap();
    });
    let probing = Probing::of(udp(peer.address));
    probing.events.wait_for(10, is_answered);
    assert_eq!(probing.events.count(|event| matches!(event, Event::Duplicate { .. } | Event::Stray)), 0);
}

#[test]
fn answer_after_the_loss_is_late() {
    let (lost, on_lost) = mpsc::channel::<()>();
    let peer = Peer::start(move |socket, datagram, from| {
        // The first probe is answered when the test has seen its loss, the others at once.
        let _seen = on_lost.recv();
        answer(datagram);
        socket.send_to(datagram, from).unwrap();
    });
    let probing = Probing::of(udp(peer.address));
    let first = probing.events.wait_for(1, is_lost).remove(0);
    drop(lost);
    let late = probing.events.wait_for(1, |event| matches!(event, Event::Late { .. })).remove(0);
    let (Event::Lost { sent_at }, Event::Late { sent_at: late_of, rtt }) = (first, late) else {
        unreachable!()
    };
    assert_eq!(late_of, sent_at);
    assert!(rtt >= Duration::from_millis(200), "{rtt:?}");
    let answered =
        probing.events.count(|event| matches!(event, Event::Answered { sent_at: s, .. } if *s == sent_at));
    assert_eq!(answered, 0);
}

#[test]
fn answers_in_another_order_are_reordered() {
    let mut held = None;
    let peer = Peer::start(move |socket, datagram, from| {
        answer(datagram);
        match held.take() {
            None => held = Some(datagram.to_vec()),
            Some(first) => {
                socket.send_to(datagram, from).unwrap();
                socket.send_to(&first, from).unwrap();
            }
        }
    });
    let probing = Probing::of(udp(peer.address));
    probing.events.wait_for(5, |event| matches!(event, Event::Answered { reordered: true, .. }));
    assert!(probing.events.count(|event| matches!(event, Event::Answered { reordered: false, .. })) >= 5);
}

#[test]
fn time_the_reflector_took_does_not_count() {
    let peer = Peer::start(move |socket, datagram, from| {
        let received = SystemTime::now();
        thread::sleep(Duration::from_millis(10));
        assert!(packet::answer(datagram, received, SystemTime::now()));
        socket.send_to(datagram, from).unwrap();
    });
    let probing = Probing::of(ProbeSpec { interval: Duration::from_millis(50), ..udp(peer.address) });
    let events = probing.events.wait_for(20, is_answered);
    let fastest = events.iter().map(|event| match event {
        Event::Answered { rtt, .. } => *rtt,
        _ => Duration::MAX,
    });
    assert!(fastest.min().unwrap() < Duration::from_millis(5));
}

#[test]
fn dropping_the_handle_ends_the_probe() {
    struct Ends(#[expect(dead_code, reason = "its end is what the test waits for")] mpsc::Sender<()>);
    impl Sink for Ends {
        fn record(&self, _: Event) {}
    }
    let reflecting = Reflecting::udp("127.0.0.1:0");
    let prober = Prober::start().unwrap();
    let (sender, ended) = mpsc::channel();
    let handle = prober.spawn(udp(reflecting.address), Arc::new(Ends(sender)));
    assert_eq!(ended.recv_timeout(Duration::from_millis(100)), Err(mpsc::RecvTimeoutError::Timeout));
    drop(handle);
    assert_eq!(ended.recv_timeout(Duration::from_secs(20)), Err(mpsc::RecvTimeoutError::Disconnected));
}
