use crate::bed::Bed;
use crate::process::{Program, Usage, ours};
use flow_e2e::metrics::Metrics;
use flow_e2e::wait::{Look, until};
use flow_e2e::{Error, Result};
use std::time::{Duration, Instant};

/// Where it serves its metrics.
pub(crate) const ADDRESS: &str = "127.0.0.1:8001";

/// Until here a look at the metrics reads them: the series of single policies follow, which are many.
const ENOUGH: &str = "\nflowmanager_policies ";

/// The operator, as one process.
pub(crate) struct Operator {
    program: Program,
    started: Instant,
    client: reqwest::Client,
}

impl Operator {
    /// Starts it.
    pub(crate) fn start() -> Result<Self> {
        let prometheus = Bed::prometheus_url();
        let arguments =
            ["run", "--backend", "cilium", "--listen", ADDRESS, "--prometheus-url", prometheus.as_str()];
        let (program, started) =
            (Program::start("operator", ours("flow-manager"), arguments)?, Instant::now());
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
        Ok(Self { program, started, client })
    }

    /// Waits until it says that it is ready, and returns how long that took from its start.
    pub(crate) async fn ready(&self, patience: Duration) -> Result<Duration> {
        until("an operator that is ready", patience, async || {
            let answer = self.client.get(format!("http://{ADDRESS}/readyz")).send().await?;
            let (status, said) = (answer.status(), answer.text().await?);
            Ok(Look::when(status.is_success(), || said))
        })
        .await?;
        Ok(self.started.elapsed())
    }

    /// Waits until this metric is so high, and returns how long that took from its start.
    pub(crate) async fn reaches(&self, metric: &str, least: f64, patience: Duration) -> Result<Duration> {
        until(&format!("{metric} of {least}"), patience, async || {
            let value = self.look().await?.sum(metric, &[]);
            Ok(Look::when(value.is_some_and(|value| value >= least), || format!("{value:?}")))
        })
        .await?;
        Ok(self.started.elapsed())
    }

    /// Its metrics but for those of single policies.
    pub(crate) async fn look(&self) -> Result<Metrics> {
        let mut answer = self.client.get(format!("http://{ADDRESS}/metrics")).send().await?;
        let mut text = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            text.extend_from_slice(&chunk);
            if String::from_utf8_lossy(&text).contains(ENOUGH) {
                break;
            }
        }
        // Of the last line, only a part may have come.
        let text = String::from_utf8_lossy(&text).into_owned();
        let whole = text.rsplit_once('\n').map(|(whole, _)| format!("{whole}\n"));
        whole.map(Metrics).ok_or_else(|| Error::Missing("what the operator exports".to_owned()))
    }

    pub(crate) fn usage(&self) -> Result<Usage> {
        self.program.usage()
    }

    /// Stops it. Limits stay in place.
    pub(crate) async fn stop(self) -> Result<()> {
        self.program.stop().await
    }
}
