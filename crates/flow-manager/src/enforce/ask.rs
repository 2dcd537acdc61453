//! One question to one shaper.

use flow_shaper::NodeReport;
use futures::StreamExt;
use std::time::Duration;

/// Where a shaper serves its report.
const PORT: u16 = 9102;
const TIMEOUT: Duration = Duration::from_secs(1);
/// More than 10,000 pods of one node need.
const MAX_BODY_BYTES: usize = 8 << 20;

/// Asks shapers, over connections that stay open.
pub(super) struct Asker {
    client: Option<reqwest::Client>,
    pub(super) port: u16,
}

/// Why a shaper could not be asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("no HTTP client")]
    NoClient,
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error("the report is longer than {MAX_BODY_BYTES} bytes")]
    TooLong,
    #[error("the report cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
}

impl Default for Asker {
    fn default() -> Self {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            // There is never more than one question to a shaper.
            .pool_max_idle_per_host(1)
            // Plain HTTP needs no authorities, and the machine may have none.
            .tls_certs_only([]);
        Self { client: client.build().ok(), port: PORT }
    }
}

impl Asker {
    /// What the shaper at `address` says now.
    pub(super) async fn ask(&self, address: &str) -> Result<NodeReport, AskError> {
        let (host, port) =
            (if address.contains(':') { format!("[{address}]") } else { address.to_owned() }, self.port);
        let client = self.client.as_ref().ok_or(AskError::NoClient)?;
        let answer =
            client.get(format!("http://{host}:{port}/v1/report")).send().await?.error_for_status()?;
        let (mut chunks, mut body) = (answer.bytes_stream(), Vec::new());
        while let Some(chunk) = chunks.next().await {
            body.extend_from_slice(&chunk?);
            if body.len() > MAX_BODY_BYTES {
                return Err(AskError::TooLong);
            }
        }
        Ok(serde_json::from_slice(&body)?)
    }
}
