use super::board::Board;
use super::metrics::StandingMetrics;
use super::writer::{Outcome, Writer};
use super::{ObjectiveView, Standing};
use crate::cluster::{CachedPolicy, PolicyId};
use crate::history::History;
use flow_control::Decision;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use kube::Client;
use kube::runtime::reflector::Store;
use prometheus_client::metrics::counter::Counter;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

/// The time between two looks at what is new.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// The time between two looks at what is of no more use.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

/// How many policies are written at the same time.
const MAX_WRITES: usize = 16;

/// How long a stop may take to write what is left.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The writes that are under way.
type Writing = FuturesUnordered<BoxFuture<'static, Outcome>>;

/// Takes what there is to say about policies, and tells it: in their status, in Events and in metrics. Clones
/// are the same reporter.
#[derive(Clone, Debug)]
pub struct Reporter {
    board: Arc<Board>,
    write_errors: Counter,
}

impl Reporter {
    /// A reporter of nothing yet, which `metrics` shows from now on, for as long as somebody holds on to it.
    #[must_use]
    pub fn new(metrics: &StandingMetrics) -> Self {
        Self::recorded(metrics, None)
    }

    /// The same, of which `history` is kept.
    #[must_use]
    pub fn recorded(metrics: &StandingMetrics, history: Option<Arc<History>>) -> Self {
        let board = Arc::new(Board::recorded(history));
        metrics.show(&board);
        Self { board, write_errors: metrics.write_errors.clone() }
    }

    /// Takes how a policy stands. Only the newest standing counts; nothing is waited for.
    pub fn report(&self, id: &PolicyId, standing: Standing) {
        self.board.put(id, standing);
    }

    /// Takes what was measured of a policy's objectives, in their order, where there is nothing else to report.
    pub fn measured(&self, id: &PolicyId, objectives: &[ObjectiveView]) {
        self.board.measured(id, objectives);
    }

    /// Takes what was decided last by a policy that was reported.
    pub fn decided(&self, id: &PolicyId, decision: Decision) {
        self.board.decided(id, decision);
    }

    /// Says no more about a policy, since it is being deleted.
    pub fn forget(&self, id: &PolicyId) {
        self.board.forget(id);
    }

    /// Writes the status of policies until `shutdown`, and then, for at most a second, what is left.
    ///
    /// `policies` has the stored statuses; the policies that it lacks are not written. A status is written only
    /// when something worth it happened, and at most once per second.
    pub async fn run(self, client: Client, policies: Store<CachedPolicy>, shutdown: CancellationToken) {
        let mut writer = Writer::new(client, policies, self.board, self.write_errors);
        let mut writing = Writing::new();
        let mut looks = interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut sweeps = interval(SWEEP_INTERVAL);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(outcome) = writing.next() => writer.settle(outcome, Instant::now()),
                _ = looks.tick() => writer.look(Instant::now()),
                _ = sweeps.tick() => writer.forget_old(Instant::now()),
            }
            fill(&mut writing, &mut writer);
        }
        let flush = async {
            loop {
                writer.look_at_all();
                fill(&mut writing, &mut writer);
                let Some(outcome) = writing.next().await else { break };
                writer.settle(outcome, Instant::now());
            }
        };
        if timeout(FLUSH_TIMEOUT, flush).await.is_err() {
            tracing::warn!("not every status could be written before the stop");
        }
    }
}

#[cfg(test)]
impl Reporter {
    /// How a policy stands, as it was told last.
    pub(crate) fn standing(&self, id: &PolicyId) -> Option<Arc<Standing>> {
        self.board.get(id)
    }
}

