use super::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::{Certificate, Client, Identity};
use tokio_util::task::AbortOnDropHandle;

/// A folder of files that is gone when dropped.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = Self(tempfile::TempDir::new().unwrap());
        for (name, content) in files {
            folder.write(name, content);
        }
        folder
    }

    fn write(&self, name: &str, content: &[u8]) {
        std::fs::write(self.0.path().join(name), content).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}

type Authority = CertifiedIssuer<'static, KeyPair>;

async fn ready(readiness: &Readiness) -> axum::response::Response {
    readyz(State(readiness.clone())).await.into_response()
}

#[tokio::test]
async fn a_process_is_ready_once_nothing_is_left_to_wait_for() {
    let readiness = Readiness::default();
    readiness.wait("api-server", "no answer yet");
    assert_eq!(ready(&readiness).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    readiness.done("api-server");
    assert_eq!(ready(&readiness).await.status(), StatusCode::OK);
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate and its key, both as PEM.
fn issue(authority: &Authority) -> (String, String) {
    let (key, params) =
        (KeyPair::generate().unwrap(), CertificateParams::new(vec!["127.0.0.1".into()]).unwrap());
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

/// Writes what a Secret with a certificate has.
fn write(folder: &Folder, authority: &Authority) {
    let (certificate, key) = issue(authority);
    folder.write("tls.crt", certificate.as_bytes());
    folder.write("tls.key", key.as_bytes());
}

/// Endpoints that are served until this is dropped.
struct Serving {
    address: SocketAddr,
    _task: AbortOnDropHandle<()>,
}

impl Serving {
    async fn with(arguments: &[&str]) -> Self {
        Self::start(arguments).await.unwrap()
    }

    async fn start(arguments: &[&str]) -> std::io::Result<Self> {
        #[derive(clap::Parser)]
        struct Cli {
            #[command(flatten)]
            guard: Guard,
        }
        let _ = rustls::crypto::ring::default_provider().install_default();
        let Cli { guard } = clap::Parser::parse_from([&["serve"], arguments].concat());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let routes = router(Registry::default(), Readiness::default());
        let served = serve_on(listener, routes, &guard, CancellationToken::new())?;
        let task = tokio::spawn(async move { served.await.unwrap() });
        Ok(Self { address, _task: AbortOnDropHandle::new(task) })
    }

    /// The status of the answer; `None` where there is none.
    async fn get(&self, client: &Client, scheme: &str, path: &str, token: Option<&str>) -> Option<u16> {
        let request = client.get(format!("{scheme}://{}{path}", self.address));
        let request = token.iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        request.send().await.ok().map(|answer| answer.status().as_u16())
    }
}

fn client(authority: &Authority, identity: Option<(String, String)>) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let trusted = Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    let builder = Client::builder().tls_certs_only([trusted]).pool_max_idle_per_host(0);
    let identity = identity.map(|(certificate, key)| format!("{certificate}\n{key}"));
    let identity = identity.map(|pem| Identity::from_pem(pem.as_bytes()).unwrap());
    identity.into_iter().fold(builder, reqwest::ClientBuilder::identity).build().unwrap()
}

#[tokio::test]
async fn by_default_everybody_may_read() {
    let (serving, anybody) = (Serving::with(&[]).await, client(&authority(), None));
    for path in ["/metrics", "/livez", "/readyz"] {
        assert_eq!(serving.get(&anybody, "http", path, None).await, Some(200), "{path}");
    }
}

#[tokio::test]
async fn with_a_token_only_who_shows_it_reads_metrics_and_everybody_health() {
    let folder = Folder::new(&[("token", b"the-token\n")]);
    let serving = Serving::with(&["--metrics-bearer-token-file", &folder.path("token")]).await;
    let anybody = client(&authority(), None);
    for (token, status) in [
        (None, 401),
        (Some(""), 401),
        (Some("the-tokem"), 401),
        (Some("the-token2"), 401),
        (Some("the-token"), 200),
    ] {
        assert_eq!(serving.get(&anybody, "http", "/metrics", token).await, Some(status), "{token:?}");
        assert_eq!(serving.get(&anybody, "http", "/readyz", token).await, Some(200), "{token:?}");
    }
    folder.write("token", b"another");
    assert_eq!(serving.get(&anybody, "http", "/metrics", Some("the-token")).await, Some(401));
    assert_eq!(serving.get(&anybody, "http", "/metrics", Some("another")).await, Some(200));
    folder.write("token", b"\n");
    assert_eq!(serving.get(&anybody, "http", "/metrics", Some("")).await, Some(401));
}

#[tokio::test]
async fn with_tls_nothing_is_plain_and_replaced_certificates_count_at_once() {
    let (folder, first, second) = (Folder::new(&[]), authority(), authority());
    write(&folder, &first);
    let serving = Serving::with(&["--metrics-tls", &folder.path("")]).await;
    let (knows_first, knows_second) = (client(&first, None), client(&second, None));
    for path in ["/metrics", "/livez", "/readyz"] {
        assert_eq!(serving.get(&knows_first, "https", path, None).await, Some(200), "{path}");
        assert_eq!(serving.get(&knows_first, "http", path, None).await, None, "{path}");
    }
    write(&folder, &second);
    assert_eq!(serving.get(&knows_first, "https", "/metrics", None).await, None);
    assert_eq!(serving.get(&knows_second, "https", "/metrics", None).await, Some(200));
}

#[tokio::test]
async fn with_an_authority_only_its_clients_read_metrics_and_everybody_health() {
    let (folder, ours, strange) = (Folder::new(&[]), authority(), authority());
    write(&folder, &ours);
    folder.write("ca.crt", ours.pem().as_bytes());
    let serving = Serving::with(&["--metrics-tls", &folder.path("")]).await;
    let (known, unknown) = (client(&ours, Some(issue(&ours))), client(&ours, None));
    assert_eq!(serving.get(&known, "https", "/metrics", None).await, Some(200));
    assert_eq!(serving.get(&unknown, "https", "/metrics", None).await, Some(401));
    assert_eq!(serving.get(&unknown, "https", "/readyz", None).await, Some(200), "the kubelet's probe");
    let stranger = client(&ours, Some(issue(&strange)));
    assert_ne!(serving.get(&stranger, "https", "/metrics", None).await, Some(200));
}

#[tokio::test]
async fn files_that_cannot_be_used_are_told_at_the_start() {
    for files in [vec![], vec![("tls.crt", b"none".as_slice()), ("tls.key", b"none")]] {
        let folder = Folder::new(&files);
        let said = Serving::start(&["--metrics-tls", &folder.path("")]).await.err().unwrap().to_string();
        assert!(said.contains(&folder.path("")), "{said}");
    }
}
