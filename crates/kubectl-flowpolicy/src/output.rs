//! The forms in which a command gives its answer.

use crate::error::Error;
use serde::Serialize;

/// See [`Output::output`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// One JSON document
    Json,
    /// One YAML document
    Yaml,
}

/// The flag `-o`.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct Output {
    /// In which form to answer
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}

impl Output {
    /// The answer: `document` as JSON or YAML, or `table` for people.
    pub fn text(self, document: &impl Serialize, table: impl FnOnce() -> String) -> Result<String, Error> {
        match self.output {
            Format::Table => Ok(table()),
            Format::Json => {
                let text = serde_json::to_string_pretty(document);
                text.map(|text| text + "\n").map_err(|error| Error::Output(error.to_string()))
            }
            Format::Yaml => {
                serde_saphyr::to_string(document).map_err(|error| Error::Output(error.to_string()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_comes_in_the_form_that_is_asked_for() {
        let document = serde_json::json!({"ready": true});
        let text = |output| Output { output }.text(&document, || "ready\n".to_owned()).unwrap();
        assert_eq!(text(Format::Table), "ready\n");
        assert_eq!(text(Format::Json), "{\n  \"ready\": true\n}\n");
        assert_eq!(text(Format::Yaml), "ready: true\n");
    }
}
