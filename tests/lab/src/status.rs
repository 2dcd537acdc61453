//! How far a lab has come: written by those who start it, read by those who wait for it.

use std::io;

use serde::{Deserialize, Serialize};

use crate::place::Place;

/// How far a lab has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    /// This is being started.
    Starting(String),
    /// Everything serves.
    Up,
    /// It will not come up; why.
    Failed(String),
}

impl Status {
    /// Tells the others.
    pub(crate) fn write(&self, place: &Place) -> io::Result<()> {
        let (file, new) = (place.state().join("status.json"), place.state().join("status.new"));
        fs_err::write(&new, serde_json::to_vec(self)?)?;
        fs_err::rename(new, file)
    }

    /// What was told last, if anything.
    pub(crate) fn read(place: &Place) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(place.state().join("status.json")).ok()?).ok()
    }
}
