//! Of two operators never both write, whatever becomes of one of them: the API server's own log is the witness.

use flow_e2e::cluster::network;
use flow_e2e::factory::HOST;
use flow_e2e::operator::{self, NAMESPACE};
use flow_e2e::policies::{by_probe, by_query, pinned, target, with};
use flow_e2e::release::RELEASE;
use flow_e2e::wait::{Look, until};
use flow_e2e::workload::Work;
use flow_e2e::{LimitWatch, Stage};
use flow_faults::account::Account;
use flow_faults::audit::{AuditLog, clashes, shares};
use flow_faults::depth::Depth;
use flow_faults::figures::{note, note_all};
use flow_faults::operator::{Operator, Setup};
use flow_faults::proxy::{Proxy, Upstream};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};
use nix::sys::signal::Signal;
use serde_json::json;
use std::time::{Duration, Instant};

/// How long a Lease lasts that is not renewed.
const LEASE: Duration = Duration::from_secs(15);
/// What is promised where a leader stops.
const STOP: Duration = Duration::from_secs(5);
/// What is promised where it crashes.
const CRASH: Duration = Duration::from_secs(17);
/// A busy machine may need so much more.
const ROOM: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_mins(1);

/// One who may lead, with an account of its own, by which the API server's log tells it from the other.
struct Candidate {
    name: &'static str,
    account: Account,
}

impl Candidate {
    async fn new(name: &'static str) -> Self {
        Self { name, account: Account::of_chart().await.unwrap() }
    }

    fn setup(&self) -> Setup {
        Setup { backend: "shaper", ..Setup::named(self.name) }
    }

    fn start(&self) -> Operator {
        Operator::direct(&self.account, &self.setup()).unwrap()
    }
}

/// Two who may lead, and pods that they limit: one steadily, and others all the time anew, so that there is always
/// something to write.
struct Contest {
    stage: Stage,
    pod: Pod,
    limits: LimitWatch,
    log: AuditLog,
    one: Candidate,
    other: Candidate,
}

impl Contest {
    /// No controller of the chart runs.
    async fn set(purpose: &str) -> Self {
        let stage = Stage::set(purpose).await.unwrap();
        operator::scale(0).await.unwrap();
        let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
        stage.start("Deployment", "busy", 2, Work::Idle).await.unwrap();
        stage.apply(&pinned(by_probe("steady", HOST), "50M")).await.unwrap();
        // Violated in every other second.
        let query = "vector(2 * ((time() % 2) < bool 1))";
        let swaying = with(by_query("swaying", query, "1"), "/spec/interval", json!("200ms"));
        let swaying = with(swaying, "/spec/control/effectCheck", json!({"action": "Ignore"}));
        let limit = json!([{"kind": "Deployment", "name": "busy", "limit": {"min": "10M", "max": "100M"}}]);
        stage.apply(&with(swaying, "/spec/targets", limit)).await.unwrap();
        let watched = [(pod.name_any(), network(&pod).unwrap())];
        let limits = LimitWatch::start(Instant::now(), watched.into_iter()).await.unwrap();
        let log = AuditLog::from_now().unwrap();
        let (one, other) = (Candidate::new("one").await, Candidate::new("other").await);
        Self { stage, pod, limits, log, one, other }
    }

    /// Asks for another limit, in Mbit/s, which takes effect once somebody leads.
    async fn ask(&self, mbps: u32) {
        let limit = json!({"targets": [target("Deployment", "best-effort", &format!("{mbps}M"))]});
        self.stage.change("steady", &limit).await.unwrap();
    }

    async fn is_limited(&self, mbps: u32) {
        self.stage.limited(&self.pod, Some(u64::from(mbps) * 1_000_000)).await.unwrap();
    }

    /// Waits until there are more writes: whoever leads has work.
    async fn is_busy(&self) {
        let log = AuditLog::from_now().unwrap();
        until("writes of who leads", PATIENCE, async || {
            let writes = shares(&log.writes()?);
            Ok(Look::when(writes.values().sum::<usize>() >= 10, || format!("{writes:?}")))
        })
        .await
        .unwrap();
    }

    /// The steady pod has had these limits, and nobody has written while another led; both have.
    fn had_one_writer(&self, limits: &[u32]) {
        let writes = self.log.writes().unwrap();
        let clashes = clashes(&writes);
        assert!(clashes.is_empty(), "two writers: {clashes:#?}");
        let shares = shares(&writes);
        assert!(
            shares.len() == 2 && shares.values().all(|writes| *writes > 10),
            "both have written: {shares:?}"
        );
        let mut rates: Vec<_> = self.limits.points().iter().map(|point| point.mbps).collect();
        rates.dedup();
        assert_eq!(
            rates,
            limits.iter().map(|mbps| Some(f64::from(*mbps))).collect::<Vec<_>>(),
            "no limit jumps"
        );
    }
}

/// Waits until an operator knows that it does not lead, and that another does.
async fn stands_by(operator: &Operator) {
    until("an operator that stands by", PATIENCE, async || {
        let (status, said) = operator.readyz().await?;
        let leads = operator.metrics().await?.value("flowmanager_leader", &[]);
        Ok(Look::when(status == 200 && leads == Some(0.0), || format!("{status} {said}; leads: {leads:?}")))
    })
    .await
    .unwrap();
}

