use futures::future::{Either, MapErr, Ready, TryFutureExt, ready};
use http::{Method, Request};
use kube::client::Body;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::time::Instant;
use tower::{BoxError, Layer, Service};

/// Lets writes to the API server through only while this controller may lead.
///
/// A process that was held up for long goes on where it was, with a write that it had decided before; whoever ends its
/// term may be scheduled only after that. So each write looks at the time itself, just before it is sent. Leases are not
/// fenced: each of their writes tells the version that it is for.
#[derive(Clone, Debug, Default)]
pub struct Fence(Arc<Mutex<Gate>>);

/// Until when writes pass.
#[derive(Clone, Copy, Debug, Default)]
enum Gate {
    #[default]
    Closed,
    OpenUntil(Instant),
    Open,
}

/// Why a write was not sent.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("not written: this controller may no longer lead")]
pub struct Fenced;

impl Fence {
    /// Writes pass without end: there is no other controller.
    pub(super) fn open(&self) {
        *self.gate() = Gate::Open;
    }

    /// Writes pass until then.
    pub(super) fn open_until(&self, end: Instant) {
        *self.gate() = Gate::OpenUntil(end);
    }

    /// No write passes.
    pub(super) fn close(&self) {
        *self.gate() = Gate::Closed;
    }

    fn lets_through(&self, request: &Request<Body>) -> bool {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        let is_open = match *self.gate() {
            Gate::Closed => false,
            Gate::OpenUntil(end) => Instant::now() < end,
            Gate::Open => true,
        };
        is_read || is_open || request.uri().path().starts_with(LEASES)
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the API server keeps Leases.
const LEASES: &str = "/apis/coordination.k8s.io/";

impl<S> Layer<S> for Fence {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { fence: self.clone(), inner }
    }
}

/// The way to the API server behind a [`Fence`].
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    fence: Fence,
    inner: S,
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>>,
    S::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Either<Ready<Result<S::Response, BoxError>>, MapErr<S::Future, fn(S::Error) -> BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let boxed: fn(S::Error) -> BoxError = Into::into;
        if self.fence.lets_through(&request) {
            Either::Right(self.inner.call(request).map_err(boxed))
        } else {
            Either::Left(ready(Err(Fenced.into())))
        }
    }
}
