//! Fills a new lab's state folder: folders, links to programs, certificates, configuration.

use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::sys::statfs::{OVERLAYFS_SUPER_MAGIC, statfs};
use serde_json::Value;

use crate::address::{API_PORT, NODE};
use crate::pki::{self, CLIENTS, PkiError};
use crate::place::Place;
use crate::tool::{self, TOOLS};
use crate::{config, containers, mounts};

/// A state folder that could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// A file or folder could not be written.
    #[error("cannot write the lab's state: {0}")]
    Io(#[from] io::Error),
    /// The certificates could not be made.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// The file system of the state folder could not be told.
    #[error("cannot tell the file system of the lab's state: {0}")]
    FileSystem(#[from] nix::errno::Errno),
}

/// Writes all files that the lab `place` starts from. `api_port` is where it can be reached from outside.
pub(crate) fn write(place: &Place, api_port: u16) -> Result<(), PrepareError> {
    let folders = ["bin", "config/cni", "config/nerdctl", "pki", "data", "log", "tmp", "images"];
    let folders = folders.iter().chain(mounts::OWN_FOLDERS);
    folders.map(|name| place.state().join(name)).try_for_each(fs_err::create_dir_all)?;
    link_programs(place, &tool::cache())?;
    pki::write(place)?;
    write_kubeconfigs(place, api_port)?;
    write_configs(place)
}

fn link_programs(place: &Place, cache: &Path) -> io::Result<()> {
    // What only tests need may not be there.
    for tool in TOOLS.iter().filter(|tool| tool.is_built(cache)) {
        for program in tool.programs {
            symlink(tool.folder(cache).join(program), place.program(tool.called(program)))?;
        }
    }
    Ok(())
}

fn write_kubeconfigs(place: &Place, api_port: u16) -> io::Result<()> {
    let inside = format!("https://{NODE}:{API_PORT}");
    for client in CLIENTS.iter().filter(|client| client.file != "admin") {
        let file = place.config(&format!("{}.kubeconfig", client.file));
        write_json(&file, &config::kubeconfig(place, client.file, &inside))?;
    }
    write_json(&place.inside_kubeconfig(), &config::kubeconfig(place, "admin", &inside))?;
    let outside = format!("https://127.0.0.1:{api_port}");
    write_json(&place.outside_kubeconfig(), &config::kubeconfig(place, "admin", &outside))
}

fn write_configs(place: &Place) -> Result<(), PrepareError> {
    write_json(&place.config("kubelet.json"), &config::kubelet(place))?;
    write_json(&place.config("kube-proxy.json"), &config::kube_proxy(place))?;
    write_json(&place.config("prometheus.json"), &config::prometheus(place))?;
    write_json(&place.config("cni/flow-lab.conflist"), &containers::cni())?;
    write_json(&place.config("nerdctl/nerdctl-bridge.conflist"), &containers::nerdctl_network())?;
    write_json(&place.config("audit.json"), &config::audit())?;
    write_json(&place.config("readers.json"), &config::readers_binding())?;
    fs_err::write(place.config("Corefile"), config::coredns(place))?;
    write_container_configs(place, snapshotter(place.state())?)
}

fn write_container_configs(place: &Place, snapshotter: &str) -> Result<(), PrepareError> {
    let write = |file: &str, text: String| fs_err::write(place.config(file), text);
    write("containerd.toml", containers::containerd(place, &place.bin(), snapshotter))?;
    write("buildkitd.toml", containers::buildkitd(place, snapshotter))?;
    Ok(write("nerdctl.toml", containers::nerdctl(place, &place.bin(), snapshotter))?)
}

/// An overlay cannot stand on another one, as in a container: there containers' files are copied instead.
fn snapshotter(state: &Path) -> Result<&'static str, nix::errno::Errno> {
    let on_overlay = statfs(state)?.filesystem_type() == OVERLAYFS_SUPER_MAGIC;
    Ok(if on_overlay { "native" } else { "overlayfs" })
}

fn write_json(path: &Path, value: &Value) -> io::Result<()> {
    fs_err::write(path, format!("{value:#}\n"))
}
