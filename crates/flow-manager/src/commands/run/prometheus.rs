//! The arguments that say which Prometheus there is to ask.

use crate::clock::Clock;
use crate::prometheus::sources::{self, DEFAULT_SOURCE, SourcesError};
use crate::prometheus::{
    Access, Client, CredentialFiles, LabelName, NamespacePattern, Queries, QueryMetrics, Source, SourceError,
};
use crate::serve::Readiness;
use prometheus_client::registry::Registry;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Which Prometheus objectives are queried from.
#[derive(Debug, clap::Args)]
pub(super) struct PrometheusArgs {
    /// The base URL of the Prometheus that objectives are queried from which name none. Without it, those are
    /// unknown.
    #[arg(long, env = "PROMETHEUS_URL")]
    prometheus_url: Option<String>,
    /// How long to wait for an answer of that Prometheus, in milliseconds.
    #[arg(long, default_value = "2000", value_parser = clap::value_parser!(u64).range(10..=60_000))]
    prometheus_timeout_ms: u64,
    /// A file with the bearer token for it; read again when it changes.
    #[arg(long)]
    prometheus_bearer_token_file: Option<PathBuf>,
    /// A folder like a mounted Secret, with any of: token; username and password; tls.crt and tls.key; ca.crt.
    #[arg(long)]
    prometheus_credentials: Option<PathBuf>,
    /// A header for each request to it, such as X-Scope-OrgID=factory; may be given more than once.
    #[arg(long = "prometheus-header", value_parser = header)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// A namespace whose policies may ask it, or the beginning of such names and *; may be given more than once. Without
    /// it, those of all namespaces may.
    #[arg(long = "prometheus-namespace", value_name = "NAMESPACE")]
    namespaces: Vec<NamespacePattern>,
    /// The header that tells it the namespace of the policy that asks, such as X-Scope-OrgID.
    #[arg(long = "prometheus-tenant-header", value_name = "NAME")]
    tenant_header: Option<String>,
    /// The label by which each query is confined to the namespace of the policy that asks, such as namespace. A query that
    /// cannot be is refused.
    #[arg(long = "prometheus-enforce-label", value_name = "LABEL")]
    enforce_label: Option<LabelName>,
    /// A YAML file with a list of more of them, each with name, url, and if needed timeout, headers, credentials (a folder
    /// as above), namespaces, tenantHeader and enforceLabel. Objectives choose one by its name.
    #[arg(long)]
    prometheus_sources: Option<PathBuf>,
}

/// Why there is no Prometheus to ask as the arguments say.
#[derive(Debug, thiserror::Error)]
pub enum PrometheusError {
    /// The default one cannot be used.
    #[error(transparent)]
    Default(#[from] SourceError),
    /// The header for tenants cannot be used.
    #[error("--prometheus-tenant-header: {0}")]
    TenantHeader(String),
    /// The file with the others cannot be used.
    #[error("--prometheus-sources: {0}")]
    Others(#[from] SourcesError),
}

/// A header as it is given, `NAME=VALUE`.
fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once('=').ok_or("it must be like X-Scope-OrgID=factory")?;
    sources::header(name, value)
}

impl PrometheusArgs {
    /// The queries to each source, by its name.
    pub(super) fn queries(
        &self,
        clock: Clock,
        registry: &mut Registry,
        readiness: &Readiness,
    ) -> Result<BTreeMap<String, Queries>, PrometheusError> {
        let metrics = QueryMetrics::register(registry);
        let queries = |(name, client): (String, Client)| {
            let queries = Queries::new(&name, client, clock, metrics.clone(), readiness.clone());
            (name, queries)
        };
        let default = self.default_source()?.map(|client| (DEFAULT_SOURCE.to_owned(), client));
        let others = self.prometheus_sources.as_deref().map(sources::read).transpose()?;
        Ok(default.into_iter().chain(others.into_iter().flatten()).map(queries).collect())
    }

    fn default_source(&self) -> Result<Option<Client>, PrometheusError> {
        let Some(url) = &self.prometheus_url else { return Ok(None) };
        let headers: HeaderMap = self.headers.iter().cloned().collect();
        let source = Source {
            url: url.clone(),
            timeout: Duration::from_millis(self.prometheus_timeout_ms),
            access: self.access(&headers)?,
            headers,
            credentials: CredentialFiles {
                bearer_token: self.prometheus_bearer_token_file.clone(),
                folder: self.prometheus_credentials.clone(),
            },
        };
        Ok(Some(Client::new(&source)?))
    }

    fn access(&self, headers: &HeaderMap) -> Result<Access, PrometheusError> {
        let header = self.tenant_header.as_deref().map(|name| sources::tenant_header(name, headers));
        let tenant_header = header.transpose().map_err(PrometheusError::TenantHeader)?;
        let (namespaces, enforce_label) = (self.namespaces.clone(), self.enforce_label.clone());
        Ok(Access { namespaces, tenant_header, enforce_label })
    }
}
