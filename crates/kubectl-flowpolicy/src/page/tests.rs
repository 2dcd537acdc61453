use super::*;
use crate::api_server::{Asked, refuse, serve};
use crate::installation::Installation;
use jiff::Timestamp;
use serde_json::{Value, json};

fn installation() -> Installation {
    Installation { system_namespace: "flow".to_owned(), release: "manager".to_owned() }
}

fn lease(renewed: Timestamp) -> (u16, Value) {
    let renewed = renewed.strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string();
    let spec = json!({"holderIdentity": "manager-a", "renewTime": renewed, "leaseDurationSeconds": 60});
    (200, json!({"metadata": {"name": "manager"}, "spec": spec}))
}

fn pod(port: &str) -> (u16, Value) {
    let ports = json!([{"name": "metrics", "containerPort": 8001}, {"name": port, "containerPort": 8002}]);
    let containers = json!([{"name": "flow-manager", "ports": ports}]);
    (200, json!({"metadata": {"name": "manager-a"}, "spec": {"containers": containers}}))
}

fn answer(asked: &Asked) -> (u16, Value) {
    match asked.path.as_str() {
        "/apis/coordination.k8s.io/v1/namespaces/flow/leases/manager" => lease(Timestamp::now()),
        "/api/v1/namespaces/flow/pods/manager-a" => pod("page"),
        path => refuse(403, path),
    }
}

/// Message and next command where the API server answers like this.
async fn told(answer: impl Fn(&Asked) -> (u16, Value) + Send + 'static) -> (String, String) {
    let (connection, _) = serve(answer);
    let problem: Problem = match find(&connection, &installation()).await {
        Ok(leader) => leader.forward(&connection).await.err().unwrap().into(),
        Err(problem) => problem,
    };
    (problem.to_string(), problem.next())
}

#[tokio::test]
async fn the_leader_serves_the_page_on_the_port_of_that_name() {
    let (connection, _) = serve(answer);
    let leader = find(&connection, &installation()).await.unwrap();
    assert_eq!(leader, Leader { namespace: "flow".to_owned(), pod: "manager-a".to_owned(), port: 8002 });
}

#[tokio::test]
async fn each_reason_why_there_is_no_page_has_its_own_message_and_command() {
    let nowhere = told(|asked| refuse(404, &asked.path)).await;
    assert_eq!(nowhere.0, "there is no Lease flow/manager: flow-manager is not installed there");
    assert!(nowhere.1.starts_with("kubectl get deployments -A -l "), "{}", nowhere.1);

    let no_leader = "no controller leads: nobody who runs has renewed the Lease flow/manager in time, by the clock of this machine";
    let logs = "kubectl -n flow logs deployment/manager";
    let late =
        told(
            |asked| {
                if asked.path.ends_with("/manager") { lease(Timestamp::UNIX_EPOCH) } else { answer(asked) }
            },
        );
    assert_eq!(late.await, (no_leader.to_owned(), logs.to_owned()));
    let gone =
        told(|asked| if asked.path.contains("/pods/") { refuse(404, &asked.path) } else { answer(asked) });
    assert_eq!(gone.await, (no_leader.to_owned(), logs.to_owned()));

    let off = told(|asked| if asked.path.contains("/pods/") { pod("health") } else { answer(asked) }).await;
    assert_eq!(off.0, "the page is off: the pod manager-a has no port that is named page");
    assert_eq!(off.1, "helm upgrade manager CHART -n flow --reuse-values --set page.enabled=true");

    let forbidden = told(answer).await;
    assert_eq!(forbidden.0, "cannot get pods/portforward in the namespace flow: it is not allowed: no");
    assert_eq!(forbidden.1, "kubectl auth can-i get pods/portforward -n flow");
}

#[tokio::test]
async fn an_answer_without_the_page_does_not_ask_for_it_again_at_once() {
    let (connection, log) = serve(|asked| refuse(403, &asked.path));
    let installation = installation();
    let mut reader = Reader::new(&connection, &installation, None);
    assert_eq!((reader.read().await, reader.read().await), (None, None));
    assert_eq!(log.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_does_not_come_is_not_waited_for_longer_than_a_second() {
    let (service, _requests) =
        tower_test::mock::pair::<http::Request<kube::client::Body>, http::Response<kube::client::Body>>();
    let connection = crate::connection::Connection::with(kube::Client::new(service, "factory"), "factory");
    let installation = installation();
    let begin = tokio::time::Instant::now();
    assert_eq!(Reader::new(&connection, &installation, None).read().await, None);
    assert_eq!(begin.elapsed().as_secs(), 1);
}
