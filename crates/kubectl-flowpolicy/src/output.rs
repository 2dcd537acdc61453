//! The forms in which a command gives its answer.

use serde::Serialize;
use serde_json::Value;
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
            Some(Format::Json) => json(&value(document)?),
            Some(Format::Yaml) => yaml(&value(document)?),
        }
    }
}

/// A document with its fields in the order of the alphabet, as kubectl gives them. The program holds one writer for all.
pub fn value(document: &impl Serialize) -> Result<Value, OutputError> {
    serde_json::to_value(document).map_err(|error| OutputError::Form(error.to_string()))
}

fn json(document: &Value) -> Result<String, OutputError> {
    let json = serde_json::to_string_pretty(document);
    json.map(|json| json + "\n").map_err(|error| OutputError::Form(error.to_string()))
}

/// A document as YAML.
pub fn yaml(document: &Value) -> Result<String, OutputError> {
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
