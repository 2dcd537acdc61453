use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;

/// Whose requests are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// Those for a name of this machine: another site's name that was made to resolve to it is not one.
    Local,
    /// Everybody's, by whatever name.
    Open,
}

impl Guard {
    /// That of a server that listens at `address`.
    pub(super) const fn of(address: SocketAddr) -> Self {
        if address.ip().is_loopback() { Self::Local } else { Self::Open }
    }

    fn lets_in(self, headers: &HeaderMap) -> bool {
        match self {
            Self::Open => true,
            Self::Local => is_local(headers),
        }
    }
}

/// Refuses what comes by a foreign name, and tells browsers to let no other site use an answer.
pub(super) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut response = if guard.lets_in(request.headers()) { next.run(request).await } else { refusal() };
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, flow_page::CONTENT_SECURITY_POLICY.as_str()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn refusal() -> Response {
    let why = "this page answers only to localhost, 127.0.0.1 and [::1]; open it by one of these names\n";
    (StatusCode::MISDIRECTED_REQUEST, why).into_response()
}

/// Whether the request is for one name alone, and that is one of this machine.
fn is_local(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let authority = Authority::try_from(host.as_bytes());
    authority.is_ok_and(|authority| {
        let host = authority.host();
        host.eq_ignore_ascii_case("localhost") || matches!(host, "127.0.0.1" | "[::1]")
    })
}
