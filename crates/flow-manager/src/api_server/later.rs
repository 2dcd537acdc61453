//! Does not come back before the API server wants it to.

use axum::http::header::RETRY_AFTER;
use axum::http::{Request, Response, StatusCode};
use futures::FutureExt;
use futures::future::BoxFuture;
use kube::client::Body;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;
use tower::{BoxError, Layer, Service};

/// The longest wait that is kept to. A mistaken answer must not keep us away for hours.
const LONGEST: Duration = Duration::from_mins(1);

/// Remembers until when the API server wants to be left alone (RFC 9110, 10.2.3, `Retry-After`), and lets a request that
/// comes earlier fail here: whoever sent it tries again.
#[derive(Clone, Default)]
pub(super) struct Later {
    until: Arc<Mutex<HashMap<String, Instant>>>,
}

/// A request that was not sent.
#[derive(Debug, thiserror::Error)]
#[error("the API server is busy, and wants to be asked again in {} ms", .0.as_millis())]
struct TooEarly(Duration);

impl Later {
    /// How much too early a request is, by its verb and path: others may have been asked to wait, not this one.
    fn early(&self, request: &str) -> Option<Duration> {
        let (now, mut until) = (Instant::now(), self.until.lock().unwrap_or_else(PoisonError::into_inner));
        until.retain(|_, until| *until > now);
        until.get(request).map(|until| *until - now)
    }

    fn learn<B>(&self, request: String, answer: &Response<B>) {
        if let Some(wait) = wait(answer) {
            let until = Instant::now() + wait.min(LONGEST);
            self.until.lock().unwrap_or_else(PoisonError::into_inner).insert(request, until);
        }
    }
}

/// How long an answer says to wait. The API server tells it in seconds, never as a date.
fn wait<B>(answer: &Response<B>) -> Option<Duration> {
    let busy = matches!(answer.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let seconds = answer.headers().get(RETRY_AFTER).filter(|_| busy)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

impl<S> Layer<S> for Later {
    type Service = Sender<S>;

    fn layer(&self, sends: S) -> Sender<S> {
        Sender { sends, later: self.clone() }
    }
}

/// What sends requests that are not too early.
#[derive(Clone)]
pub(super) struct Sender<S> {
    sends: S,
    later: Later,
}

impl<S, B> Service<Request<Body>> for Sender<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<B>, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.sends.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let line = format!("{} {}", request.method(), request.uri().path());
        let sent = match self.later.early(&line) {
            Some(early) => Err(TooEarly(early)),
            None => Ok(self.sends.call(request)),
        };
        let later = self.later.clone();
        async move {
            let answer = sent?.await.map_err(Into::into)?;
            later.learn(line, &answer);
            Ok(answer)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower::ServiceExt;

    /// What a request is answered by an API server that answers everything like this.
    async fn ask(later: &Later, path: &str, status: u16, wait: Option<&str>) -> Result<u16, BoxError> {
        let wait = wait.map(str::to_owned);
        let server = tower::service_fn(move |_: Request<Body>| {
            let mut answer = Response::builder().status(status);
            if let Some(wait) = &wait {
                answer = answer.header(RETRY_AFTER, wait);
            }
            std::future::ready(answer.body(()))
        });
        let request = Request::get(path).body(Body::empty()).unwrap();
        Ok(later.layer(server).oneshot(request).await?.status().as_u16())
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_told_to_come_back_later_does_and_no_other_waits_for_it() {
        let later = Later::default();
        assert_eq!(ask(&later, "/busy", 429, Some("3")).await.unwrap(), 429);
        assert_eq!(ask(&later, "/other", 200, None).await.unwrap(), 200);
        tokio::time::advance(Duration::from_millis(2_900)).await;
        let early = ask(&later, "/busy", 200, None).await.unwrap_err();
        assert_eq!(early.to_string(), "the API server is busy, and wants to be asked again in 100 ms");
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!(ask(&later, "/busy", 200, None).await.unwrap(), 200);
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_busy_server_is_left_alone_and_never_for_longer_than_a_minute() {
        for (status, wait) in [(200, Some("3")), (500, Some("3")), (429, None), (429, Some("soon"))] {
            let later = Later::default();
            ask(&later, "/", status, wait).await.unwrap();
            assert!(ask(&later, "/", status, wait).await.is_ok(), "{status} {wait:?}");
        }
        let later = Later::default();
        ask(&later, "/", 503, Some("86400")).await.unwrap();
        tokio::time::advance(LONGEST).await;
        assert!(ask(&later, "/", 200, None).await.is_ok());
    }
}
