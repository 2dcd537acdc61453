use super::access::Access;
use super::answer;
use super::credentials::{CredentialError, CredentialFiles, Credentials, TlsFiles};
use super::error::QueryError;
use super::range::{self, Past, Range};
use super::secrets::Secrets;
use super::vector::Vector;
use flow_control::Finite;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The longest answer that is read where one number is wanted, which needs a few hundred bytes.
pub(super) const MAX_NUMBER_BYTES: usize = 1 << 20;
/// The longest answer that is read where all series of a metric are wanted: 10,000 with 1.6 kB of labels each.
pub(super) const MAX_VECTOR_BYTES: usize = 16 << 20;

/// A Prometheus that the operator's administrator has named.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its base URL, without credentials.
    pub url: String,
    /// How long it may take to answer.
    pub timeout: Duration,
    /// What each request carries besides, such as the tenant of a Prometheus that has several.
    pub headers: HeaderMap,
    /// How to log in.
    pub credentials: CredentialFiles,
    /// Who may ask it.
    pub access: Access,
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
    /// The credentials cannot be used.
    #[error("the credentials for Prometheus: {0}")]
    Credentials(#[from] CredentialError),
    /// The HTTP client could not be made.
    #[error("the HTTP client for Prometheus cannot be made: {}", root_cause(.0))]
    Client(reqwest::Error),
}

/// Reads what it needs out of an answer: of its status, its body, and when it came, in seconds since 1970.
type Reading<T> = fn(StatusCode, &[u8], f64) -> Result<T, QueryError>;

/// A client of one source. It speaks HTTP/1.1, where a request that timed out takes its connection with it; a
/// dead connection of HTTP/2 would be used again.
#[derive(Clone, Debug)]
pub struct Client {
    source: Source,
    endpoint: Url,
    ranges: Url,
    http: Arc<Mutex<Http>>,
}

/// The client of HTTP, and what it was made with: it is made anew when a certificate is replaced.
#[derive(Debug)]
struct Http {
    client: reqwest::Client,
    tls: TlsFiles,
}

impl Client {
    /// A client of `source`. Fails if the source is described wrongly; whether it answers is not tried.
    pub fn new(source: &Source) -> Result<Self, SourceError> {
        let (endpoint, ranges) = (endpoint(&source.url, "query")?, endpoint(&source.url, "query_range")?);
        let tls = source.credentials.read()?.tls;
        let client = http(source, &endpoint, &tls)?;
        Ok(Self {
            source: source.clone(),
            endpoint,
            ranges,
            http: Arc::new(Mutex::new(Http { client, tls })),
        })
    }

    /// How long an answer is waited for.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.source.timeout
    }

    /// Who may ask it.
    pub(super) const fn access(&self) -> &Access {
        &self.source.access
    }

    /// Asks for the value of `query` now: exactly one finite number, or why there is none. It is asked on behalf of the
    /// `tenant`, where the source has any.
    pub async fn query(&self, tenant: Option<&str>, query: &str) -> Result<Finite, QueryError> {
        let form = [("query", query)];
        self.ask(&self.endpoint, tenant, &form, MAX_NUMBER_BYTES, answer::number).await
    }

    /// Asks for all series of `query` now.
    pub(super) async fn vector(&self, tenant: Option<&str>, query: &str) -> Result<Vector, QueryError> {
        let form = [("query", query)];
        self.ask(&self.endpoint, tenant, &form, MAX_VECTOR_BYTES, answer::vector).await
    }

    /// Asks for the values of `query` over a span of time: of exactly one series, or of none.
    pub async fn range(&self, query: &str, over: Range) -> Result<Vec<Past>, QueryError> {
        let Range { from_s, to_s, step_s } = over;
        let [from, to, step] = [from_s, to_s, step_s].map(|seconds| seconds.to_string());
        let form = [("query", query), ("start", &from), ("end", &to), ("step", &step)];
        let read: Reading<_> = |status, body, _| answer::matrix(status, body);
        range::past(self.ask(&self.ranges, None, &form, MAX_VECTOR_BYTES, read).await?)
    }

    async fn ask<T>(
        &self,
        endpoint: &Url,
        tenant: Option<&str>,
        form: &[(&str, &str)],
        most: usize,
        read: Reading<T>,
    ) -> Result<T, QueryError> {
        let late = || QueryError::TimedOut { after: self.source.timeout };
        let asked = self.exchange(endpoint, tenant, form, most, read);
        tokio::time::timeout(self.source.timeout, asked).await.map_err(|_| late())?
    }

    async fn exchange<T>(
        &self,
        endpoint: &Url,
        tenant: Option<&str>,
        form: &[(&str, &str)],
        most: usize,
        read: Reading<T>,
    ) -> Result<T, QueryError> {
        let Credentials { login, tls } = credentials(self.source.credentials.clone()).await?;
        let secrets = Secrets::of(&login, &self.source.headers);
        let request = self.http(tls)?.post(endpoint.clone()).headers(self.tenant(tenant)).form(form);
        let answer = answer_to(login.on(request), most, read).await;
        answer.map_err(|error| error.shown(&secrets))
    }

    /// The header that names the tenant, where the source wants one. The name of a namespace is always one that a header
    /// can carry.
    fn tenant(&self, tenant: Option<&str>) -> HeaderMap {
        let value = tenant.and_then(|tenant| HeaderValue::from_str(tenant).ok());
        self.source.access.tenant_header.clone().zip(value).into_iter().collect()
    }

    fn http(&self, tls: TlsFiles) -> Result<reqwest::Client, QueryError> {
        let mut present = self.http.lock().unwrap_or_else(PoisonError::into_inner);
        if present.tls != tls {
            let client = http(&self.source, &self.endpoint, &tls).map_err(|error| no_credential(&error))?;
            *present = Http { client, tls };
        }
        Ok(present.client.clone())
    }
}

