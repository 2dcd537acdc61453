use super::answer;
use super::bearer_token::{BearerToken, TokenError};
use super::error::{QueryError, legible};
use flow_control::Finite;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Response, Url};
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

/// The longest answer that is read. One number needs a few hundred bytes.
pub(super) const MAX_BODY_BYTES: usize = 1 << 20;

/// A Prometheus that the operator's administrator has named.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its base URL, without credentials.
    pub url: String,
    /// How long it may take to answer.
    pub timeout: Duration,
    /// A file with a bearer token, read at each query, since tokens are replaced.
    pub bearer_token_file: Option<PathBuf>,
}

/// Why a source cannot be used. None shows the URL, which may contain a password.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The URL is none, or not one of HTTP.
    #[error("the URL of Prometheus must be like http://prometheus.monitoring.svc:9090, with http or https")]
    Url,
    /// The URL contains what everybody could read there, or what a base URL cannot have.
    #[error(
        "the URL of Prometheus must have no user, password, query or fragment; give credentials as files"
    )]
    MoreThanAddress,
    /// The bearer token cannot be used.
    #[error("the bearer token for Prometheus: {0}")]
    Token(#[from] TokenError),
    /// The HTTP client could not be made.
    #[error("the HTTP client for Prometheus cannot be made: {}", root_cause(.0))]
    Client(reqwest::Error),
}

/// A client of one source. It speaks HTTP/1.1, where a request that timed out takes its connection with it; a
/// dead connection of HTTP/2 would be used again.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    endpoint: Url,
    timeout: Duration,
    token: Option<BearerToken>,
}

impl Client {
    /// A client of `source`. Fails if the source is described wrongly; whether it answers is not tried.
    pub fn new(source: &Source) -> Result<Self, SourceError> {
        let endpoint = endpoint(&source.url)?;
        let token = source.bearer_token_file.as_deref().map(BearerToken::new);
        token.as_ref().map(BearerToken::header).transpose()?;
        let builder = reqwest::Client::builder().redirect(Policy::none()).http1_only();
        // Where TLS is not spoken, no system certificates are needed: a minimal image has none.
        let builder = if endpoint.scheme() == "http" { builder.tls_certs_only([]) } else { builder };
        let http = builder.build().map_err(SourceError::Client)?;
        Ok(Self { http, endpoint, timeout: source.timeout, token })
    }

    /// How long an answer is waited for.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Asks for the value of `query` now: exactly one finite number, or why there is none.
    pub async fn query(&self, query: &str) -> Result<Finite, QueryError> {
        let late = || QueryError::TimedOut { after: self.timeout };
        tokio::time::timeout(self.timeout, self.exchange(query)).await.map_err(|_| late())?
    }

    async fn exchange(&self, query: &str) -> Result<Finite, QueryError> {
        let mut request = self.http.post(self.endpoint.clone()).form(&[("query", query)]);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, header(token.clone()).await?);
        }
        let response = request.send().await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        answer::number(status, &body(response).await?)
    }
}

fn endpoint(url: &str) -> Result<Url, SourceError> {
    let mut url = Url::parse(url).map_err(|_| SourceError::Url)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(SourceError::Url);
    }
    let bare = url.username().is_empty() && url.password().is_none();
    if !bare || url.query().is_some() || url.fragment().is_some() {
        return Err(SourceError::MoreThanAddress);
    }
    let path = url.path_segments_mut();
    path.map_err(|()| SourceError::Url)?.pop_if_empty().extend(["api", "v1", "query"]);
    Ok(url)
}

async fn header(token: BearerToken) -> Result<HeaderValue, QueryError> {
    let read = tokio::task::spawn_blocking(move || token.header()).await;
    let no_credential = |problem: String| QueryError::NoCredential { problem };
    read.map_err(|error| no_credential(error.to_string()))?.map_err(|error| no_credential(error.to_string()))
}

async fn body(mut response: Response) -> Result<Vec<u8>, QueryError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(QueryError::TooLarge { limit: MAX_BODY_BYTES });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn unreachable(error: &reqwest::Error) -> QueryError {
    // The resolver's own words are meant for developers.
    let dns = "its host name could not be resolved";
    let reason = if error.is_dns() { dns.to_owned() } else { legible(&root_cause(error)) };
    QueryError::Unreachable { reason }
}

/// What lies at the bottom of `error`; what is above it repeats the URL.
fn root_cause(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.last().map_or_else(|| "the request failed".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_the_base_url_is_kept() {
        for (base, whole) in [
            ("http://prometheus:9090", "http://prometheus:9090/api/v1/query"),
            ("https://host/prometheus", "https://host/prometheus/api/v1/query"),
            ("https://host/prometheus/", "https://host/prometheus/api/v1/query"),
        ] {
            assert_eq!(endpoint(base).unwrap().as_str(), whole);
        }
    }

    #[test]
    fn a_url_that_is_more_than_an_address_is_refused_and_not_shown() {
        for url in ["http://u@h/", "http://u:s3cret@h/", "http://h/?token=s3cret", "http://h/#s3cret"] {
            let error = endpoint(url).unwrap_err();
            assert!(matches!(error, SourceError::MoreThanAddress), "{url}: {error}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn what_is_no_http_url_is_refused() {
        for url in ["", "prometheus", "prometheus:9090", "ftp://h/", "data:,x", "http://", "http://h:99999"] {
            assert!(matches!(endpoint(url), Err(SourceError::Url)), "{url}");
        }
    }
}
