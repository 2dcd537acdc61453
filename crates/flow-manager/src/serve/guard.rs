//! Who may read the metrics: whoever shows a token, or a certificate.

use super::tls::{Files, Peer};
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// What the kubelet asks for, which has neither.
const HEALTH: [&str; 2] = ["/livez", "/readyz"];

/// How the endpoints of a process are guarded. By default they are not.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Guard {
    /// A folder like a mounted Secret, with tls.crt and tls.key: /metrics and health are served by TLS; replaced files
    /// count at once. With ca.crt, /metrics is only for clients that have a certificate of it.
    #[arg(long = "metrics-tls", value_name = "FOLDER")]
    tls: Option<PathBuf>,
    /// A file with a token: /metrics is only for those who show it as a bearer token. A replaced file counts at once.
    #[arg(long = "metrics-bearer-token-file", value_name = "FILE")]
    token: Option<PathBuf>,
}

impl Guard {
    /// The files to speak TLS by, if it is spoken.
    pub(super) fn tls(&self) -> Option<Files> {
        self.tls.as_deref().map(Files::of)
    }

    /// The same routes; those that do not tell of health are guarded.
    pub(super) fn on(&self, router: Router) -> Router {
        let wants_certificate = self.tls().is_some_and(|files| files.asks());
        let gate = Gate { wants_certificate, token: self.token.clone() };
        router.layer(middleware::from_fn_with_state(Arc::new(gate), guard))
    }
}

/// What a request must show.
struct Gate {
    wants_certificate: bool,
    token: Option<PathBuf>,
}

impl Gate {
    fn lets_in(&self, headers: &HeaderMap, peer: Option<&Peer>) -> bool {
        let has_certificate = peer.is_some_and(|peer| peer.has_certificate);
        let has_token = self.token.as_deref().is_none_or(|file| shows_token(headers, file));
        has_token && (has_certificate || !self.wants_certificate)
    }
}

async fn guard(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| peer);
    if HEALTH.contains(&request.uri().path()) || gate.lets_in(request.headers(), peer) {
        return next.run(request).await;
    }
    let why = "show the token or the certificate that this endpoint asks for\n";
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], why).into_response()
}

/// Whether the one token of a request is that of the file. Where there is no such file, none is.
fn shows_token(headers: &HeaderMap, file: &Path) -> bool {
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(shown), None) = (shown.next(), shown.next()) else { return false };
    let Some(shown) = shown.as_bytes().strip_prefix(b"Bearer ") else { return false };
    let Ok(wanted) = std::fs::read(file) else { return false };
    let wanted = wanted.trim_ascii();
    !wanted.is_empty() && bool::from(shown.ct_eq(wanted))
}
