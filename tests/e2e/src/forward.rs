//! Ports of pods, as `kubectl port-forward` brings them to a person's machine.

use crate::{Error, Result};
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
    _kubectl: Child,
    /// It writes a line for each connection, and ends where nobody could read it.
    _said: Lines<BufReader<ChildStdout>>,
}

impl Forward {
    /// The port of that name.
    pub async fn of(pod: &Pod, port: &str) -> Result<Self> {
        let (namespace, name) = (pod.namespace().unwrap_or_default(), format!("pod/{}", pod.name_any()));
        let remote = format!(":{port}");
        let mut kubectl = Command::new("kubectl")
            .args(["--namespace", &namespace, "port-forward", "--address=127.0.0.1", &name, &remote])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| Error::Start { program: "kubectl".to_owned(), source })?;
        let missing = || Error::Missing(format!("the port {port} of {name}"));
        let mut said = BufReader::new(kubectl.stdout.take().ok_or_else(missing)?).lines();
        let first = timeout(PATIENCE, said.next_line()).await.map_err(|_| missing())??.ok_or_else(missing)?;
        let url = local(&first).ok_or_else(|| Error::unreadable("kubectl port-forward", first.clone()))?;
        Ok(Self { url, _kubectl: kubectl, _said: said })
    }
}

/// The address in a line such as `Forwarding from 127.0.0.1:41234 -> 8003`.
fn local(line: &str) -> Option<String> {
    let address = line.strip_prefix("Forwarding from ")?.split_whitespace().next()?;
    Some(format!("http://{address}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubectl_says_which_port_it_has_found() {
        let line = "Forwarding from 127.0.0.1:41234 -> 8003";
        assert_eq!(local(line).as_deref(), Some("http://127.0.0.1:41234"));
        assert_eq!(local("error: unable to listen"), None);
    }
}
