use super::{Problem, find};
use crate::connection::Connection;
use crate::installation::Installation;
use flow_page::Page;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long the page is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long it is not asked for after it did not come.
const PAUSE: Duration = Duration::from_secs(30);
/// The most bytes of a page.
const MOST: usize = 64 << 20;

type Way = SendRequest<Empty<Bytes>>;

/// Reads the page for those whose answer is good without it, again and again over one connection.
#[derive(Debug)]
pub struct Reader<'a> {
    connection: &'a Connection,
    installation: &'a Installation,
    path: String,
    way: Option<Way>,
    paused_until: Option<Instant>,
    is_late: bool,
}

impl<'a> Reader<'a> {
    /// Reads what the page shows of one policy (namespace and name), or of all.
    #[must_use]
    pub fn new(
        connection: &'a Connection,
        installation: &'a Installation,
        policy: Option<(&str, &str)>,
    ) -> Self {
        let query = policy.map(|(namespace, name)| format!("?namespace={namespace}&name={name}"));
        let path = format!("/page.json{}", query.unwrap_or_default());
        Self { connection, installation, path, way: None, paused_until: None, is_late: false }
    }

    /// The page as it is now; none where it is off, may not be seen, or does not come within a second.
    pub async fn read(&mut self) -> Option<Page> {
        if self.paused_until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let page = timeout(PATIENCE, self.ask()).await;
        self.is_late = page.is_err();
        let page = page.ok().and_then(Result::ok);
        self.paused_until = page.is_none().then(|| Instant::now() + PAUSE);
        page
    }

    /// The page as it is now, or why it does not come within `patience`: for those who want to know.
    pub async fn read_within(&mut self, patience: Duration) -> Result<Page, Problem> {
        timeout(patience, self.ask()).await.unwrap_or(Err(Problem::Silent))
    }

    /// Whether nobody knows if there is a page: the last time it did not come within a second.
    #[must_use]
    pub const fn is_late(&self) -> bool {
        self.is_late
    }

    async fn ask(&mut self) -> Result<Page, Problem> {
        if let Some(way) = self.way.take()
            && let Some(page) = self.over(way).await
        {
            return Ok(page);
        }
        let way = self.connect().await?;
        self.over(way).await.ok_or(Problem::Silent)
    }

    async fn connect(&self) -> Result<Way, Problem> {
        let leader = find(self.connection, self.installation).await?;
        let mut forwarder = leader.forward(self.connection).await?;
        let stream = forwarder.take_stream(leader.port).ok_or(Problem::Silent)?;
        let (way, carrier) = handshake(TokioIo::new(stream)).await.map_err(|_| Problem::Silent)?;
        tokio::spawn(carrier);
        Ok(way)
    }

    /// Asks over `way`, and keeps it for the next time where it is good for more.
    async fn over(&mut self, mut way: Way) -> Option<Page> {
        way.ready().await.ok()?;
        let request = Request::get(&self.path).header(HOST, "localhost").body(Empty::new()).ok()?;
        let answer = way.send_request(request).await.ok().filter(|it| it.status() == StatusCode::OK)?;
        let body = Limited::new(answer.into_body(), MOST).collect().await.ok()?.to_bytes();
        self.way = Some(way);
        serde_json::from_slice(&body).ok()
    }
}
