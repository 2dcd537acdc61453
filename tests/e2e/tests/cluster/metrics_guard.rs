//! With the chart's options on, metrics are there for those alone who show what is asked of them, and by TLS alone.

use flow_e2e::Stage;
use flow_e2e::kubectl::{apply_object, kubectl};
use flow_e2e::operator::NAMESPACE;
use flow_e2e::release::install_with;
use kube::api::ListParams;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::{Certificate, ClientBuilder, Identity, StatusCode};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

const TOKEN: &str = "the-token-of-prometheus";
/// In the certificates, as the addresses of pods are known only when they run.
const NAME: &str = "flow-manager.example";

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate and its key, as PEM.
fn issue(authority: &Authority) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

async fn store(name: &str, content: Value) {
    let metadata = json!({"name": name, "namespace": NAMESPACE});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": content});
    apply_object(&secret).await.unwrap();
}

async fn install(authority: &Authority) {
    let (certificate, key) = issue(authority);
    store("metrics-tls", json!({"tls.crt": certificate, "tls.key": key, "ca.crt": authority.pem()})).await;
    store("metrics-token", json!({"token": TOKEN})).await;
    install_with(json!({
        "metrics": {
            "tls": {"secretName": "metrics-tls", "requireClientCertificate": true},
            "bearerTokenSecret": "metrics-token",
        },
        "probe": {"daemonSet": {
            "enabled": true, "targets": ["udp://flow-manager-reflector.flow-manager-system.svc:5201"],
        }},
        "reflector": {"enabled": true},
    }))
    .await
    .unwrap();
}

/// Where the metrics of the only pod of a component are.
async fn address(stage: &Stage, component: &str, port: u16) -> SocketAddr {
    let labels = ListParams::default().labels(&format!("app.kubernetes.io/component={component}"));
    let pods = stage.cluster.pods(NAMESPACE).list(&labels).await.unwrap().items;
    let mut running = pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
    let ip = running.find_map(|pod| pod.status.as_ref()?.pod_ip.clone()).unwrap();
    SocketAddr::new(ip.parse().unwrap(), port)
}

/// Who asks at one address.
struct Asker {
    address: SocketAddr,
    authority: Certificate,
    identity: Identity,
}

impl Asker {
    fn new(address: SocketAddr, authority: &Authority) -> Self {
        let (certificate, key) = issue(authority);
        Self {
            address,
            authority: Certificate::from_pem(authority.pem().as_bytes()).unwrap(),
            identity: Identity::from_pem(format!("{certificate}{key}").as_bytes()).unwrap(),
        }
    }

    fn client(&self) -> ClientBuilder {
        let builder = reqwest::Client::builder().timeout(Duration::from_secs(5));
        builder.tls_certs_only([self.authority.clone()]).resolve(NAME, self.address)
    }

    async fn ask(&self, client: ClientBuilder, path: &str, token: Option<&str>) -> (StatusCode, String) {
        let request = client.build().unwrap().get(format!("https://{NAME}:{}{path}", self.address.port()));
        let request = token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// Asks with nothing, and with each part of what is needed alone.
    async fn is_refused_without_all(&self) {
        let identified = || self.client().identity(self.identity.clone());
        let tries = [
            (self.client(), None),
            (self.client(), Some(TOKEN)),
            (identified(), None),
            (identified(), Some("the-token-of-somebody")),
            (identified(), Some("")),
        ];
        for (position, (client, token)) in tries.into_iter().enumerate() {
            let (status, said) = self.ask(client, "/metrics", token).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{position}: {said}");
            assert!(!said.contains("# TYPE"), "{position}: {said}");
        }
    }

    async fn is_refused_without_tls(&self) {
        let plain = self.client().build().unwrap().get(format!("http://{}/metrics", self.address));
        let answer = plain.bearer_auth(TOKEN).send().await;
        assert!(answer.is_err(), "{answer:?}");
    }

    async fn gets_metrics_with_all(&self, metric: &str) {
        let identified = self.client().identity(self.identity.clone());
        let (status, metrics) = self.ask(identified, "/metrics", Some(TOKEN)).await;
        assert_eq!(status, StatusCode::OK, "{metrics}");
        assert!(metrics.contains(metric), "{metrics}");
    }
}

#[tokio::test]
async fn metrics_are_for_those_who_show_a_certificate_and_the_token() {
    let stage = Stage::set("e2e-metrics-guard").await.unwrap();
    let authority = authority();
    install(&authority).await;
    for (component, port, metric) in
        [("controller", 8001, "flowmanager_leader"), ("probe", 9090, "network_probe_udp_success")]
    {
        let asker = Asker::new(address(&stage, component, port).await, &authority);
        asker.is_refused_without_all().await;
        asker.is_refused_without_tls().await;
        asker.gets_metrics_with_all(metric).await;
        // The kubelet has neither.
        assert_eq!(asker.ask(asker.client(), "/readyz", None).await.0, StatusCode::OK);
    }
    for name in ["metrics-tls", "metrics-token"] {
        kubectl(&format!("-n {NAMESPACE} delete secret {name}")).await.unwrap();
    }
}
