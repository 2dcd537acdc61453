//! flow-manager as a process of its own, without the chart.

use flow_e2e::kubectl::{PROGRAMS, in_repository, kubectl};
use flow_e2e::metrics::{Metrics, scrape};
use flow_e2e::program::run;
use flow_e2e::wait::{Look, until};
use flow_e2e::{Error, Result};
use fs_err::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
/// Where the operator serves metrics.
const LISTEN: &str = "127.0.0.1:18001";

/// A process of flow-manager; it ends with this.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `flow-manager` with these arguments; what it says goes to the end of `log`.
    pub fn start(arguments: &[&str], log: PathBuf) -> Result<Self> {
        let program = in_repository(PROGRAMS).join("flow-manager");
        let output = File::options().create(true).append(true).open(&log)?.into_parts().0;
        let mut command = Command::new(&program);
        command.args(arguments).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = command
            .spawn()
            .map_err(|source| Error::Start { program: program.display().to_string(), source })?;
        Ok(Self { child, log })
    }

    /// The operator, which asks the lab's Prometheus and writes what Cilium reads; `more` are further arguments.
    pub async fn operator(more: &[&str], log: PathBuf) -> Result<Self> {
        let prometheus = format!("http://{}:{}", flow_lab::address::NODE, flow_lab::address::PROMETHEUS_PORT);
        let always = ["run", "--backend", "cilium", "--listen", LISTEN, "--prometheus-url", &prometheus];
        // The reflector listens there, where nobody is probed by default.
        let probing = ["--probe-allow-cidr", "127.0.0.1/32"];
        let process = Self::start(&[always.as_slice(), &probing, more].concat(), log)?;
        until("the operator at work", PATIENCE, async || {
            let leads = process.metrics().await?.value("flowmanager_leader", &[]);
            Ok(Look::when(leads == Some(1.0), || format!("flowmanager_leader {leads:?}")))
        })
        .await?;
        Ok(process)
    }

    /// The operator's metrics.
    pub async fn metrics(&self) -> Result<Metrics> {
        scrape(&format!("http://{LISTEN}/metrics")).await
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has never ended.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The memory that it holds.
    pub fn rss_kib(&self) -> Result<u64> {
        let status = fs_err::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
        kib.ok_or_else(|| Error::Missing("VmRSS".to_owned()))
    }

    /// Everything it has complained of.
    pub fn complaints(&self) -> Result<Vec<String>> {
        let log = fs_err::read_to_string(&self.log)?;
        let is_one = |line: &&str| [" WARN ", "ERROR ", "panicked at"].iter().any(|word| line.contains(word));
        Ok(log.lines().filter(is_one).map(str::to_owned).collect())
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(&mut self) -> Result<()> {
        run("kill", ["-TERM", &self.id().to_string()]).await?;
        let child = &mut self.child;
        until("the end of the process", PATIENCE, async || {
            let ended = child.try_wait()?.is_some();
            Ok(Look::when(ended, || "it runs".to_owned()))
        })
        .await
    }

    /// Kills it, and waits until it is gone.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already is as good.
        let _ = self.kill();
    }
}

/// Makes policies known to the cluster.
pub async fn definition() -> Result<()> {
    flow_e2e::kubectl::apply_files(&["manifests/crds.yaml"]).await?;
    kubectl("wait --for=condition=Established crd/flowpolicies.flow.fustli.io --timeout=30s").await.map(drop)
}