fn within(what: &str, took: Duration, promised: Duration) {
    assert!(took <= promised + ROOM, "{what}: {took:?}, promised {promised:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_no_hand_over_by_a_clean_stop_are_there_two_writers_or_a_limit_that_jumps() {
    let contest = Contest::set("faults-handover").await;
    let times = if Depth::chosen() == Depth::Full { 100 } else { 5 };
    let mut leads = contest.one.start();
    leads.leads().await.unwrap();
    contest.is_limited(50).await;
    let (mut standby, mut next) = (contest.other.start(), &contest.one);
    let (mut took, mut obeyed, mut limits) = (Vec::new(), Vec::new(), vec![50]);
    for number in 0..times {
        stands_by(&standby).await;
        contest.is_busy().await;
        let (start, mbps) = (Instant::now(), 40 + number % 2);
        leads.signal(Signal::SIGTERM).unwrap();
        contest.ask(mbps).await;
        standby.leads().await.unwrap();
        took.push(start.elapsed());
        contest.is_limited(mbps).await;
        obeyed.push(start.elapsed());
        limits.push(mbps);
        leads.stop().await.unwrap();
        leads = std::mem::replace(&mut standby, next.start());
        next = if next.name == contest.one.name { &contest.other } else { &contest.one };
    }
    contest.had_one_writer(&limits);
    for took in &took {
        within("a hand-over", *took, STOP);
    }
    note_all("leadership: clean stop, until the other leads", took).unwrap();
    note_all("leadership: clean stop, until a change made meanwhile is in force", obeyed).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_a_hang_and_a_partition_each_leave_one_writer() {
    let contest = Contest::set("faults-crash").await;
    let proxy = Proxy::start(Upstream::api_server().await.unwrap()).await.unwrap();
    let mut one = contest.one.start();
    one.leads().await.unwrap();
    let other = Operator::behind(&proxy, &contest.other.account, &contest.other.setup()).unwrap();
    stands_by(&other).await;
    contest.is_busy().await;

    let start = Instant::now();
    one.kill();
    contest.ask(40).await;
    other.leads().await.unwrap();
    let crash = start.elapsed();
    contest.is_limited(40).await;
    note("leadership: kill -9, until the other leads", crash).unwrap();
    within("a crash", crash, CRASH);

    let one = contest.one.start();
    stands_by(&one).await;
    contest.is_busy().await;
    let start = Instant::now();
    proxy.part();
    contest.ask(30).await;
    one.leads().await.unwrap();
    let partition = start.elapsed();
    contest.is_limited(30).await;
    note("leadership: cut off from the API server, until the other leads", partition).unwrap();
    within("a partition", partition, CRASH);
    proxy.heal();
    stands_by(&other).await;

    contest.is_busy().await;
    let start = Instant::now();
    one.signal(Signal::SIGSTOP).unwrap();
    contest.ask(20).await;
    other.leads().await.unwrap();
    let hang = start.elapsed();
    contest.is_limited(20).await;
    note("leadership: SIGSTOP, until the other leads", hang).unwrap();
    within("a hang", hang, CRASH);
    let stopped_for = if Depth::chosen() == Depth::Full { Duration::from_mins(1) } else { Duration::ZERO };
    tokio::time::sleep(stopped_for.saturating_sub(start.elapsed())).await;
    one.signal(Signal::SIGCONT).unwrap();
    stands_by(&one).await;
    // Whatever it had in mind would have been written by now.
    contest.is_busy().await;
    contest.had_one_writer(&[50, 40, 30, 20]);
}

/// Holds the Lease for `time` as somebody would whose clock is wrong by `skew`: it renews in time, and writes wrong times.
async fn hold_with_a_wrong_clock(
    leases: &Api<Lease>,
    skew: SignedDuration,
    time: Duration,
    meanwhile: impl AsyncFn(),
) {
    let start = Instant::now();
    while start.elapsed() < time {
        let now = Timestamp::now().checked_add(skew).unwrap();
        let spec = json!({"spec": {
            "holderIdentity": "skewed", "leaseDurationSeconds": LEASE.as_secs(),
            "renewTime": format!("{now:.6}"), "acquireTime": format!("{now:.6}"),
        }});
        leases.patch(RELEASE, &PatchParams::default(), &Patch::Merge(spec)).await.unwrap();
        meanwhile().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_whose_clock_is_five_minutes_wrong_is_respected_for_as_long_as_it_renews_and_no_longer() {
    let contest = Contest::set("faults-clock").await;
    let leases: Api<Lease> = Api::namespaced(contest.stage.cluster.client.clone(), NAMESPACE);
    let operator = contest.one.start();
    operator.leads().await.unwrap();
    contest.is_limited(50).await;
    let skews: &[i64] = if Depth::chosen() == Depth::Full { &[-5, 5] } else { &[-5] };
    for minutes in skews {
        let first = Instant::now();
        let stood_by = async || {
            let leads = operator.metrics().await.unwrap().value("flowmanager_leader", &[]);
            // It renews every two seconds, and sees then that somebody else has the Lease.
            assert!(leads == Some(0.0) || first.elapsed() < ROOM * 2, "it leads beside the holder");
        };
        hold_with_a_wrong_clock(&leases, SignedDuration::from_mins(*minutes), LEASE + ROOM, stood_by).await;
        let start = Instant::now();
        operator.leads().await.unwrap();
        let took = start.elapsed();
        note(
            &format!("leadership: holder gone whose clock is {minutes} min wrong, until another leads"),
            took,
        )
        .unwrap();
        // The last renewal was up to a pause between two before.
        assert!(took >= LEASE.saturating_sub(ROOM), "{took:?}: by a clock that is not its own");
        within("a wrong clock", took, CRASH);
        contest.is_limited(50).await;
    }
}
