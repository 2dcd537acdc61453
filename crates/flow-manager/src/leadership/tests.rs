//! Candidates against an API server that has one Lease, and that can be away for some of them.

use super::lease::{DURATION, RENEW_DEADLINE, RETRY};
use super::*;
use crate::api_server::answers::failure;
use crate::serve::Readiness;
use http::{Method, Request, Response, StatusCode};
use k8s_openapi::api::coordination::v1::Lease;
use kube::client::Body;
use prometheus_client::registry::Registry;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, advance, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::Layer;
use tower_test::mock::{Mock, pair};

/// The Lease as it is stored, and how often it was written; `None` if there is none.
type Stored = Arc<Mutex<Option<(Lease, u64)>>>;

fn stored() -> Stored {
    Arc::new(Mutex::new(Some((Lease::default(), 1))))
}

fn json_of(stored: &(Lease, u64)) -> Vec<u8> {
    let mut lease = stored.0.clone();
    lease.metadata.resource_version = Some(stored.1.to_string());
    serde_json::to_vec(&lease).unwrap()
}

async fn answer(request: Request<Body>, stored: &Stored) -> Response<Body> {
    let is_read = request.method() == Method::GET;
    let body = request.into_body().collect_bytes().await.unwrap();
    let mut stored = stored.lock().unwrap();
    let Some(present) = stored.as_mut() else { return failure(StatusCode::NOT_FOUND, "no") };
    if !is_read {
        let lease: Lease = serde_json::from_slice(&body).unwrap();
        if lease.metadata.resource_version != Some(present.1.to_string()) {
            return failure(StatusCode::CONFLICT, "no");
        }
        *present = (lease, present.1 + 1);
    }
    Response::new(json_of(present).into())
}

/// A candidate and the switch of its way to the API server: without it, nothing is answered.
fn candidate(identity: &str, stored: &Stored) -> (Candidate, CancellationToken) {
    candidate_against(identity, stored, 0)
}

/// The same, where somebody else changes the Lease just before each of its first `meddled` writes.
fn candidate_against(identity: &str, stored: &Stored, meddled: u32) -> (Candidate, CancellationToken) {
    let (service, cut) = way(stored, meddled);
    let client = kube::Client::new(service, "default");
    (Candidate::new(client, "system".to_owned(), "flow-manager".to_owned(), identity.to_owned()), cut)
}

/// A way to the API server that has the Lease.
fn way(stored: &Stored, mut meddled: u32) -> (Mock<Request<Body>, Response<Body>>, CancellationToken) {
    let (service, mut requests) = pair::<Request<Body>, Response<Body>>();
    let (cut, stored) = (CancellationToken::new(), Arc::clone(stored));
    let off = cut.clone();
    tokio::spawn(async move {
        while let Some((request, send)) = requests.next_request().await {
            if request.method() == Method::PUT && meddled > 0 {
                meddled -= 1;
                stored.lock().unwrap().as_mut().unwrap().1 += 1;
            }
            if off.is_cancelled() {
                // Kept, so that it is neither answered nor refused.
                tokio::spawn(async move {
                    std::future::pending::<()>().await;
                    drop(send);
                });
            } else {
                send.send_response(answer(request, &stored).await);
            }
        }
    });
    (service, cut)
}

/// When each term began, and when it ended.
type Terms = Arc<Mutex<Vec<(Instant, Option<Instant>)>>>;

/// A campaign under way, and its terms.
struct Campaign {
    terms: Terms,
    shutdown: CancellationToken,
    readiness: Readiness,
    leader: watch::Receiver<Leader>,
    task: JoinHandle<()>,
}

impl Campaign {
    fn start(candidate: Candidate) -> Self {
        let (terms, shutdown, readiness) = (Terms::default(), CancellationToken::new(), Readiness::default());
        let office = Office::new(&mut Registry::default(), readiness.clone());
        let (told, leader) = (Terms::clone(&terms), office.leader());
        let lead = move |term: CancellationToken| {
            let told = Arc::clone(&told);
            async move {
                told.lock().unwrap().push((Instant::now(), None));
                term.cancelled().await;
                told.lock().unwrap().last_mut().unwrap().1 = Some(Instant::now());
            }
        };
        let fence = Fence::default();
        let task = tokio::spawn(campaign(Some(candidate), office, fence, shutdown.clone(), lead));
        Self { terms, shutdown, readiness, leader, task }
    }

