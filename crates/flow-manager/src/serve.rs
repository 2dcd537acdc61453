//! The HTTP endpoints that every subcommand serves: `/metrics`, `/livez` and `/readyz`.

mod guard;
mod tls;

pub use guard::Guard;

use crate::scrape::Exposition;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use futures::FutureExt;
use futures::future::BoxFuture;
use prometheus_client::registry::Registry;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tls::{Peer, TlsListener};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a process is waiting for, by name. It is ready while nothing is left.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    waiting: Arc<Mutex<BTreeMap<Cow<'static, str>, String>>>,
}

impl Readiness {
    /// Reports that `part` is not ready, and why.
    pub fn wait(&self, part: impl Into<Cow<'static, str>>, why: impl Into<String>) {
        self.lock().insert(part.into(), why.into());
    }

    /// Reports that `part` is ready.
    pub fn done(&self, part: &str) {
        self.lock().remove(part);
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Cow<'static, str>, String>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The endpoints over `registry` and `readiness`; add routes of your own to the result.
pub fn router(registry: Registry, readiness: Readiness) -> Router {
    router_of_many(registry, Registry::default(), readiness)
}

/// The same, where the metrics in `many` may have very many series: while they are encoded, they must hold no lock that
/// anything else waits for.
pub fn router_of_many(registry: Registry, many: Registry, readiness: Readiness) -> Router {
    let exposition = Arc::new(Exposition::new(registry, many));
    let metrics = Router::new().route("/metrics", get(metrics)).with_state(exposition);
    let health = Router::new().route("/readyz", get(readyz)).with_state(readiness);
    metrics.merge(health).route("/livez", get(|| async { "ok\n" }))
}

/// Serves `router` on `listen`, guarded so, until `shutdown`. Fails if the address cannot be had, or the files of the guard
/// cannot be used.
pub async fn serve(
    listen: SocketAddr,
    router: Router,
    guard: &Guard,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    tracing::info!(address = %listener.local_addr()?, "serving metrics and health");
    serve_on(listener, router, guard, shutdown)?.await
}

fn serve_on(
    listener: TcpListener,
    router: Router,
    guard: &Guard,
    shutdown: CancellationToken,
) -> std::io::Result<BoxFuture<'static, std::io::Result<()>>> {
    let (router, shutdown) = (guard.on(router), shutdown.cancelled_owned());
    Ok(match guard.tls() {
        None => axum::serve(listener, router).with_graceful_shutdown(shutdown).into_future().boxed(),
        Some(files) => {
            let (listener, router) =
                (TlsListener::new(listener, files)?, router.into_make_service_with_connect_info::<Peer>());
            axum::serve(listener, router).with_graceful_shutdown(shutdown).into_future().boxed()
        }
    })
}

async fn metrics(State(exposition): State<Arc<Exposition>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, OPENMETRICS)], exposition.body().await)
}

async fn readyz(State(readiness): State<Readiness>) -> impl IntoResponse {
    let waiting = readiness.lock();
    if waiting.is_empty() {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    let lines: Vec<_> = waiting.iter().map(|(part, why)| format!("{part}: {why}")).collect();
    (StatusCode::SERVICE_UNAVAILABLE, lines.join("\n"))
}

#[cfg(test)]
mod tests;
