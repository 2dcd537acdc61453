//! A registry of images of a test's own.

use flow_e2e::kubectl::in_repository;
use flow_e2e::program::run;
use flow_e2e::wait::{Look, until};
use flow_e2e::{Error, Result};
use serde_json::{Value, json};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Clients speak HTTP without TLS only to the machine that they run on.
pub(crate) const ADDRESS: &str = "127.0.0.1:5000";
const USER: &str = "robot";
const PASSWORD: &str = "let-me-in";
/// The bcrypt hash of that password.
const HASH: &str = "$2a$04$91U4o6YEZEGlO9qg9N/KWOMGWFbEibWZUzQzuAJdVQ31U.79aDVEa";
/// On the lab's own file system, which ends with it.
const FOLDER: &str = "/run/flow-e2e-registry";

/// A registry, empty at first; it ends with this.
pub(crate) struct Registry(Child);

impl Registry {
    /// One that takes what anyone pushes.
    pub(crate) async fn open() -> Self {
        Self::start(&json!({})).await
    }

    /// One that wants a login.
    pub(crate) async fn with_login() -> Self {
        Self::start(&json!({"htpasswd": {"realm": "lab", "path": format!("{FOLDER}/users")}})).await
    }

    async fn start(auth: &Value) -> Self {
        let _ = fs_err::remove_dir_all(FOLDER);
        fs_err::create_dir_all(FOLDER).unwrap();
        fs_err::write(format!("{FOLDER}/users"), format!("{USER}:{HASH}\n")).unwrap();
        let config = json!({
            "version": "0.1",
            "http": {"addr": ADDRESS},
            "storage": {"filesystem": {"rootdirectory": format!("{FOLDER}/data")}},
            "auth": auth,
        });
        fs_err::write(format!("{FOLDER}/config.yml"), config.to_string()).unwrap();
        let mut registry = Command::new("registry");
        registry.args(["serve", &format!("{FOLDER}/config.yml")]).env("OTEL_TRACES_EXPORTER", "none");
        let log = fs_err::File::create(format!("{FOLDER}/log")).unwrap().into_parts().0;
        let registry = Self(registry.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap());
        until("the registry", Duration::from_secs(30), async || {
            Ok(Look::when(TcpStream::connect(ADDRESS).is_ok(), || "it does not listen".to_owned()))
        })
        .await
        .unwrap();
        registry
    }

    /// The tags of the repository `fustli/flow-manager` in it.
    pub(crate) fn tags() -> Vec<String> {
        let folder =
            format!("{FOLDER}/data/docker/registry/v2/repositories/fustli/flow-manager/_manifests/tags");
        let entries = std::fs::read_dir(PathBuf::from(folder)).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs commands of the guide at the top of the repository, with this registry in the place of the guide's.
/// A login lasts until the next registry is started.
pub(crate) async fn shell(commands: &str) -> Result<String> {
    let script = format!(
        // What cargo tells a test of its package, ring's build script would take for a reason to build again.
        "unset $(env | grep -oE '^CARGO_(MANIFEST|PKG)[A-Z_]*')
        export DOCKER_CONFIG={FOLDER}/docker REGISTRY_PASSWORD={PASSWORD}
        cd '{}'
        {}",
        in_repository("").display(),
        commands.replace("registry.example.com", ADDRESS)
    );
    run("bash", ["-euo", "pipefail", "-c", &script]).await
}

/// What commands said as they failed.
pub(crate) async fn failure(commands: &str) -> String {
    match shell(commands).await {
        Err(Error::Program { stderr, .. }) => stderr,
        other => panic!("{commands} should have failed: {other:?}"),
    }
}
