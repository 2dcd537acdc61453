//! flow-manager as a process of this machine instead of a pod, so that it can be killed at an exact moment, and its way
//! to the API server led through a proxy.

use crate::account::{Account, api_server};
use crate::proxy::{Hook, Proxy, hook};
use flow_e2e::kubectl::{PROGRAMS, in_repository};
use flow_e2e::metrics::{Metrics, get, scrape};
use flow_e2e::operator::NAMESPACE;
use flow_e2e::release::RELEASE;
use flow_e2e::wait::{Look, until};
use flow_e2e::{Error, Result};
use flow_lab::address::{NODE, PROMETHEUS_PORT};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long it may take to lead: longer than a Lease lasts whose holder was killed, and than a token is kept before its file
/// is read again.
const PATIENCE: Duration = Duration::from_secs(90);

/// How an operator is started.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its name in the Lease. Who was killed and starts again has the same, as a container of the same pod has.
    pub identity: String,
    /// Who makes limits take effect, as in `--backend`.
    pub backend: &'static str,
    /// The Prometheus that it asks.
    pub prometheus: String,
    /// More arguments.
    pub arguments: Vec<String>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            identity: "first".to_owned(),
            backend: "cilium",
            prometheus: format!("http://{NODE}:{PROMETHEUS_PORT}"),
            arguments: Vec::new(),
        }
    }
}

impl Setup {
    /// The same operator by another name.
    #[must_use]
    pub fn named(identity: &str) -> Self {
        Self { identity: identity.to_owned(), ..Self::default() }
    }
}

/// A running flow-manager, which is killed with this.
pub struct Operator {
    child: Child,
    url: String,
    log: PathBuf,
}

impl Operator {
    /// Starts one whose way to the API server leads through `proxy`.
    pub fn behind(proxy: &Proxy, account: &Account, setup: &Setup) -> Result<Self> {
        Self::start(account.kubeconfig(&proxy.url(), None)?, account, setup)
    }

    /// Starts one that asks the API server itself.
    pub fn direct(account: &Account, setup: &Setup) -> Result<Self> {
        let (server, authority) = api_server()?;
        Self::start(account.kubeconfig(&server, Some(&authority))?, account, setup)
    }

    fn start(kubeconfig: PathBuf, account: &Account, setup: &Setup) -> Result<Self> {
        let program = in_repository(PROGRAMS).join("flow-manager");
        let (port, log) = (free_port()?, account.file(&format!("{}.log", setup.identity)));
        let file = fs_err::File::options().create(true).append(true).open(&log)?.into_parts().0;
        let mut command = Command::new(&program);
        command.args(["run", "--lease", RELEASE, "--lease-namespace", NAMESPACE]);
        command.args(["--identity", &setup.identity, "--backend", setup.backend]);
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--prometheus-url", &setup.prometheus]);
        command.args(&setup.arguments).env("KUBECONFIG", kubeconfig);
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command
            .spawn()
            .map_err(|source| Error::Start { program: program.display().to_string(), source })?;
        Ok(Self { child, url: format!("http://127.0.0.1:{port}"), log })
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        // Process numbers are positive and small.
        Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(i32::MAX))
    }

    /// Kills it when it is called.
    #[must_use]
    pub fn killing(&self) -> Hook {
        let pid = self.pid();
        // One that has ended is as good.
        hook(move || {
            let _ = kill(pid, Signal::SIGKILL);
        })
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill(self.pid(), signal).map_err(|error| Error::File(error.into()))
    }

    /// Kills it, and waits until it is gone.
    pub fn kill(&mut self) {
        // One that has ended cannot be killed, and needs not.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(&mut self) -> Result<()> {
        self.signal(Signal::SIGTERM)?;
        until("its end", PATIENCE, async || {
            Ok(Look::when(self.child.try_wait()?.is_some(), || "it runs".to_owned()))
        })
        .await
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Waits until it leads and has read what there is.
    pub async fn leads(&self) -> Result<()> {
        until("an operator that leads", PATIENCE, async || {
            let (status, said) = self.readyz().await?;
            let leads =
                self.metrics().await?.value("flowmanager_leader", &[]).is_some_and(|leads| leads > 0.0);
            Ok(Look::when(status == 200 && leads, || format!("{status} {said}; leads: {leads}")))
        })
        .await
    }

    /// Its metrics.
    pub async fn metrics(&self) -> Result<Metrics> {
        scrape(&format!("{}/metrics", self.url)).await
    }

    /// The status and the text of `/readyz`.
    pub async fn readyz(&self) -> Result<(u16, String)> {
        get(&format!("{}/readyz", self.url)).await
    }

    /// What it, and those of its name before it, have logged.
    pub fn log(&self) -> Result<String> {
        Ok(fs_err::read_to_string(&self.log)?)
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
