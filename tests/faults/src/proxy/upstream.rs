use super::asked::Asked;
use axum::http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use flow_e2e::{Error, Result};
use kube::config::{Config, KubeConfigOptions};
use reqwest::{Certificate, Client, Response};

/// The server behind a proxy.
#[derive(Clone, Debug)]
pub struct Upstream {
    url: String,
    client: Client,
}

impl Upstream {
    /// The API server that `KUBECONFIG` points to. The proxy shows nothing of itself there.
    pub async fn api_server() -> Result<Self> {
        let config = Config::from_kubeconfig(&KubeConfigOptions::default()).await?;
        let authorities = config.root_cert.unwrap_or_default();
        let authorities = authorities.iter().map(|der| Certificate::from_der(der));
        let authorities = authorities.collect::<Result<Vec<_>, _>>()?;
        Self::new(&config.cluster_url.to_string(), authorities)
    }

    /// The server at `url`, by plain HTTP.
    pub fn plain(url: &str) -> Result<Self> {
        Self::new(url, Vec::new())
    }

    fn new(url: &str, authorities: Vec<Certificate>) -> Result<Self> {
        // A second installation fails, and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Each watch has a connection of its own, which ends with it.
        let client = Client::builder().http1_only().no_proxy().tls_certs_only(authorities).build()?;
        Ok(Self { url: url.trim_end_matches('/').to_owned(), client })
    }

    /// Passes a request on, with `added` to its query.
    pub(super) async fn pass_on(&self, asked: &Asked, added: &str) -> Result<Response, Error> {
        let parts = [asked.query.as_str(), added].into_iter().filter(|part| !part.is_empty());
        let query = parts.collect::<Vec<_>>().join("&");
        let mut headers = asked.headers.clone();
        for own in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
            headers.remove(own);
        }
        let url = format!("{}{}?{query}", self.url, asked.path);
        let request = self.client.request(asked.method.clone(), url).headers(headers);
        Ok(request.body(asked.body.clone()).send().await?)
    }
}
