//! What the chart gives a controller, for one that is no pod.

use flow_e2e::kubectl::kubectl;
use flow_e2e::operator::NAMESPACE;
use flow_e2e::release::{self, RELEASE};
use flow_e2e::{Error, Result};
use serde_json::json;
use std::io;
use std::path::PathBuf;
use tempfile::TempDir;

/// The controller's account: its token, in a file as the kubelet gives one to a pod. Permissions and admission
/// policies hold for it as for the pod.
pub struct Account {
    folder: TempDir,
}

/// Installs what the chart has for a controller, who may change pod templates or not, and neither a controller nor a
/// shaper.
pub async fn install_alone(rollouts: bool) -> Result<()> {
    let values = json!({"replicaCount": 0, "shaper": {"enabled": false}, "rollout": {"enabled": rollouts}});
    release::install_with(values).await
}

impl Account {
    /// The controller's account of the chart, which is installed.
    pub async fn of_chart() -> Result<Self> {
        let account = Self { folder: tempfile::tempdir()? };
        account.renew("").await?;
        Ok(account)
    }

    /// Puts a new token into the file. It counts for an hour, and no longer than the object that `bound_to` names, as in
    /// `--bound-object-kind=Secret --bound-object-name=NAME`.
    pub async fn renew(&self, bound_to: &str) -> Result<()> {
        let token =
            kubectl(&format!("-n {NAMESPACE} create token {RELEASE} --duration=1h {bound_to}")).await?;
        // All at once, as the kubelet does it: a reader finds the old one or the new one.
        let new = self.folder.path().join("token.new");
        fs_err::write(&new, token.trim())?;
        fs_err::rename(new, self.token())?;
        Ok(())
    }

    fn token(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    /// Writes a kubeconfig for the API server at `url`, which is a proxy's or that of `KUBECONFIG`.
    pub(crate) fn kubeconfig(&self, url: &str, authority: Option<&str>) -> Result<PathBuf> {
        let name = url.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
        let file = self.folder.path().join(format!("{name}.kubeconfig"));
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": {"server": url, "certificate-authority": authority}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "controller"}}],
            "users": [{"name": "controller", "user": {"tokenFile": self.token()}}],
        });
        fs_err::write(&file, config.to_string())?;
        Ok(file)
    }

    /// A file of this name that lasts as long as the account.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// The API server that `KUBECONFIG` points to, and the file with the authority of its certificate.
pub fn api_server() -> Result<(String, String)> {
    let missing = |what: &str| Error::Missing(format!("{what} in KUBECONFIG"));
    let file = std::env::var("KUBECONFIG").map_err(|_| missing("a file"))?;
    let config: serde_json::Value =
        serde_json::from_slice(&fs_err::read(file)?).map_err(|error| Error::File(io::Error::other(error)))?;
    let of_cluster = |key: &str| config.pointer(&format!("/clusters/0/cluster/{key}"))?.as_str();
    let server = of_cluster("server").ok_or_else(|| missing("a server"))?;
    let authority = of_cluster("certificate-authority").ok_or_else(|| missing("an authority"))?;
    Ok((server.to_owned(), authority.to_owned()))
}
