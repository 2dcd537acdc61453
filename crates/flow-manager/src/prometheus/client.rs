use super::answer;
use super::error::QueryError;
use flow_control::Finite;
use reqwest::{Response, StatusCode, Url};
use std::path::PathBuf;
use std::time::Duration;

/// The longest answer that is read. One number needs a few hundred bytes.
const MAX_BODY_BYTES: usize = 1 << 20;

/// A Prometheus that the operator's administrator has named.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its base URL.
    pub url: String,
    /// How long it may take to answer.
    pub timeout: Duration,
    /// A file with a bearer token, read at each query, since tokens are replaced.
    pub bearer_token_file: Option<PathBuf>,
}

/// Why a source cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The URL is none.
    #[error(
        "--prometheus-url: found {found:?}; allowed is a URL such as http://prometheus.monitoring.svc:9090"
    )]
    Url {
        /// What was found.
        found: String,
    },
    /// The HTTP client could not be made.
    #[error("the HTTP client for Prometheus cannot be made: {0}")]
    Client(#[from] reqwest::Error),
}

/// A client of one source.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    url: Url,
    timeout: Duration,
    bearer_token_file: Option<PathBuf>,
}

impl Client {
    /// A client of `source`.
    pub fn new(source: &Source) -> Result<Self, SourceError> {
        let invalid = || SourceError::Url { found: source.url.clone() };
        let mut url = Url::parse(&source.url).map_err(|_| invalid())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid());
        }
        url.path_segments_mut().map_err(|()| invalid())?.pop_if_empty().extend(["api", "v1", "query"]);
        let redirects = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().timeout(source.timeout).redirect(redirects).build()?;
        Ok(Self { http, url, timeout: source.timeout, bearer_token_file: source.bearer_token_file.clone() })
    }

    /// Asks for the value of `query` now: exactly one finite number, or why there is none.
    pub async fn query(&self, query: &str) -> Result<Finite, QueryError> {
        let mut request = self.http.post(self.url.clone()).form(&[("query", query)]);
        if let Some(file) = &self.bearer_token_file {
            let token = tokio::fs::read_to_string(file).await.map_err(|_| QueryError::NoCredential)?;
            request = request.bearer_auth(token.trim());
        }
        let response = request.send().await.map_err(|error| self.failed(&error))?;
        let status = response.status();
        let body = self.body(response).await?;
        match status {
            StatusCode::OK => answer::number(&body),
            _ if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                Err(QueryError::Rejected { status: status.as_u16(), message: answer::message(&body) })
            }
            _ if status.is_redirection() => Err(QueryError::Malformed("it is a redirection")),
            _ => Err(QueryError::Unavailable { status: status.as_u16() }),
        }
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, QueryError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BODY_BYTES {
                return Err(QueryError::TooLarge { limit: MAX_BODY_BYTES });
            }
        }
        Ok(body)
    }

    fn failed(&self, error: &reqwest::Error) -> QueryError {
        if error.is_timeout() { QueryError::TimedOut(self.timeout) } else { QueryError::Unreachable }
    }
}
