use super::archive::Archive;
use super::{Stopped, Written, mask};
use crate::connection::{Connection, Failure};
use crate::output::{value, yaml};
use serde::Serialize;
use std::io::Write;

/// Puts what can be read into the archive, and remembers what cannot.
pub(super) struct Collector<'a, W: Write> {
    pub(super) connection: &'a Connection,
    archive: Archive<W>,
    missing: Vec<String>,
}

impl<'a, W: Write> Collector<'a, W> {
    pub(super) const fn new(connection: &'a Connection, archive: Archive<W>) -> Self {
        Self { connection, archive, missing: Vec::new() }
    }

    /// What was read, if it could be.
    pub(super) fn read<T>(&mut self, answer: Result<T, Failure>) -> Option<T> {
        answer.map_err(|failure| self.miss(failure.to_string())).ok()
    }

    /// Something is not in the archive.
    pub(super) fn miss(&mut self, why: String) {
        // Two parts may need the same.
        if !self.missing.contains(&why) {
            self.missing.push(why);
        }
    }

    /// Adds a text, masked.
    pub(super) fn text(&mut self, path: &str, content: &str) -> Result<(), Stopped> {
        Ok(self.archive.add(path, mask::text(content).as_bytes())?)
    }

    /// Adds a document as YAML, masked.
    pub(super) fn document(&mut self, path: &str, document: &impl Serialize) -> Result<(), Stopped> {
        let mut value = value(document)?;
        mask::object(&mut value);
        Ok(self.archive.add(path, yaml(&value)?.as_bytes())?)
    }

    /// Adds the objects that were read, if they could be, and gives them.
    pub(super) fn objects<K: Serialize>(
        &mut self,
        path: &str,
        answer: Result<Vec<K>, Failure>,
    ) -> Result<Vec<K>, Stopped> {
        let Some(objects) = self.read(answer) else { return Ok(Vec::new()) };
        self.document(path, &objects)?;
        Ok(objects)
    }

    /// Adds what is missing, and completes the archive.
    pub(super) fn finish(mut self) -> Result<Written<W>, Stopped> {
        let missing =
            if self.missing.is_empty() { "nothing\n".to_owned() } else { self.missing.join("\n") + "\n" };
        self.text("missing.txt", &missing)?;
        let (out, files) = self.archive.finish()?;
        Ok(Written { out, files, missing: self.missing })
    }
}
