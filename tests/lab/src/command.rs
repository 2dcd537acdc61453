//! Runs the small programs that the lab relies on, and keeps what they said when they fail.

use std::io;
use std::process::{Command, ExitStatus, Stdio};

/// A program that could not be run, or that failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The program is not there or may not be executed.
    #[error("cannot run {program}: {source}")]
    Start {
        /// Its name or path.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The program ran and ended with an error.
    #[error("`{command}` ended with {status}: {stderr}")]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to standard error.
        stderr: String,
    },
}

/// Runs `command` to its end and returns what it wrote to standard output.
pub(crate) fn run(command: &mut Command) -> Result<String, CommandError> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| CommandError::Start { program: lossy(command.get_program()), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(CommandError::Failed {
        command: line(command),
        status: output.status,
        stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// Runs a command line whose words contain no blanks.
pub(crate) fn run_line(words: &str) -> Result<String, CommandError> {
    let mut words = words.split_whitespace();
    run(Command::new(words.next().unwrap_or_default()).args(words))
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(lossy).collect::<Vec<_>>().join(" ")
}

fn lossy(word: &std::ffi::OsStr) -> String {
    word.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_quoted_with_its_last_words() {
        let error = run(Command::new("sh").args(["-c", "echo lost >&2; exit 3"])).unwrap_err().to_string();
        assert!(error.contains("sh -c echo lost"), "{error}");
        assert!(error.ends_with("exit status: 3: lost"), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run_line("no-such-program at all").unwrap_err().to_string();
        assert!(error.starts_with("cannot run no-such-program"), "{error}");
    }
}
