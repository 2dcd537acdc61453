//! What the operator shows to Prometheus, nobody else sees, whatever goes wrong and however much is logged.

mod parrot;

use flow_e2e::forward::Forward;
use flow_e2e::kubectl::{PROGRAMS, apply_object, in_repository, kubectl};
use flow_e2e::metrics::get;
use flow_e2e::operator::{Endpoint, NAMESPACE, SHAPER_NAMESPACE};
use flow_e2e::policies::{by_query, with};
use flow_e2e::program::run;
use flow_e2e::release::install_with;
use flow_e2e::stage::condition;
use flow_e2e::workload::Work;
use flow_e2e::{Error, Stage};
use flow_lab::address::NODE;
use k8s_openapi::ByteString;
use parrot::{Parrot, WAYS};
use serde_json::{Map, Value, json};

const TOKEN: &str = "S3CR3T-token.of-the.operator";
const USER: &str = "flow";
const PASSWORD: &str = "S3CR3T/password";
/// The Secrets, which are called like the first word of the sources that use them.
const LOGINS: [&str; 2] = ["token", "password"];
/// Who cannot be reached.
const NOBODY: (&str, &str) = ("away", "cannot be reached");

fn encoded(text: &str) -> String {
    let encoded = serde_json::to_value(ByteString(text.as_bytes().to_vec())).unwrap();
    encoded.as_str().unwrap().trim_end_matches('=').to_owned()
}

/// The secrets that a text shows, in whichever form they are sent or kept.
fn shown_in(text: &str) -> Vec<String> {
    let plain = [TOKEN, PASSWORD].map(str::to_owned);
    let forms = plain.into_iter().chain([TOKEN, PASSWORD, &format!("{USER}:{PASSWORD}")].map(encoded));
    forms.filter(|form| text.contains(form)).collect()
}

async fn store_logins() {
    let contents = [json!({"token": TOKEN}), json!({"username": USER, "password": PASSWORD})];
    for (name, content) in LOGINS.into_iter().zip(contents) {
        let metadata = json!({"name": name, "namespace": NAMESPACE});
        let secret =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": content});
        apply_object(&secret).await.unwrap();
    }
}

/// A source for each login and each way to fail, and what the operator says of it.
fn cases() -> impl Iterator<Item = (String, &'static str, &'static str, &'static str)> {
    let ways = || WAYS.into_iter().chain([NOBODY]);
    let of = move |login| ways().map(move |(way, said)| (format!("{login}-{way}"), login, way, said));
    LOGINS.into_iter().flat_map(of)
}

fn values(parrot: &Parrot) -> Value {
    let source = |(name, login, way, _): (String, &str, &str, &str)| {
        let url = if way == NOBODY.0 { format!("http://{NODE}:1") } else { format!("{}/{way}", parrot.url) };
        (name, json!({"url": url, "credentialsSecret": login}))
    };
    let sources: Map<String, Value> = cases().map(source).collect();
    json!({"prometheus": {"sources": sources}, "log": {"level": "debug"}})
}

/// Everything that people can read of the operator, each with a word that shows that it is there.
async fn readable(stage: &Stage) -> Vec<(String, &'static str)> {
    let endpoint = Endpoint::of_controller(&stage.cluster).await.unwrap();
    let page = Forward::dashboard().await.unwrap();
    vec![
        (kubectl(&format!("-n {NAMESPACE} logs deployment/flow-manager")).await.unwrap(), "DEBUG"),
        (
            kubectl(&format!("-n {SHAPER_NAMESPACE} logs daemonset/flow-manager-shaper")).await.unwrap(),
            "INFO",
        ),
        (kubectl("get flowpolicies -A -o yaml").await.unwrap(), "refused the query"),
        (kubectl("get events.events.k8s.io -A -o yaml").await.unwrap(), "kind: FlowPolicy"),
        (kubectl(&format!("-n {NAMESPACE} get all,configmaps -o yaml")).await.unwrap(), "token-rejects"),
        (endpoint.metrics().await.unwrap().0, "flowmanager_prometheus_up{source=\"token-rejects\"}"),
        (endpoint.readyz().await.unwrap().1, "prometheus/token-refuses"),
        (get(&format!("{}/page.json", page.url)).await.unwrap().1, "token-rejects"),
        (bundle().await, "token-rejects"),
    ]
}

/// What the files of a support archive say.
async fn bundle() -> String {
    let folder = tempfile::TempDir::new().unwrap();
    let (path, plugin) =
        (folder.path().join("bundle.tar.gz"), in_repository(PROGRAMS).join("kubectl-flowpolicy"));
    let path = path.display().to_string();
    let plugin = plugin.display().to_string();
    run(&plugin, ["bundle", "--system-namespace", NAMESPACE, "--file", &path]).await.unwrap();
    run("tar", ["-xzOf", &path]).await.unwrap()
}

#[tokio::test]
async fn no_credential_for_prometheus_is_readable_wherever_its_queries_fail() {
    let stage = Stage::set("e2e-credentials").await.unwrap();
    let parrot = Parrot::start().await;
    store_logins().await;
    install_with(values(&parrot)).await.unwrap();
    stage.start("Deployment", "best-effort", 1, Work::Idle).await.unwrap();
    for (name, ..) in cases() {
        let policy = by_query(&name, "vector(0.8)", "1");
        stage.apply(&with(policy, "/spec/objectives/0/prometheus/source", json!(name))).await.unwrap();
    }
    for (name, _, _, said) in cases() {
        let fails = |policy: &_| condition(policy, "ObjectivesMet").contains(said);
        stage.policy_where(&name, said, fails).await.unwrap();
    }
    for (text, word) in readable(&stage).await {
        assert!(text.contains(word), "no {word} in:\n{text}");
        let shown = shown_in(&text);
        assert!(shown.is_empty(), "where {word} is, {shown:?} are as well:\n{text}");
    }
    for name in LOGINS {
        kubectl(&format!("-n {NAMESPACE} delete secret {name}")).await.unwrap();
    }
}

#[tokio::test]
async fn a_password_in_an_address_is_refused_without_a_word_of_it() {
    let program = in_repository(PROGRAMS).join("flow-manager").display().to_string();
    let url = format!("http://{USER}:{TOKEN}@{NODE}");
    let refused = run(&program, ["run", "--log", "trace", "--prometheus-url", &url]).await;
    let Err(Error::Program { stderr, .. }) = refused else { panic!("{refused:?}") };
    assert!(stderr.contains("must have no user, password"), "{stderr}");
    assert_eq!(shown_in(&stderr), [""; 0]);
}
