//! An API server for tests, which answers by a function.

use crate::connection::Connection;
use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    /// Null where there is none.
    pub(crate) body: Value,
}

/// Everything that was asked.
pub(crate) type Log = Arc<Mutex<Vec<Asked>>>;

/// An API server that answers with a status code and a body, what it is asked, and a connection to it whose namespace is
/// `factory`.
pub(crate) fn serve(answer: impl Fn(&Asked) -> (u16, Value) + Send + 'static) -> (Connection, Log) {
    let (service, mut requests) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    let log = Log::default();
    let seen = Arc::clone(&log);
    tokio::spawn(async move {
        while let Some((request, send)) = requests.next_request().await {
            let asked = asked(request).await;
            let (code, body) = answer(&asked);
            seen.lock().unwrap().push(asked);
            let body = serde_json::to_vec(&body).unwrap();
            send.send_response(Response::builder().status(code).body(body.into()).unwrap());
        }
    });
    (Connection::with(Client::new(service, "factory"), "factory"), log)
}

async fn asked(request: Request<Body>) -> Asked {
    let (parts, body) = request.into_parts();
    let body = body.collect_bytes().await.unwrap();
    Asked {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    }
}

/// All objects of a kind.
pub(crate) fn list(items: &[Value]) -> (u16, Value) {
    (200, json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": items}))
}

/// A refusal, which names the last part of the path as the API server does.
pub(crate) fn refuse(code: u16, path: &str) -> (u16, Value) {
    let name = path.rsplit('/').next().unwrap_or_default();
    let body = json!({
        "kind": "Status", "status": "Failure", "code": code, "message": "no", "reason": "",
        "details": {"name": name},
    });
    (code, body)
}
