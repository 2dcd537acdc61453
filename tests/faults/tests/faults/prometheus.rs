//! Whatever Prometheus does, an objective that cannot be measured is unknown, says why, and raises no limit.

use flow_e2e::cluster::network;
use flow_e2e::policies::{by_query, with};
use flow_e2e::stage::condition;
use flow_e2e::wait::{Look, until};
use flow_e2e::workload::Work;
use flow_e2e::{LimitWatch, Result, Stage, operator};
use flow_faults::account::Account;
use flow_faults::figures::note;
use flow_faults::operator::{Operator, Setup};
use flow_faults::proxy::{Answer, Fault, Proxy, Upstream};
use flow_lab::address::{NODE, PROMETHEUS_PORT};
use flow_lab::{Away, Component};
use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_mins(1);
/// What would raise the limit, if it counted.
const LOW: &str = "0.1";

/// An operator whose way to Prometheus leads through a proxy, and a policy that starts in the middle: within its bound,
/// and without the headroom to raise its limit.
struct Scene {
    stage: Stage,
    proxy: Proxy,
    limits: LimitWatch,
    _operator: Operator,
    _account: Account,
}

impl Scene {
    async fn set(query: &str) -> Self {
        let stage = Stage::set("faults-prometheus").await.unwrap();
        operator::scale(0).await.unwrap();
        let pod = stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap().remove(0);
        let middle = json!({"min": "10M", "max": "100M", "initial": "50M"});
        stage.apply(&with(by_query("asking", query, "1"), "/spec/targets/0/limit", middle)).await.unwrap();
        let real = Upstream::plain(&format!("http://{NODE}:{PROMETHEUS_PORT}")).unwrap();
        let proxy = Proxy::start(real).await.unwrap();
        let account = Account::of_chart().await.unwrap();
        let setup = Setup { backend: "shaper", prometheus: proxy.url(), ..Setup::default() };
        let operator = Operator::direct(&account, &setup).unwrap();
        stage.limited(&pod, Some(50_000_000)).await.unwrap();
        let watched = [(pod.name_any(), network(&pod).unwrap())];
        let limits = LimitWatch::start(Instant::now(), watched.into_iter()).await.unwrap();
        Self { stage, proxy, limits, _operator: operator, _account: account }
    }

    /// Waits until the condition `ObjectivesMet` begins with `begins` and contains `words`, and returns how long that took.
    async fn says(&self, begins: &str, words: &str) -> Duration {
        let start = Instant::now();
        let policies = self.stage.cluster.policies(&self.stage.namespace);
        until(&format!("{begins} {words:?}"), PATIENCE, async || {
            let said = condition(&policies.get("asking").await?, "ObjectivesMet");
            Ok(Look::when(said.starts_with(begins) && said.contains(words), || said))
        })
        .await
        .unwrap();
        start.elapsed()
    }

    fn limit_never_moved(&self) {
        let rates: Vec<_> = self.limits.points().iter().map(|point| point.mbps).collect();
        assert!(rates.iter().all(|rate| *rate == Some(50.0)), "{rates:?}");
    }
}

/// What an answer says that Prometheus did not give.
fn answers(body: &str) -> Fault {
    Fault::Answer(Answer::new(200, body.to_owned()).with("content-type", "application/json"))
}

/// A good answer, but of a time that is so many seconds after now.
fn of_another_time(seconds: i64) -> Fault {
    let at = Timestamp::now().as_second() + seconds;
    let result = json!([{"metric": {}, "value": [at, LOW]}]);
    answers(&json!({"status": "success", "data": {"resultType": "vector", "result": result}}).to_string())
}

/// What Prometheus does, how, and what the policy says then.
type Case = (&'static str, fn() -> Fault, &'static str);

fn faults() -> [Case; 9] {
    [
        ("away", || Fault::Refuse, "cannot be reached"),
        ("slow", || Fault::Hang, "did not answer within"),
        ("half an answer", || Fault::Break(40), "cannot be reached"),
        ("an error", || Fault::Answer(Answer::new(503, "starting")), "HTTP 503"),
        ("a page", || Fault::Answer(Answer::new(200, "<html>Log in</html>")), "not JSON"),
        (
            "JSON of something else",
            || answers(r#"{"health": "green", "value": 0.1}"#),
            "not that of a Prometheus",
        ),
        (
            "no series",
            || answers(r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#),
            "no series",
        ),
        ("its clock 10 min behind", || of_another_time(-600), "s before now"),
        ("its clock 10 min ahead", || of_another_time(600), "s after now"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_it_answers_that_is_none_is_unknown_with_its_reason_and_met_again_afterwards() {
    let scene = Scene::set("vector(0.8)").await;
    scene.says("True AllMet", "").await;
    for (what, fault, words) in faults() {
        scene.proxy.on_request(move |_| fault());
        let unknown = scene.says("Unknown NoData", words).await;
        note(&format!("prometheus: {what}, until its objective is unknown"), unknown).unwrap();
        scene.proxy.heal();
        let back = scene.says("True AllMet", "").await;
        note(&format!("prometheus: {what}, until its objective is known again"), back).unwrap();
    }
    scene.limit_never_moved();
}

/// Prometheus while it is away, without its data.
fn emptied() -> Result<Away> {
    let data = data_folder()?;
    let away = Away::send(Component::Prometheus)?;
    fs_err::remove_dir_all(data)?;
    Ok(away)
}

/// Where the Prometheus that runs now keeps its data.
fn data_folder() -> Result<PathBuf> {
    let commands = fs_err::read_dir("/proc")?
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("cmdline")).ok());
    let folder = commands.filter_map(|command| {
        let argument = command.split('\0').find_map(|word| word.strip_prefix("--storage.tsdb.path="))?;
        Some(PathBuf::from(argument))
    });
    folder.into_iter().next().ok_or_else(|| flow_e2e::Error::Missing("Prometheus".to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_with_empty_data_what_needs_the_past_is_unknown_until_there_is_enough() {
    // It needs data of more than ten seconds.
    let scene = Scene::set("0.8 * min_over_time(up{job=\"prometheus\"}[5s] offset 10s)").await;
    scene.says("True AllMet", "").await;
    let mut prometheus = emptied().unwrap();
    let unknown = scene.says("Unknown NoData", "").await;
    note("prometheus: killed, until its objective is unknown", unknown).unwrap();
    prometheus.bring_back().unwrap();
    scene.says("Unknown NoData", "no series").await;
    let back = scene.says("True AllMet", "").await;
    note(
        "prometheus: restarted without data, from the first answer until its objective is known again",
        back,
    )
    .unwrap();
    scene.limit_never_moved();
}
