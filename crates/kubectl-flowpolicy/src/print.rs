//! Answers on standard output.

use crate::chart::WIDTH;
use std::io::{ErrorKind, Write};
use textwrap::Options;

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// As JSON.
    Json,
}

/// Standard output does not take what is written.
#[derive(Debug, thiserror::Error)]
#[error("standard output cannot be written: {0}")]
pub struct PrintError(std::io::Error);

/// Writes `text` to standard output. That its reader has seen enough is no failure.
fn print(text: &str) -> Result<(), PrintError> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(PrintError(error)),
        _ => Ok(()),
    }
}

/// Writes an answer to standard output as `format` has it.
pub fn print_as(
    format: Format,
    text: impl FnOnce() -> String,
    json: impl FnOnce() -> serde_json::Value,
) -> Result<(), PrintError> {
    match format {
        Format::Text => print(&text()),
        Format::Json => print(&format!("{:#}\n", json())),
    }
}

/// How many there are, such as `1 policy` or `2 policies`.
#[must_use]
pub fn number(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// `text` in lines that fit, broken at its spaces.
#[must_use]
pub fn wrapped(text: &str) -> String {
    textwrap::fill(text, Options::new(WIDTH).break_words(false)) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_where_the_next_word_does_not_fit() {
        let (long, short) = ("x".repeat(70), "y".repeat(9));
        assert_eq!(wrapped(&format!("{long} {short} {short}")), format!("{long} {short}\n{short}\n"));
        assert_eq!(wrapped(&"x".repeat(90)), "x".repeat(90) + "\n");
    }
}
