//! The page that shows the last hour of each policy: read-only, off by default, and meant for `kubectl port-forward`.
//!
//! On the loopback address of its pod nobody on the network can read it: whoever may forward the pod's ports may. A
//! browser that does so is a way in for other sites, which [`guard`] closes.

mod feed;
mod guard;
#[cfg(test)]
mod tests;

use crate::history::{Choice, Recorder};
use crate::leadership::Leader;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use feed::Feed;
use guard::Guard;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often a browser asks for news, and for how long an answer counts as new.
const REFRESH: Duration = Duration::from_secs(1);

/// Why the page cannot be served.
#[derive(Debug, thiserror::Error)]
#[error(
    "--page {address}: {error}; name an address that is free, such as 127.0.0.1:8003, or leave --page out"
)]
pub struct BindError {
    address: SocketAddr,
    error: std::io::Error,
}

/// The address of the page, which is ours from now on.
pub struct Place {
    listener: TcpListener,
    address: SocketAddr,
}

impl Place {
    /// Takes `address`.
    pub async fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        bound.await.map_err(|error| BindError { address, error })
    }

    /// Serves what `recorder` keeps until `shutdown`, as long as this controller is the `leader`.
    pub async fn serve(
        self,
        recorder: Recorder,
        leader: watch::Receiver<Leader>,
        shutdown: CancellationToken,
    ) {
        let guard = Guard::of(self.address);
        tracing::info!(address = %self.address, "serving the page");
        if guard == Guard::Open {
            tracing::warn!(address = %self.address, "everyone who reaches --page can read what policies measure");
        }
        let served = axum::serve(self.listener, router(guard, recorder, leader));
        if let Err(error) = served.with_graceful_shutdown(shutdown.cancelled_owned()).await {
            tracing::error!(%error, "the page is served no more");
        }
    }
}

fn router(guard: Guard, recorder: Recorder, leader: watch::Receiver<Leader>) -> Router {
    let shell: Arc<str> = flow_page::live(REFRESH).into();
    let page = Router::new().route("/", get(move || async move { Html(shell.to_string()) }));
    let data = Router::new().route("/page.json", get(data)).with_state(Arc::new(Feed::new(recorder, leader)));
    page.merge(data).layer(middleware::from_fn_with_state(guard, guard::guard))
}

async fn data(State(feed): State<Arc<Feed>>, Query(choice): Query<Choice>) -> Response {
    match feed.read(choice).await {
        Ok(page) => ([(header::CONTENT_TYPE, "application/json")], page).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
