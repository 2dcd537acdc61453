//! Where commands are run.

use regex::Regex;
use std::env;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// How long a command may take, in seconds; then `timeout` ends it with the exit code 124.
const PATIENCE_S: &str = "300";

/// A line of the log of kubectl that is no error: it tells of the connection whenever it likes, as where a watch ends.
/// The form is klog's, `Lmmdd hh:mm:ss.uuuuuu threadid file:line] msg`.
static LOG: LazyLock<Regex> = LazyLock::new(|| {
    #[expect(clippy::unwrap_used, reason = "a constant")]
    Regex::new(r"(?m)^[IW]\d{4} [\d:.]+ +\d+ \S+:\d+\] .*\n?").unwrap()
});

/// Where commands are run.
#[derive(Clone, Debug)]
pub struct Place {
    /// The folder.
    pub folder: PathBuf,
    /// Folders of programs, looked through before those of `PATH`.
    pub programs: Vec<PathBuf>,
}

/// What a command said, to both outputs, without what kubectl logs, and its exit code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) exit_code: i32,
}

impl Place {
    pub(crate) fn run(&self, command: &str) -> io::Result<Said> {
        let mut shell = Command::new("timeout");
        shell.args([PATIENCE_S, "sh", "-e", "-c", &format!("exec 2>&1\n{command}")]);
        shell.current_dir(&self.folder).env("PATH", self.path()?).stdin(Stdio::null());
        let output = shell.output()?;
        let text = LOG.replace_all(&String::from_utf8_lossy(&output.stdout), "").into_owned();
        // One that a signal ended has none.
        Ok(Said { text, exit_code: output.status.code().unwrap_or(-1) })
    }

    fn path(&self) -> io::Result<std::ffi::OsString> {
        let present = env::var_os("PATH").unwrap_or_default();
        let folders = self.programs.iter().cloned().chain(env::split_paths(&present));
        env::join_paths(folders).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_run_in_the_folder_and_both_outputs_are_heard() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { folder: folder.path().to_owned(), programs: vec![] };
        let said = place.run("touch here; ls; ls nowhere 2>/dev/null || echo gone >&2; exit 3").unwrap();
        assert_eq!(said, Said { text: "here\ngone\n".to_owned(), exit_code: 3 });
    }

    #[test]
    fn what_kubectl_logs_of_its_connection_is_no_answer_but_an_error_is() {
        let place = Place { folder: "/".into(), programs: vec![] };
        let log = "1128 01:13:10.470265   83064 reflector.go:664] \"watch ended\" err=\"canceled\"";
        let said = place.run(&format!("echo 'I{log}'; echo met; echo 'E{log}'; echo 'W{log}'")).unwrap();
        assert_eq!(said.text, format!("met\nE{log}\n"));
    }

    #[test]
    fn its_programs_go_before_those_of_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("ls");
        fs_err::write(&program, "#!/bin/sh\necho ours\n").unwrap();
        std::process::Command::new("chmod").arg("+x").arg(&program).status().unwrap();
        let place = Place { folder: "/".into(), programs: vec![folder.path().to_owned()] };
        assert_eq!(place.run("ls").unwrap().text, "ours\n");
    }
}
