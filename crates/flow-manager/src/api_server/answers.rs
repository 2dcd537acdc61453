//! What an API server answers, for tests.

use http::{Response, StatusCode};
use kube::client::Body;
use serde_json::{Value, json};

/// An answer with this body.
pub(crate) fn answer(status: StatusCode, body: &Value) -> Response<Body> {
    Response::builder().status(status).body(Body::from(serde_json::to_vec(body).unwrap())).unwrap()
}

/// That what was asked is not done, and why.
pub(crate) fn failure(status: StatusCode, message: &str) -> Response<Body> {
    let code = status.as_u16();
    // kube goes by it, and not by the code.
    let reason = match status {
        StatusCode::NOT_FOUND => "NotFound",
        StatusCode::CONFLICT => "Conflict",
        _ => "",
    };
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message,
        "reason": reason, "metadata": {},
    });
    answer(status, &body)
}

/// That a field is owned by `manager`, in the API server's own words.
pub(crate) fn owned(manager: &str) -> Response<Body> {
    let field = ".spec.template.metadata.annotations.kubernetes.io/egress-bandwidth";
    let message = format!("conflict with \"{manager}\" using apps/v1");
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 409, "reason": "Conflict", "metadata": {},
        "message": format!("Apply failed with 1 conflict: {message}: {field}"),
        "details": {"causes": [{"reason": "FieldManagerConflict", "message": message, "field": field}]},
    });
    answer(StatusCode::CONFLICT, &body)
}