    fn leads(&self) -> bool {
        self.terms.lock().unwrap().last().is_some_and(|(_, end)| end.is_none())
    }

    async fn until_it_leads(&self, leads: bool) -> Instant {
        let seen = async {
            while self.leads() != leads {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(DURATION * 4, seen).await.unwrap();
        Instant::now()
    }
}

#[tokio::test(start_paused = true)]
async fn one_leads_and_the_other_waits_until_the_first_resigns() {
    let stored = stored();
    let first = Campaign::start(candidate("a", &stored).0);
    first.until_it_leads(true).await;
    let second = Campaign::start(candidate("b", &stored).0);
    sleep(DURATION * 3).await;
    assert!(first.leads() && !second.leads());
    assert!(second.readiness.is_ready(), "a standby is ready");
    assert_eq!(*first.leader.borrow(), Leader::Us);
    assert_eq!(*second.leader.borrow(), Leader::Other("a".to_owned()));
    first.shutdown.cancel();
    let resigned = Instant::now();
    let led = second.until_it_leads(true).await;
    assert!(led - resigned < RETRY * 2, "{:?}", led - resigned);
    assert_eq!((&*first.leader.borrow(), &*second.leader.borrow()), (&Leader::Unknown, &Leader::Us));
}

#[tokio::test(start_paused = true)]
async fn nobody_leads_who_has_not_written_so() {
    let stored = stored();
    let first = Campaign::start(candidate_against("a", &stored, 1).0);
    first.until_it_leads(true).await;
    let holder = stored.lock().unwrap().clone().unwrap().0.spec.and_then(|spec| spec.holder_identity);
    assert_eq!(holder.as_deref(), Some("a"));
}

#[tokio::test(start_paused = true)]
async fn whoever_cannot_renew_has_stopped_before_another_leads() {
    let stored = stored();
    let (a, cut) = candidate("a", &stored);
    let first = Campaign::start(a);
    first.until_it_leads(true).await;
    let second = Campaign::start(candidate("b", &stored).0);
    sleep(DURATION).await;
    cut.cancel();
    let away = Instant::now();
    let stopped = first.until_it_leads(false).await;
    let led = second.until_it_leads(true).await;
    assert!(stopped - away <= RENEW_DEADLINE + RETRY, "{:?}", stopped - away);
    assert!(led - stopped >= crate::enforce::WRITE_TIMEOUT, "{:?}", led - stopped);
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_another_leads_two_seconds_after_the_lease_has_run_out_at_the_latest() {
    for offset in 0..20 {
        let stored = stored();
        let first = Campaign::start(candidate("a", &stored).0);
        first.until_it_leads(true).await;
        sleep(RETRY / 20 * offset).await;
        let second = Campaign::start(candidate("b", &stored).0);
        sleep(DURATION + RETRY / 20 * offset * 7).await;
        first.task.abort();
        let crashed = Instant::now();
        let led = second.until_it_leads(true).await;
        let (took, look) = (led - crashed, Duration::from_millis(20));
        assert!(
            took >= DURATION.saturating_sub(RETRY) && took <= DURATION + RETRY + look,
            "{offset}: {took:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_goes_on_after_a_short_outage_and_leads_again_after_a_long_one() {
    let stored = stored();
    let first = Campaign::start(candidate("a", &stored).0);
    first.until_it_leads(true).await;
    let lease = stored.lock().unwrap().take();
    sleep(RENEW_DEADLINE / 2).await;
    stored.lock().unwrap().clone_from(&lease);
    sleep(DURATION).await;
    assert_eq!((first.leads(), first.terms.lock().unwrap().len()), (true, 1));
    stored.lock().unwrap().take();
    first.until_it_leads(false).await;
    sleep(RETRY * 2).await;
    assert_eq!(*first.leader.borrow(), Leader::Unknown);
    assert!(!first.readiness.is_ready(), "the Lease is missing");
    *stored.lock().unwrap() = lease;
    first.until_it_leads(true).await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_seized_ends_the_term_and_comes_back_by_itself() {
    let stored = stored();
    let first = Campaign::start(candidate("a", &stored).0);
    first.until_it_leads(true).await;
    let hold = DURATION * 2;
    let seized = Instant::now();
    seize(&mut candidate("restore", &stored).0, hold).await.unwrap();
    assert!(!first.leads());
    assert!(seized.elapsed() >= DURATION, "whoever led may still have been writing");
    let led = first.until_it_leads(true).await;
    assert!(led - seized >= hold && led - seized <= hold + RETRY * 2, "{:?}", led - seized);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_waited_for_where_nobody_leads() {
    let stored = stored();
    let began = Instant::now();
    seize(&mut candidate("restore", &stored).0, DURATION).await.unwrap();
    assert!(began.elapsed() < RETRY);
    seize(&mut candidate("restore", &stored).0, DURATION).await.unwrap();
    assert!(began.elapsed() < RETRY, "one that was cut off goes on");
}

#[tokio::test(start_paused = true)]
async fn without_the_lease_whoever_led_has_noticed_before_anything_is_undone() {
    let stored = Stored::default();
    let began = Instant::now();
    seize(&mut candidate("restore", &stored).0, DURATION).await.unwrap();
    assert!(began.elapsed() >= DURATION);
}

/// The way of a process that writes several times a second, and how many of its writes have arrived.
fn writer(fence: &Fence) -> (kube::Client, Arc<AtomicUsize>) {
    let (service, mut requests) = pair::<Request<Body>, Response<Body>>();
    let arrived = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&arrived);
    tokio::spawn(async move {
        while let Some((_, send)) = requests.next_request().await {
            count.fetch_add(1, Ordering::Relaxed);
            send.send_response(Response::new(b"{}".to_vec().into()));
        }
    });
    (kube::Client::new(fence.layer(service), "default"), arrived)
}

async fn write_until(client: kube::Client, term: CancellationToken) {
    let mut ticks = interval(Duration::from_millis(200));
    while term.run_until_cancelled(ticks.tick()).await.is_some() {
        let write = Request::patch("/api/v1/namespaces/x/pods/y").body(Vec::new()).unwrap();
        let _ = client.request::<serde_json::Value>(write).await;
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_was_held_up_for_long_writes_nothing_of_what_it_had_begun() {
    let (stored, fence) = (stored(), Fence::default());
    let (client, arrived) = writer(&fence);
    let writes = || arrived.load(Ordering::Relaxed);
    let office = Office::new(&mut Registry::default(), Readiness::default());
    let (a, cut) = candidate("a", &stored);
    let lead = move |term| write_until(client.clone(), term);
    tokio::spawn(campaign(Some(a), office, fence.clone(), CancellationToken::new(), lead));
    sleep(DURATION).await;
    let before = writes();
    assert!(before > 10, "{before}");
    // As after SIGSTOP and SIGCONT: all that was due meanwhile is due now, and what is oldest comes first.
    cut.cancel();
    advance(DURATION * 4).await;
    sleep(DURATION).await;
    assert_eq!(writes(), before, "another may have led meanwhile");
}

#[tokio::test(start_paused = true)]
async fn reads_and_leases_pass_a_closed_fence_and_writes_only_an_open_one() {
    let fence = Fence::default();
    let (client, arrived) = writer(&fence);
    let passes = async |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path).body(Vec::new()).unwrap();
        let before = arrived.load(Ordering::Relaxed);
        let outcome = client.request::<serde_json::Value>(request).await;
        assert_eq!(outcome.is_ok(), arrived.load(Ordering::Relaxed) > before);
        outcome.is_ok()
    };
    assert!(passes("GET", "/api/v1/pods").await);
    assert!(passes("PUT", "/apis/coordination.k8s.io/v1/namespaces/x/leases/y").await);
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        fence.close();
        assert!(!passes(method, "/api/v1/pods").await, "{method}");
        fence.open_until(Instant::now() + Duration::from_secs(1));
        assert!(passes(method, "/api/v1/pods").await, "{method}");
        advance(Duration::from_secs(1)).await;
        assert!(!passes(method, "/api/v1/pods").await, "{method}");
        fence.open();
        assert!(passes(method, "/api/v1/pods").await, "{method}");
    }
}
