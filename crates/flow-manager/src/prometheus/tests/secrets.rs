//! Credentials are shown nowhere, however much is logged and whatever goes wrong.

use super::super::sources::header;
use super::super::{Access, Client, CredentialFiles, Queries, QueryMetrics, Source};
use super::folder::Folder;
use super::operator::eventually;
use super::server::{Request, one, serve};
use crate::clock::Clock;
use crate::serve::Readiness;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use prometheus_client::registry::Registry;
use serde_json::json;
use std::future::ready;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing::subscriber::set_default;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Part of each credential, and of nothing else.
const MARK: &str = "S3CR3T";

/// The beginning of `flow:S3CR3T` as base64.
const ENCODED: &str = "ZmxvdzpTM0NSM1";

/// Whether a text has the mark in it, also as numbers or as base64.
fn shows(text: &str) -> bool {
    text.contains(MARK)
        || text.contains(ENCODED)
        || text.contains(&format!("{:?}", MARK.as_bytes()).replace(['[', ']'], ""))
}

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Asks a source by these credentials until there is an outcome, and returns all that can be seen of it.
async fn seen(url: &str, files: &[(&str, &[u8])], header: HeaderValue) -> String {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(log.clone()).finish();
    let _logging = set_default(subscriber);
    let folder = Folder::new(files);
    let credentials = CredentialFiles { bearer_token: None, folder: Some(folder.path().to_owned()) };
    let (headers, timeout) =
        (HeaderMap::from_iter([("x-key".parse().unwrap(), header)]), Duration::from_secs(5));
    let source = Source { url: url.to_owned(), timeout, headers, credentials, access: Access::default() };
    let client = match Client::new(&source) {
        Ok(client) => client,
        Err(error) => return format!("{error} {error:?}"),
    };
    let (mut registry, readiness, clock) = (Registry::default(), Readiness::default(), Clock::start());
    let metrics = QueryMetrics::register(&mut registry);
    let queries = Queries::new("default", client.clone(), clock, metrics, readiness.clone());
    let query = queries.subscribe("factory", "up", Duration::from_millis(5)).unwrap();
    let latest =
        eventually(|| Some(query.latest(clock.now())).filter(|latest| latest.measured.is_some())).await;
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("TRACE"), "nothing is logged: {logged}");
    format!("{logged}\n{latest:?}\n{text}\n{readiness:?}\n{client:?}\n{source:?}")
}

/// How many ways to answer there are.
const ANSWERS: usize = 8;

fn answer(path: usize, request: &Request) -> Response {
    // As some proxies do.
    let repeated = format!(
        "{:?}",
        request.headers.values().map(HeaderValue::as_bytes).map(String::from_utf8_lossy).collect::<Vec<_>>()
    );
    match path {
        0 => one("1").into_response(),
        1 => StatusCode::UNAUTHORIZED.into_response(),
        2 => (StatusCode::FOUND, [("location", "http://127.0.0.1:1/elsewhere")]).into_response(),
        3 => (StatusCode::BAD_REQUEST, r#"{"status":"error","error":"parse error"}"#).into_response(),
        4 => (StatusCode::FORBIDDEN, repeated).into_response(),
        5 => (StatusCode::BAD_REQUEST, json!({"status": "error", "error": repeated}).to_string())
            .into_response(),
        6 => json!({"status": "success", "warnings": [repeated]}).to_string().into_response(),
        7 => json!({"status": "success", "data": {"resultType": repeated}}).to_string().into_response(),
        _ => "not JSON".into_response(),
    }
}

#[tokio::test]
async fn no_credential_is_seen_in_logs_errors_metrics_or_readiness() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let token: &[(&str, &[u8])] = &[("token", b"S3CR3T-token")];
    let password: &[(&str, &[u8])] = &[("username", b"flow"), ("password", b"S3CR3T-password")];
    let broken: &[(&str, &[u8])] = &[("token", b"S3CR3T\nof two lines")];
    let key: &[(&str, &[u8])] = &[("tls.crt", b"S3CR3T"), ("tls.key", b"S3CR3T")];
    for files in [token, password, broken, key] {
        let (_, header) = header("X-Key", "S3CR3T-header").unwrap();
        for path in 0..=ANSWERS {
            let server = serve(move |request| ready(answer(path, &request))).await;
            let seen = seen(&server.url, files, header.clone()).await;
            let lines: Vec<_> = seen.lines().filter(|line| shows(line)).collect();
            assert!(lines.is_empty(), "{path} with {}: {lines:#?}", files[0].0);
        }
        let seen = seen("http://127.0.0.1:1", files, header).await;
        assert!(!shows(&seen), "{seen}");
    }
}
