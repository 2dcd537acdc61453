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
use crate::{config, mounts};

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
    let folders = ["bin", "config/cni", "pki", "data", "log", "tmp", "images"];
    let folders = folders.iter().chain(mounts::OWN_FOLDERS);
    folders.map(|name| place.state().join(name)).try_for_each(fs_err::create_dir_all)?;
    link_programs(place, &tool::cache())?;
    pki::write(place)?;
    write_kubeconfigs(place, api_port)?;
    write_configs(place)
}

fn link_programs(place: &Place, cache: &Path) -> io::Result<()> {
    for tool in &TOOLS {
        for program in tool.programs {
            let name = if *program == "server" { "etcd" } else { program };
            symlink(tool.folder(cache).join(program), place.program(name))?;
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
    write_json(&place.config("cni/flow-lab.conflist"), &config::cni())?;
    write_json(&place.config("readers.json"), &config::readers_binding())?;
    fs_err::write(place.config("Corefile"), config::coredns(place))?;
    let text = config::containerd(place, &place.bin(), snapshotter(place.state())?);
    Ok(fs_err::write(place.config("containerd.toml"), text)?)
}

/// An overlay cannot stand on another one, as in a container: there containers' files are copied instead.
fn snapshotter(state: &Path) -> Result<&'static str, nix::errno::Errno> {
    let on_overlay = statfs(state)?.filesystem_type() == OVERLAYFS_SUPER_MAGIC;
    Ok(if on_overlay { "native" } else { "overlayfs" })
}

fn write_json(path: &Path, value: &Value) -> io::Result<()> {
    fs_err::write(path, format!("{value:#}\n"))
}
