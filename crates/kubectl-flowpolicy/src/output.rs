//! The forms in which a command gives its answer.

use serde::Serialize;
use std::io::{ErrorKind, Write};

/// A form for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One JSON document
    Json,
    /// One YAML document
    Yaml,
}

/// The flag `-o`.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct Output {
    /// Answer as a document for programs; as text for people if left out
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub output: Option<Format>,
}

/// Why an answer did not come out.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// It has no such form.
    #[error("the answer cannot be written: {0}")]
    Form(String),
    /// Standard output does not take it.
    #[error("standard output cannot be written: {0}")]
    Unwritable(#[from] std::io::Error),
}

impl Output {
    /// Whether the answer is for people.
    #[must_use]
    pub const fn is_text(self) -> bool {
        self.output.is_none()
    }

    /// Writes the answer to standard output: `document` as JSON or YAML, or `text` for people.
    pub fn print(self, document: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), OutputError> {
        print(&self.text(document, text)?)
    }

    fn text(self, document: &impl Serialize, text: impl FnOnce() -> String) -> Result<String, OutputError> {
        match self.output {
            None => Ok(text()),
            Some(Format::Json) => {
                let json = serde_json::to_string_pretty(document);
                json.map(|json| json + "\n").map_err(|error| OutputError::Form(error.to_string()))
            }
            Some(Format::Yaml) => yaml(document),
        }
    }
}

/// A document as YAML.
pub fn yaml(document: &impl Serialize) -> Result<String, OutputError> {
    serde_saphyr::to_string(document).map_err(|error| OutputError::Form(error.to_string()))
}

/// Writes to standard output, with colours only where it takes them. That its reader has seen enough is no failure.
pub fn print(text: &str) -> Result<(), OutputError> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_comes_in_the_form_that_is_asked_for() {
        let document = serde_json::json!({"ready": true});
        let text = |output| Output { output }.text(&document, || "ready\n".to_owned()).unwrap();
        assert_eq!(text(None), "ready\n");
        assert_eq!(text(Some(Format::Json)), "{\n  \"ready\": true\n}\n");
        assert_eq!(text(Some(Format::Yaml)), "ready: true\n");
    }
}
