use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Request, Uri};
use serde_json::Value;
use std::io;
use std::time::Instant;

/// More than any body that the operator sends.
const MOST_BODY_BYTES: usize = 16 << 20;

/// A request as the proxy got it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// When.
    pub at: Instant,
    /// The verb.
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// The query, empty where there is none.
    pub query: String,
    /// The body.
    pub body: Bytes,
    pub(super) headers: HeaderMap,
}

impl Asked {
    pub(super) async fn of(request: Request<Body>) -> io::Result<Self> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, MOST_BODY_BYTES).await.map_err(io::Error::other)?;
        let (path, query) = split(&parts.uri);
        Ok(Self { at: Instant::now(), method: parts.method, path, query, body, headers: parts.headers })
    }

    /// Whether it changes something.
    #[must_use]
    pub fn is_write(&self) -> bool {
        !matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS)
    }

    /// Whether it is a watch of the API server.
    #[must_use]
    pub fn is_watch(&self) -> bool {
        self.parameter("watch").is_some_and(|watch| matches!(watch, "true" | "1"))
    }

    /// Whether it lists all objects of a kind.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.method == Method::GET && self.parameter("limit").is_some() && !self.is_watch()
    }

    /// Whether it is about objects of the API server of that kind, in the plural, as in `pods`.
    #[must_use]
    pub fn is_about(&self, kind: &str) -> bool {
        self.path.split('/').any(|word| word == kind)
    }

    /// A parameter of its query, as it is written there.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The field manager that writes.
    #[must_use]
    pub fn field_manager(&self) -> Option<&str> {
        self.parameter("fieldManager")
    }

    /// Its body as JSON; null where it is something else.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The verb and the path.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

fn split(uri: &Uri) -> (String, String) {
    (uri.path().to_owned(), uri.query().unwrap_or_default().to_owned())
}
