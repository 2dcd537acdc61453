//! What the machine must have before a lab can start.

use std::env;
use std::path::Path;
use std::process::Command;

use nix::unistd::geteuid;

use crate::command::{self, CommandError};

/// Programs that the lab runs, and the Debian package that has each.
const NEEDED: [(&str, &str); 4] =
    [("runc", "runc"), ("ip", "iproute2"), ("tc", "iproute2"), ("nft", "nftables")];

/// What the machine lacks.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Namespaces, mounts and cgroups need root.
    #[error("a lab needs root: run it as root, or with sudo")]
    NotRoot,
    /// Packages are missing and could not be installed.
    #[error("the lab needs {packages}, which could not be installed: {source}")]
    Packages {
        /// Debian's names of them.
        packages: String,
        /// What apt-get said.
        source: CommandError,
    },
}

/// Checks that this is root and installs missing packages.
pub(crate) fn prepare(report: &mut dyn FnMut(&str)) -> Result<(), HostError> {
    if !geteuid().is_root() {
        return Err(HostError::NotRoot);
    }
    let packages = missing(is_program);
    if packages.is_empty() {
        return Ok(());
    }
    report(&format!("installing {} with apt-get", packages.join(" ")));
    install(&packages).map_err(|source| HostError::Packages { packages: packages.join(", "), source })
}

fn install(packages: &[&str]) -> Result<(), CommandError> {
    let get = |arguments: &[&str]| {
        command::run(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
            .map(drop)
    };
    let arguments = [&["install", "--yes", "--no-install-recommends"], packages].concat();
    // A fresh image has no package lists; a machine in use often has them.
    get(&arguments).or_else(|_| {
        get(&["update"])?;
        get(&arguments)
    })
}

fn missing(is_there: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let mut packages: Vec<_> =
        NEEDED.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package).collect();
    packages.dedup();
    packages
}

fn is_program(name: &str) -> bool {
    let path = env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin", "/sbin"]);
    folders.map(|folder| Path::new(folder).join(name)).any(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_with_two_missing_programs_is_asked_for_once() {
        assert_eq!(missing(|_| false), ["runc", "iproute2", "nftables"]);
        assert_eq!(missing(|program| program != "tc"), ["iproute2"]);
        assert!(missing(|_| true).is_empty());
    }
}