fn http(source: &Source, endpoint: &Url, tls: &TlsFiles) -> Result<reqwest::Client, SourceError> {
    let builder = reqwest::Client::builder().redirect(Policy::none()).http1_only();
    let builder = builder.default_headers(source.headers.clone());
    // Where TLS is not spoken, no authorities are needed, and the machine may have none.
    let builder = if endpoint.scheme() == "http" { builder.tls_certs_only([]) } else { tls.on(builder)? };
    builder.build().map_err(SourceError::Client)
}

fn endpoint(url: &str, of: &str) -> Result<Url, SourceError> {
    let mut url = Url::parse(url).map_err(|_| SourceError::Url)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(SourceError::Url);
    }
    let bare = url.username().is_empty() && url.password().is_none();
    if !bare || url.query().is_some() || url.fragment().is_some() {
        return Err(SourceError::MoreThanAddress);
    }
    let path = url.path_segments_mut();
    path.map_err(|()| SourceError::Url)?.pop_if_empty().extend(["api", "v1", of]);
    Ok(url)
}

async fn answer_to<T>(request: RequestBuilder, most: usize, read: Reading<T>) -> Result<T, QueryError> {
    let response = request.send().await.map_err(|error| unreachable(&error))?;
    let status = response.status();
    read(status, &body(response, most).await?, now_s())
}

async fn credentials(files: CredentialFiles) -> Result<Credentials, QueryError> {
    let read = tokio::task::spawn_blocking(move || files.read()).await;
    read.map_err(|error| no_credential(&error))?.map_err(|error| no_credential(&error))
}

/// The time by this machine's clock, in seconds since 1970.
fn now_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

fn no_credential(error: &impl ToString) -> QueryError {
    QueryError::NoCredential { problem: error.to_string() }
}

async fn body(mut response: Response, most: usize) -> Result<Vec<u8>, QueryError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        if body.len() + chunk.len() > most {
            return Err(QueryError::TooLarge { limit: most });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn unreachable(error: &reqwest::Error) -> QueryError {
    // The resolver's own words are meant for developers.
    let dns = "its host name could not be resolved";
    let reason = if error.is_dns() { dns.to_owned() } else { root_cause(error) };
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
            assert_eq!(endpoint(base, "query").unwrap().as_str(), whole);
        }
    }

    #[test]
    fn a_url_that_is_more_than_an_address_is_refused_and_not_shown() {
        for url in ["http://u@h/", "http://u:s3cret@h/", "http://h/?token=s3cret", "http://h/#s3cret"] {
            let error = endpoint(url, "query").unwrap_err();
            assert!(matches!(error, SourceError::MoreThanAddress), "{url}: {error}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn what_is_no_http_url_is_refused() {
        for url in ["", "prometheus", "prometheus:9090", "ftp://h/", "data:,x", "http://", "http://h:99999"] {
            assert!(matches!(endpoint(url, "query"), Err(SourceError::Url)), "{url}");
        }
    }
}
