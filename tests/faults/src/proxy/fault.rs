use axum::body::Bytes;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Something that is done at an exact moment of a request, such as killing who has sent it.
pub type Hook = Arc<dyn Fn() + Send + Sync>;

/// `deed` as a hook.
pub fn hook(deed: impl Fn() + Send + Sync + 'static) -> Hook {
    Arc::new(deed)
}

/// What becomes of a request.
#[derive(Clone)]
pub enum Fault {
    /// It is passed on.
    Pass,
    /// It is passed on so much later.
    Delay(Duration),
    /// It is passed on with this added to its query, as in `resourceVersion=0`.
    Query(String),
    /// It is not passed on, and answered like this.
    Answer(Answer),
    /// The hook is called instead, and the connection breaks.
    Before(Hook),
    /// It is passed on, and once its answer is there the hook is called, and the connection breaks.
    After(Hook),
    /// It is not passed on, and the connection breaks.
    Refuse,
    /// It is not passed on, and never answered.
    Hang,
    /// It is passed on, and the connection breaks after so many bytes of the answer's body.
    Break(usize),
    /// Where it is a list, it is answered as the first of its kind was; else passed on.
    Old,
}

/// An answer that the server did not give.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Name and value of each header.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// An answer with that status and body.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// A refusal as the API server writes it.
    #[must_use]
    pub fn refusal(code: u16, reason: &str) -> Self {
        Self::new(code, status(code, reason)).with("content-type", "application/json")
    }
}

/// What becomes of an event of a watch.
#[derive(Clone, Debug)]
pub enum Fate {
    /// It is passed on.
    Pass,
    /// It is lost.
    Drop,
    /// It waits, and all after it, until there is another rule.
    Hold,
    /// This comes in its place.
    Instead(String),
    /// This comes in its place, and the watch ends.
    Last(String),
}

impl Fate {
    /// The API server knows no more what happened since then: status 410.
    #[must_use]
    pub fn gone() -> Self {
        Self::Last(format!("{{\"type\":\"ERROR\",\"object\":{}}}", status(410, "Expired")))
    }

    /// A bookmark comes in its place: whoever watches believes to have seen all up to it.
    #[must_use]
    pub fn bookmark(event: &str) -> Self {
        let event: Value = serde_json::from_str(event).unwrap_or_default();
        let field = |pointer: &str| event.pointer(pointer).cloned().unwrap_or_default();
        let object = json!({
            "kind": field("/object/kind"), "apiVersion": field("/object/apiVersion"),
            "metadata": {"resourceVersion": field("/object/metadata/resourceVersion")},
        });
        Self::Instead(json!({"type": "BOOKMARK", "object": object}).to_string())
    }
}

fn status(code: u16, reason: &str) -> String {
    let message = format!("a fault that is made: {reason}");
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
    .to_string()
}
