use super::asked::Asked;
use super::events::{self, EventRule};
use super::fault::{Answer, Fate, Fault};
use super::upstream::Upstream;
use axum::body::{Body, Bytes};
use axum::http::header::{CONNECTION, TRANSFER_ENCODING};
use axum::http::{HeaderMap, Request, Response};
use futures::{Stream, StreamExt, stream};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

type RequestRule = Arc<dyn Fn(&Asked) -> Fault + Send + Sync>;

/// What all connections of a proxy share.
pub(super) struct Relay {
    upstream: Upstream,
    record: Mutex<Record>,
    pub(super) events: watch::Sender<EventRule>,
    /// How often the watches that were open have been closed.
    pub(super) closed: watch::Sender<u64>,
    parted: watch::Sender<bool>,
}

struct Record {
    rule: RequestRule,
    asked: Vec<Asked>,
    /// The first list of each kind, by its path.
    lists: HashMap<String, Answer>,
}

impl Relay {
    pub(super) fn new(upstream: Upstream) -> Self {
        let rule: RequestRule = Arc::new(|_| Fault::Pass);
        let events: EventRule = Arc::new(|_, _| Fate::Pass);
        Self {
            upstream,
            record: Mutex::new(Record { rule, asked: Vec::new(), lists: HashMap::new() }),
            events: watch::Sender::new(events),
            closed: watch::Sender::new(0),
            parted: watch::Sender::new(false),
        }
    }

    pub(super) fn on_request(&self, rule: RequestRule) {
        self.record().rule = rule;
    }

    pub(super) fn on_event(&self, rule: EventRule) {
        self.events.send_replace(rule);
    }

    pub(super) fn part(&self, parted: bool) {
        self.parted.send_replace(parted);
    }

    pub(super) fn close_watches(&self) {
        self.closed.send_modify(|times| *times += 1);
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.record().asked.clone()
    }

    pub(super) fn forget(&self) {
        let mut record = self.record();
        record.asked.clear();
        record.lists.clear();
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request, and chooses its fault.
    fn choose(&self, asked: &Asked) -> Fault {
        let mut record = self.record();
        record.asked.push(asked.clone());
        (record.rule)(asked)
    }

    /// Answers a request. An error breaks the connection.
    async fn answer(self: Arc<Self>, request: Request<Body>) -> io::Result<Response<Body>> {
        let asked = Asked::of(request).await?;
        match self.choose(&asked) {
            Fault::Pass => self.pass_on(asked, "").await,
            Fault::Query(added) => self.pass_on(asked, &added).await,
            Fault::Delay(delay) => {
                tokio::time::sleep(delay).await;
                self.pass_on(asked, "").await
            }
            Fault::Answer(answer) => made(answer),
            Fault::Before(hook) => {
                hook();
                Err(broken())
            }
            Fault::After(hook) => {
                let answer = self.upstream.pass_on(&asked, "").await.map_err(io::Error::other)?;
                answer.bytes().await.map_err(io::Error::other)?;
                hook();
                Err(broken())
            }
            Fault::Refuse => Err(broken()),
            Fault::Hang => std::future::pending().await,
            Fault::Break(bytes) => self.break_off(&asked, bytes).await,
            Fault::Old => {
                let old = self.record().lists.get(&asked.path).cloned().filter(|_| asked.is_list());
                match old {
                    Some(answer) => made(answer),
                    None => self.pass_on(asked, "").await,
                }
            }
        }
    }

    async fn pass_on(self: Arc<Self>, asked: Asked, added: &str) -> io::Result<Response<Body>> {
        let answer = self.upstream.pass_on(&asked, added).await.map_err(io::Error::other)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = if asked.is_watch() && status.is_success() {
            Body::from_stream(events::relay(self, asked, answer.bytes_stream()))
        } else if asked.is_list() && status.is_success() {
            let body = answer.bytes().await.map_err(io::Error::other)?;
            self.keep(&asked, body.clone());
            Body::from(body)
        } else {
            Body::from_stream(answer.bytes_stream())
        };
        response(status.as_u16(), headers, body)
    }

    fn keep(&self, asked: &Asked, body: Bytes) {
        let first = || Answer::new(200, body).with("content-type", "application/json");
        self.record().lists.entry(asked.path.clone()).or_insert_with(first);
    }

    async fn break_off(&self, asked: &Asked, bytes: usize) -> io::Result<Response<Body>> {
        let answer = self.upstream.pass_on(asked, "").await.map_err(io::Error::other)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        response(status.as_u16(), headers, Body::from_stream(first(bytes, answer.bytes_stream())))
    }
}

/// The first `left` bytes, and then an error.
fn first(
    left: usize,
    body: impl Stream<Item = reqwest::Result<Bytes>>,
) -> impl Stream<Item = io::Result<Bytes>> {
    let cut = body.scan(left, |left, chunk| {
        let chunk = chunk.map(|chunk| chunk.slice(..chunk.len().min(*left))).map_err(io::Error::other);
        *left -= chunk.as_ref().map_or(0, Bytes::len);
        std::future::ready(chunk.as_ref().map_or(true, |chunk| !chunk.is_empty()).then_some(chunk))
    });
    cut.chain(stream::once(std::future::ready(Err(broken()))))
}

fn broken() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionReset)
}

fn made(answer: Answer) -> io::Result<Response<Body>> {
    let mut builder = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        builder = builder.header(name, value);
    }
    builder.body(Body::from(answer.body)).map_err(io::Error::other)
}

fn response(status: u16, mut headers: HeaderMap, body: Body) -> io::Result<Response<Body>> {
    for own in [CONNECTION, TRANSFER_ENCODING] {
        headers.remove(own);
    }
    let mut response = Response::builder().status(status).body(body).map_err(io::Error::other)?;
    *response.headers_mut() = headers;
    Ok(response)
}

/// Serves connections until it is dropped.
pub(super) async fn serve(listener: TcpListener, relay: Arc<Relay>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(connection(stream, Arc::clone(&relay)));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, relay: Arc<Relay>) {
    let mut parted = relay.parted.subscribe();
    let answer = service_fn(|request: Request<Incoming>| Arc::clone(&relay).answer(request.map(Body::new)));
    // What is written to one connection waits for nothing.
    let _ = stream.set_nodelay(true);
    tokio::select! {
        _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer) => {}
        _ = parted.wait_for(|parted| *parted) => {}
    }
}
