//! Ports of pods, as `kubectl port-forward` and `kubectl flowpolicy dashboard` bring them to a person's machine.

use crate::kubectl::{PROGRAMS, in_repository};
use crate::{Error, Result, operator};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

/// A port of a pod that is a port of this machine as well, until this is dropped.
#[derive(Debug)]
pub struct Forward {
    /// Where it is, as in `http://127.0.0.1:41234`.
    pub url: String,
    _program: Child,
    /// It writes a line for each connection, and ends where nobody could read it.
    _said: Lines<BufReader<ChildStdout>>,
}

impl Forward {
    /// The port of that name.
    pub async fn of(pod: &Pod, port: &str) -> Result<Self> {
        let (namespace, name) = (pod.namespace().unwrap_or_default(), format!("pod/{}", pod.name_any()));
        let remote = format!(":{port}");
        let mut kubectl = Command::new("kubectl");
        kubectl.args(["--namespace", &namespace, "port-forward", "--address=127.0.0.1", &name, &remote]);
        Self::by(kubectl, forwarded, &format!("the port {port} of {name}")).await
    }

    /// The page of the controller that leads.
    pub async fn dashboard() -> Result<Self> {
        let mut plugin = Command::new(in_repository(PROGRAMS).join("kubectl-flowpolicy"));
        plugin.args(["dashboard", "--no-browser", "--system-namespace", operator::NAMESPACE]);
        Self::by(plugin, shown, "the page").await
    }

    /// What `program` forwards until it is ended; it tells the address in its first line.
    async fn by(mut program: Command, address: fn(&str) -> Option<String>, what: &str) -> Result<Self> {
        program.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut running =
            program.spawn().map_err(|source| Error::Start { program: format!("{program:?}"), source })?;
        let missing = || Error::Missing(what.to_owned());
        let mut said = BufReader::new(running.stdout.take().ok_or_else(missing)?).lines();
        let first = timeout(PATIENCE, said.next_line()).await.map_err(|_| missing())??.ok_or_else(missing)?;
        let url = address(&first).ok_or_else(|| Error::unreadable(what, first.clone()))?;
        Ok(Self { url, _program: running, _said: said })
    }
}

/// The address in a line such as `Forwarding from 127.0.0.1:41234 -> 8003`.
fn forwarded(line: &str) -> Option<String> {
    let address = line.strip_prefix("Forwarding from ")?.split_whitespace().next()?;
    Some(format!("http://{address}"))
}

/// The address in a line such as `http://127.0.0.1:41234/ shows the page of flow-manager-0, until Ctrl-C`.
fn shown(line: &str) -> Option<String> {
    let (address, rest) = line.split_once("/ ")?;
    rest.starts_with("shows the page").then(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_say_which_port_they_have_found() {
        let line = "Forwarding from 127.0.0.1:41234 -> 8003";
        assert_eq!(forwarded(line).as_deref(), Some("http://127.0.0.1:41234"));
        assert_eq!(forwarded("error: unable to listen"), None);
        let line = "http://127.0.0.1:41234/ shows the page of flow-manager-0, until Ctrl-C";
        assert_eq!(shown(line).as_deref(), Some("http://127.0.0.1:41234"));
        assert_eq!(shown("error: no controller leads"), None);
    }
}
