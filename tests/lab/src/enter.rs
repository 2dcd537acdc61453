//! Runs programs inside a lab.

use std::env;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::containers::NAMESPACE;
use crate::network::FACTORY_NAMESPACE;
use crate::place::Place;

/// Which network a program is run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// The node's: the API server, pods and Prometheus are at hand.
    Node,
    /// The factory's, beyond the uplink.
    Factory,
}

/// Becomes `program`, run inside the lab at `place` with the same working folder. Returns only if that failed.
pub(crate) fn enter(place: &Place, inside: Inside, program: &[String]) -> io::Error {
    match command(place, inside, program) {
        Ok(mut command) => command.exec(),
        Err(error) => error,
    }
}

fn command(place: &Place, inside: Inside, program: &[String]) -> io::Result<Command> {
    let init = fs_err::read_to_string(place.init_pid())?;
    let mut command = Command::new("nsenter");
    command.args(["--target", &init, "--mount", "--pid", "--ipc", "--uts"]);
    command.arg(match inside {
        Inside::Node => format!("--net=/proc/{init}/ns/net"),
        Inside::Factory => format!("--net=/proc/{init}/root{FACTORY_NAMESPACE}"),
    });
    // The folder is opened again inside, where it is the same unless the lab has its own.
    command.arg(format!("--wdns={}", env::current_dir()?.display())).arg("--");
    // nsenter does not pass signals on: what it runs ends with it.
    command.args(["setpriv", "--pdeathsig", "KILL", "--"]).args(program);
    command.env("KUBECONFIG", place.inside_kubeconfig()).env("PATH", place.search_path());
    command.env("CONTAINERD_NAMESPACE", NAMESPACE).env("NERDCTL_TOML", place.config("nerdctl.toml"));
    // What a login leaves behind belongs to the lab.
    command.env("DOCKER_CONFIG", place.config("docker"));
    Ok(command)
}
