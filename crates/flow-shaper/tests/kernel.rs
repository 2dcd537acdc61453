//! What the kernel does with our token bucket filter, on real namespaces. Needs root.

mod network;

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use flow_control::Bandwidth;
use flow_shaper::{HANDLE, Interface, InterfaceError, NamespaceId, Root, Tbf};

use network::{Network, counters, within};

fn tbf(bps: u64) -> Tbf {
    Tbf::new(Bandwidth::from_bps(bps), 1500)
}

#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
async fn set(interface: &Interface, bps: u64) {
    let seen = interface.look().await.unwrap();
    interface.set(seen.index, &tbf(bps)).await.unwrap();
}

/// Bits per second that leave during that time.
#[expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
async fn leaving(interface: &Interface, time: Duration) -> f64 {
    let (start, before) = (Instant::now(), counters(&interface.look().await.unwrap().root).bytes);
    tokio::time::sleep(time).await;
    let bytes = counters(&interface.look().await.unwrap().root).bytes - before;
    f64::from(u32::try_from(bytes).unwrap()) * 8.0 / start.elapsed().as_secs_f64()
}

/// What arrives is payload: of a frame of 1,514 bytes, 1,448.
fn assert_near(bps: f64, limit: f64) {
    let share = bps / limit;
    assert!((0.75..=1.0).contains(&share), "{bps} of {limit} bit/s arrive");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_holds_tcp_to_its_rate_in_single_frames() {
    let network = Network::new();
    let interface = network.interface().await;
    set(&interface, 50_000_000).await;
    let flood = network.flood();
    flood.wait_for_arrival();
    let before = counters(&interface.look().await.unwrap().root);
    assert_near(flood.arriving(Duration::from_secs(1)), 50e6);
    let after = counters(&interface.look().await.unwrap().root);
    assert!(network.mean_packet() <= 1518, "packets of {} bytes leave", network.mean_packet());
    assert!(after.overlimits > before.overlimits);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_takes_effect_under_load() {
    let network = Network::new();
    let interface = network.interface().await;
    // So fast that a whole GSO packet fits the burst. One that was let in whole would block the queue after the cut.
    set(&interface, 5_000_000_000).await;
    let flood = network.flood();
    flood.wait_for_arrival();
    leaving(&interface, Duration::from_millis(200)).await;
    assert!(network.mean_packet() <= 1518, "packets of {} bytes leave", network.mean_packet());
    for bps in [40_000_000, 4_000_000, 80_000_000] {
        set(&interface, bps).await;
        let limit = f64::from(u32::try_from(bps).unwrap());
        // From the first moment on no more than the limit and a burst; and, once TCP has found its pace, no less.
        let at_once = leaving(&interface, Duration::from_millis(100)).await;
        assert!(
            at_once <= limit * 1.05 + f64::from(tbf(bps).burst) * 80.0,
            "{at_once} of {limit} bit/s leave"
        );
        let start = Instant::now();
        while leaving(&interface, Duration::from_millis(200)).await < limit * 0.8 {
            assert!(start.elapsed() < Duration::from_secs(5), "the limit of {limit} bit/s is not used");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_keeps_what_waits_in_the_queue() {
    let network = Network::new();
    let interface = network.interface().await;
    set(&interface, 100_000).await;
    let address = network.peer_address(5202);
    let receiver = within(&network.peer(), move || UdpSocket::bind(address).unwrap()).join().unwrap();
    receiver.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let send = move || {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        (0..40).for_each(|_| assert_eq!(socket.send_to(&[0; 1000], address).unwrap(), 1000));
    };
    within(&network.pod(), send).join().unwrap();
    let waiting = counters(&interface.look().await.unwrap().root);
    assert!(waiting.backlog > 30_000, "{waiting:?}");

    set(&interface, 100_000_000).await;
    let mut buffer = [0; 1500];
    for number in 0..40 {
        assert!(receiver.recv(&mut buffer).is_ok(), "datagram {number} is lost");
    }
    let after = counters(&interface.look().await.unwrap().root);
    assert_eq!((after.drops, after.backlog), (0, 0));
    assert!(after.bytes >= 40_000, "the counters go on: {after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_drops_instead_of_growing() {
    let network = Network::new();
    let interface = network.interface().await;
    set(&interface, 100_000).await;
    let address = network.peer_address(5203);
    let send = move || {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        (0..80).for_each(|_| assert_eq!(socket.send_to(&[0; 1400], address).unwrap(), 1400));
    };
    within(&network.pod(), send).join().unwrap();
    let full = counters(&interface.look().await.unwrap().root);
    assert!(full.drops > 0 && full.backlog <= tbf(100_000).queue, "{full:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_reads_back_from_1_kbit_to_1_petabit() {
    let network = Network::new();
    let interface = network.interface().await;
    for bps in [1_000, 64_000_000, 10_000_000_000, 34_359_738_368, 400_000_000_000, 1_000_000_000_000_000] {
        set(&interface, bps).await;
        let Root::Ours(shown, _) = interface.look().await.unwrap().root else { panic!("not ours") };
        assert!(shown.is(&tbf(bps)), "{shown:?} is not {:?}", tbf(bps));
        assert_eq!(shown.rate * 8, bps);
    }
    set(&interface, 10_000_000_000).await;
    let shown = network.tc(&["qdisc", "show", "dev", "eth0"]);
    assert!(shown.contains("tbf f10e: root") && shown.contains("rate 10Gbit"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn removal_brings_the_default_back() {
    let network = Network::new();
    let interface = network.interface().await;
    assert_eq!(interface.look().await.unwrap().root, Root::Default);
    set(&interface, 1_000_000).await;
    let seen = interface.look().await.unwrap();
    interface.remove(seen.index).await.unwrap();
    assert_eq!(interface.look().await.unwrap().root, Root::Default);
}

#[tokio::test(flavor = "multi_thread")]
async fn our_handle_tells_ours_from_another_token_bucket_filter() {
    let network = Network::new();
    let interface = network.interface().await;
    let others = ["rate", "1mbit", "burst", "10k", "limit", "10k"];
    network.tc(&[&["qdisc", "add", "dev", "eth0", "root", "handle", "7:", "tbf"], &others[..]].concat());
    let expected = Root::Foreign { kind: "tbf".into(), major: 7 };
    assert_eq!(interface.look().await.unwrap().root, expected);
    network.tc(&[
        "qdisc",
        "replace",
        "dev",
        "eth0",
        "root",
        "handle",
        &format!("{:x}:", HANDLE.major),
        "htb",
    ]);
    let expected = Root::Foreign { kind: "htb".into(), major: HANDLE.major };
    assert_eq!(interface.look().await.unwrap().root, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_not_the_expected_one_is_not_entered() {
    let (one, other) = (Network::new(), Network::new());
    let error = Interface::open(one.path(), NamespaceId::of(&other.path()).unwrap()).await.unwrap_err();
    assert!(matches!(error, InterfaceError::Replaced { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_without_the_interface_says_so() {
    let network = Network::new();
    let interface = network.interface().await;
    network.rename();
    assert!(matches!(interface.look().await, Err(InterfaceError::NoDevice)));
}