/// Begins as many writes as may be under way.
fn fill(writing: &mut Writing, writer: &mut Writer) {
    while writing.len() < MAX_WRITES
        && let Some(write) = writer.next()
    {
        writing.push(write.send().boxed());
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{cache, cut, id, well};
    use super::*;
    use crate::api_server::answers::{answer, failure};
    use crate::clock::Clock;
    use http::{Request, Response, StatusCode};
    use kube::client::Body;
    use prometheus_client::registry::Registry;
    use serde_json::{Value, json};
    use tokio::task::JoinHandle;
    use tower_test::mock::{Handle, SendResponse, pair};

    type Api = Handle<Request<Body>, Response<Body>>;

    /// A reporter that runs against an API server that the test plays.
    struct Running {
        reporter: Reporter,
        api: Api,
        shutdown: CancellationToken,
        task: JoinHandle<()>,
    }

    struct Asked {
        path: String,
        body: Value,
        answer: SendResponse<Response<Body>>,
    }

    fn start(policies: &[&str]) -> Running {
        let (service, api) = pair();
        let metrics = StandingMetrics::register(&mut Registry::default(), Clock::start(), true);
        let (reporter, shutdown) = (Reporter::new(&metrics), CancellationToken::new());
        let client = Client::new(service, "default");
        let task = tokio::spawn(reporter.clone().run(client, cache(policies), shutdown.clone()));
        Running { reporter, api, shutdown, task }
    }

    impl Running {
        fn report(&self, name: &str, snapshot: super::super::Snapshot) {
            self.reporter.report(&id(name), Standing::Running(snapshot));
        }

        async fn asked(&mut self) -> Asked {
            let (request, answer) = self.api.next_request().await.unwrap();
            let path = format!("{} {}", request.method(), request.uri().path());
            let body = request.into_body().collect_bytes().await.unwrap();
            Asked { path, body: serde_json::from_slice(&body).unwrap(), answer }
        }

        /// Answers the patch of a status, and then one Event.
        async fn accept(&mut self) -> Asked {
            let patch = self.asked().await;
            let mut policy =
                json!({"metadata": {"name": "robot"}, "spec": super::super::fixture::spec("Enforce")});
            policy["status"] = patch.body["status"].clone();
            patch.answer.send_response(answer(StatusCode::OK, &policy));
            self.asked().await
        }
    }

    const STATUS_OF: &str = "PATCH /apis/flow.fustli.io/v1alpha1/namespaces/factory/flowpolicies";

    #[tokio::test]
    async fn a_report_becomes_a_status_and_an_event() {
        let mut running = start(&["robot"]);
        running.report("robot", well());
        let patch = running.asked().await;
        assert_eq!(patch.path, format!("{STATUS_OF}/robot/status"));
        assert_eq!(patch.body["status"]["limit"], "500M");
        patch.answer.send_response(answer(
            StatusCode::OK,
            &json!({"metadata": {}, "spec": super::super::fixture::spec("Enforce")}),
        ));
        let event = running.asked().await;
        assert_eq!(event.path, "POST /apis/events.k8s.io/v1/namespaces/factory/events");
        assert_eq!(
            (&event.body["reason"], &event.body["regarding"]["uid"]),
            (&json!("InForce"), &json!("uid-robot"))
        );
    }

    #[tokio::test]
    async fn one_policy_without_an_answer_does_not_hold_up_another() {
        let mut running = start(&["stuck", "robot"]);
        running.report("stuck", well());
        let stuck = running.asked().await;
        running.report("robot", well());
        let other = running.asked().await;
        assert!(stuck.path.contains("/stuck/") && other.path.contains("/robot/"));
    }

    #[tokio::test]
    async fn a_policy_that_is_gone_is_forgotten() {
        let mut running = start(&["robot"]);
        running.report("robot", well());
        let patch = running.asked().await;
        patch.answer.send_response(failure(StatusCode::NOT_FOUND, ""));
        running.shutdown.cancel();
        running.task.await.unwrap();
        assert!(running.reporter.board.get(&id("robot")).is_none());
    }

    #[tokio::test]
    async fn a_stop_writes_what_is_left() {
        let mut running = start(&["robot"]);
        running.report("robot", well());
        let event = running.accept().await;
        event.answer.send_response(answer(StatusCode::CREATED, &event.body));
        running.report("robot", cut(412e-6, 400, 1));
        running.shutdown.cancel();
        let last = running.asked().await;
        assert_eq!(last.body["status"]["limit"], "400M");
        drop(last);
        running.task.await.unwrap();
    }
}
