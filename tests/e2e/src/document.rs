//! The commands that a document tells people to type.

use crate::kubectl::in_repository;
use crate::program::run;
use crate::{Error, Result};
use std::path::Path;

/// A document whose commands can be run.
#[derive(Debug)]
pub struct Document(String);

impl Document {
    /// The file of that name.
    pub fn open(file: &str) -> Result<Self> {
        Ok(Self(fs_err::read_to_string(in_repository(file))?))
    }

    /// The blocks of commands below `heading`, up to the next heading.
    pub fn blocks(&self, heading: &str) -> Result<Vec<&str>> {
        let missing = || Error::Missing(format!("the heading {heading:?}"));
        let (_, after) = self.0.split_once(&format!("\n{heading}\n")).ok_or_else(missing)?;
        let section = after.split("\n#").next().unwrap_or(after);
        let blocks = section.split("```").skip(1).step_by(2);
        Ok(blocks.filter_map(|block| block.strip_prefix("console\n")).collect())
    }

    /// Types the commands of the block `number`, counted from 0, below `heading` in the folder `place`.
    pub async fn type_in(&self, place: &Path, heading: &str, number: usize) -> Result<String> {
        let blocks = self.blocks(heading)?;
        let missing = || Error::Missing(format!("block {number} of {heading:?}"));
        let block = blocks.get(number).ok_or_else(missing)?;
        run("sh", ["-e", "-c", &format!("cd '{}'\n{block}", place.display())]).await
    }
}
