use super::*;
use flow_policy::FlowPolicy;
use http::{Request, Response};
use k8s_openapi::api::core::v1::Pod;
use kube::client::Body;
use serde_json::{Value, json};
use std::path::PathBuf;

/// What comes of getting a policy where the API server answers like this.
async fn got(code: u16, body: Vec<u8>) -> Failure {
    let (service, mut requests) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    tokio::spawn(async move {
        while let Some((_, answer)) = requests.next_request().await {
            answer.send_response(Response::builder().status(code).body(body.clone().into()).unwrap());
        }
    });
    let connection = Connection::with(Client::new(service, "factory"), "factory");
    connection.get::<FlowPolicy>("factory", "robot").await.unwrap_err()
}

fn status(code: u16, message: &str, details: &Value) -> Vec<u8> {
    let status = json!({
        "kind": "Status", "status": "Failure", "code": code, "message": message, "reason": "", "details": details,
    });
    serde_json::to_vec(&status).unwrap()
}

async fn told(code: u16, body: Vec<u8>) -> (String, String) {
    let failure = got(code, body).await;
    (failure.to_string(), failure.next())
}

const GET: &str = "cannot get the FlowPolicy robot in the namespace factory";

#[tokio::test]
async fn each_refusal_has_its_own_message_and_command() {
    let named = json!({"name": "robot", "group": "flow.fustli.io", "kind": "flowpolicies"});
    let expected = |message: &str, next: &str| (format!("{GET}: {message}"), next.to_owned());
    assert_eq!(
        told(404, status(404, "not found", &named)).await,
        expected("there is none", "kubectl get flowpolicies.flow.fustli.io -n factory")
    );
    assert_eq!(
        told(404, b"404 page not found\n".to_vec()).await,
        expected(
            "the cluster does not know this kind; flow-manager is not installed in it",
            "kubectl flowpolicy check --pre"
        )
    );
    assert_eq!(
        told(403, status(403, "User \"me\" cannot get", &json!({"name": "robot"}))).await,
        expected(
            "it is not allowed: User \"me\" cannot get",
            "kubectl auth can-i get flowpolicies.flow.fustli.io -n factory"
        )
    );
    assert_eq!(
        told(401, status(401, "Unauthorized", &json!({}))).await,
        expected(
            "the API server https://cluster.test does not accept the credentials: Unauthorized",
            "kubectl auth whoami"
        )
    );
    assert_eq!(
        told(500, status(500, "etcd is away", &json!({}))).await,
        expected("etcd is away", "kubectl flowpolicy check")
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_too_long_is_no_answer() {
    let flags = Flags { request_timeout: Duration::from_secs(10), ..Flags::default() };
    let connection = Connection::new(flags);
    let ask = Ask::list::<Pod>(&Within::Everywhere);
    let failure = connection.answer::<()>(ask, std::future::pending()).await.unwrap_err();
    assert_eq!(failure.to_string(), "cannot list pods: no answer within 10s");
    assert_eq!(failure.next(), "kubectl cluster-info");
}

fn kubeconfig(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/kubeconfigs").join(name)
}

async fn connected(name: &str, context: Option<&str>) -> Result<String, Failure> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let flags =
        Flags { kubeconfig: Some(kubeconfig(name)), context: context.map(str::to_owned), ..Flags::default() };
    Connection::new(flags).namespace().await
}

#[tokio::test]
async fn the_namespace_is_that_of_the_context() {
    assert_eq!(connected("two-contexts.yaml", None).await.unwrap(), "factory");
    assert_eq!(connected("two-contexts.yaml", Some("office")).await.unwrap(), "default");
}

#[tokio::test]
async fn a_context_that_there_is_not_is_told_with_those_that_there_are() {
    let failure = connected("two-contexts.yaml", Some("home")).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "there is no context \"home\" in the kubeconfig; there are factory, office"
    );
    assert_eq!(failure.next(), "kubectl config get-contexts");
}

#[tokio::test]
async fn a_kubeconfig_that_is_missing_or_broken_is_named() {
    let missing = connected("no-such-file.yaml", None).await.unwrap_err();
    let path = kubeconfig("no-such-file.yaml");
    let expected =
        format!("no cluster is configured: {}: No such file or directory (os error 2)", path.display());
    assert_eq!(missing.to_string(), expected);
    let broken = connected("broken.yaml", None).await.unwrap_err();
    assert!(broken.to_string().starts_with("the kubeconfig cannot be used: "), "{broken}");
}

#[tokio::test]
async fn a_server_that_nobody_is_at_cannot_be_reached() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let flags = Flags { kubeconfig: Some(kubeconfig("two-contexts.yaml")), ..Flags::default() };
    let failure = Connection::new(flags).list::<Pod>(&Within::Everywhere).await.unwrap_err();
    let expected = "cannot list pods: the API server https://127.0.0.1:1 cannot be reached: Connection refused (os error 111)";
    assert_eq!(failure.to_string(), expected);
}
