use super::super::{Access, Client, CredentialFiles, Source};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// Long enough that it never ends a test that passes.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What a request said.
pub(super) struct Request {
    pub(super) query: String,
    pub(super) headers: HeaderMap,
}

/// A Prometheus of which the test decides how it answers. It is gone when dropped.
pub(super) struct Server {
    pub(super) url: String,
    counts: watch::Receiver<HashMap<String, usize>>,
    _serving: AbortOnDropHandle<()>,
}

struct Serving<F> {
    answer: F,
    counts: watch::Sender<HashMap<String, usize>>,
}

/// Answers each request with what `answer` makes of it.
pub(super) async fn serve<F, A>(answer: F) -> Server
where
    F: Fn(Request) -> A + Send + Sync + 'static,
    A: Future<Output = Response> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, counts) = watch::channel(HashMap::new());
    let serving = Arc::new(Serving { answer, counts: sender });
    let router = Router::new().route("/api/v1/query", post(respond::<F, A>)).with_state(serving);
    let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Server { url, counts, _serving: AbortOnDropHandle::new(task) }
}

async fn respond<F, A>(State(serving): State<Arc<Serving<F>>>, headers: HeaderMap, form: String) -> Response
where
    F: Fn(Request) -> A + Send + Sync + 'static,
    A: Future<Output = Response> + Send + 'static,
{
    let query = query_in(&form);
    serving.counts.send_modify(|counts| *counts.entry(query.clone()).or_default() += 1);
    (serving.answer)(Request { query, headers }).await
}

/// The value of a form's only field.
fn query_in(form: &str) -> String {
    let url = reqwest::Url::parse(&format!("http://form/?{form}")).unwrap();
    match url.query_pairs().collect::<Vec<_>>().as_slice() {
        [(name, value)] if name == "query" => value.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Answers each request in the same way.
pub(super) async fn serve_always(status: u16, body: impl Into<String>) -> Server {
    let (status, body) = (axum::http::StatusCode::from_u16(status).unwrap(), body.into());
    serve(move |_| std::future::ready((status, body.clone()).into_response())).await
}

impl Server {
    /// How often `query` was asked.
    pub(super) fn asked(&self, query: &str) -> usize {
        self.counts.borrow().get(query).copied().unwrap_or_default()
    }

    /// How often anything was asked.
    pub(super) fn requests(&self) -> usize {
        self.counts.borrow().values().sum()
    }

    /// Waits until `query` was asked `times`.
    pub(super) async fn until_asked(&self, query: &str, times: usize) {
        let mut counts = self.counts.clone();
        let enough = counts.wait_for(|counts| counts.get(query).is_some_and(|count| *count >= times));
        tokio::time::timeout(PATIENCE, enough).await.expect("the query is not asked").unwrap();
    }
}

/// A client that is patient enough not to time out.
pub(super) fn client(url: &str) -> Client {
    client_of(url, PATIENCE, CredentialFiles::default())
}

pub(super) fn client_of(url: &str, timeout: Duration, credentials: CredentialFiles) -> Client {
    // It fails where another test was first, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let headers = HeaderMap::from_iter([(
        HeaderName::from_static("x-scope-orgid"),
        HeaderValue::from_static("factory"),
    )]);
    let (url, access) = (url.to_owned(), Access::default());
    Client::new(&Source { url, timeout, headers, credentials, access }).unwrap()
}

/// A client of a source that not everybody may ask for everything.
pub(super) fn guarded_client(url: &str, access: Access) -> Client {
    // It fails where another test was first, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (headers, credentials) = (HeaderMap::new(), CredentialFiles::default());
    Client::new(&Source { url: url.to_owned(), timeout: PATIENCE, headers, credentials, access }).unwrap()
}

/// The body of an answer with one series.
pub(super) fn one(value: &str) -> String {
    one_of(now_s(), value)
}

/// The body of an answer with one series, found at `at_s` in seconds since 1970.
pub(super) fn one_of(at_s: f64, value: &str) -> String {
    vector(&format!(r#"{{"metric":{{"job":"x"}},"value":[{at_s:.3},"{value}"]}}"#))
}

/// Now, in seconds since 1970.
pub(super) fn now_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

pub(super) fn vector(series: &str) -> String {
    format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}"#)
}
