//! A Prometheus that answers in every way but the right one, and repeats what it was sent, as some proxies do.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use flow_lab::address::NODE;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The ways to answer, each with what the operator says of it.
pub(super) const WAYS: [(&str, &str); 6] = [
    ("refuses", "does not let the operator in (HTTP 401)"),
    ("rejects", "refused the query (HTTP 400)"),
    ("fails", "cannot answer (HTTP 503)"),
    ("redirects", "redirects to another address (HTTP 302)"),
    ("warns", "an answer with warnings"),
    ("garbles", "the answer is not that of a Prometheus"),
];

/// Such a Prometheus; it is gone when dropped.
pub(super) struct Parrot {
    /// Of whom it answers in one of the [`WAYS`], which is the rest of the path.
    pub(super) url: String,
    serving: JoinHandle<()>,
}

impl Parrot {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind((NODE, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/{way}/api/v1/query", post(answer));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, serving }
    }
}

impl Drop for Parrot {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(Path(way): Path<String>, headers: HeaderMap) -> Response {
    let login = headers.get(header::AUTHORIZATION).and_then(|login| login.to_str().ok());
    let repeated = format!("not with {}", login.unwrap_or("nothing"));
    let error = json!({"status": "error", "error": repeated}).to_string();
    match way.as_str() {
        "refuses" => (StatusCode::UNAUTHORIZED, error).into_response(),
        "rejects" => (StatusCode::BAD_REQUEST, error).into_response(),
        "fails" => (StatusCode::SERVICE_UNAVAILABLE, error).into_response(),
        "redirects" => (StatusCode::FOUND, [(header::LOCATION, format!("/?{repeated}"))]).into_response(),
        "warns" => json!({"status": "success", "warnings": [repeated]}).to_string().into_response(),
        _ => json!({"status": "success", "data": {"resultType": repeated}}).to_string().into_response(),
    }
}
