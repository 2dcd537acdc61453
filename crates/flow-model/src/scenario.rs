use crate::contender::Contender;
use crate::expect::Expect;
use crate::spec::{LinkSpec, PolicySpec};
use crate::units::Span;
use serde::Deserialize;
use std::path::Path;
use std::time::Duration;

/// One situation, as a file describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Scenario {
    /// What it is called: its file's name.
    #[serde(skip)]
    pub name: String,
    /// What it is about.
    pub why: String,
    #[serde(default = "two_minutes")]
    pub(crate) lasts: Span,
    /// The time before anything is judged.
    #[serde(default = "ten_seconds")]
    pub(crate) warm_up: Span,
    #[serde(default = "one")]
    pub(crate) seed: u64,
    pub(crate) links: Vec<LinkSpec>,
    pub(crate) policies: Vec<PolicySpec>,
    /// With whom it is tested.
    #[serde(default)]
    pub law: Contender,
    /// What is expected of that.
    #[serde(default)]
    pub expect: Expect,
}

/// Why a scenario cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or folder cannot be read.
    #[error(transparent)]
    Unreadable(#[from] std::io::Error),
    /// It is not what it should be.
    #[error("{name}: {problem}")]
    Wrong {
        /// The scenario.
        name: String,
        /// What is wrong.
        problem: String,
    },
}

impl Scenario {
    /// All scenarios in `folder`, by name.
    pub fn all(folder: &Path) -> Result<Vec<Self>, Error> {
        let files: Result<Vec<_>, _> = fs_err::read_dir(folder)?.collect();
        let mut paths: Vec<_> = files?.into_iter().map(|file| file.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    /// The scenario in one file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Self::parse(name, &fs_err::read_to_string(path)?)
    }

    /// The scenario that `text` describes as a file would.
    pub fn parse(name: String, text: &str) -> Result<Self, Error> {
        match serde_saphyr::from_str::<Self>(text) {
            Ok(scenario) => Self { name, ..scenario }.checked(),
            Err(error) => Err(Error::Wrong { name, problem: error.to_string() }),
        }
    }

    /// How long nothing counts at first.
    #[must_use]
    pub const fn warm_up(&self) -> Duration {
        self.warm_up.0
    }

    /// The time that counts.
    pub(crate) fn judged(&self) -> Duration {
        self.lasts.0.saturating_sub(self.warm_up.0)
    }

    /// Limits ought to have settled when half of that is over.
    pub(crate) fn settled_from(&self) -> Duration {
        self.warm_up.0 + self.judged() / 2
    }

    /// When the first fault begins; the beginning, if there is none.
    pub(crate) fn fault_from(&self) -> Duration {
        let objectives = self.policies.iter().flat_map(|policy| &policy.objectives);
        objectives.flat_map(|objective| &objective.faults).map(|fault| fault.from.0).min().unwrap_or_default()
    }
}

const fn two_minutes() -> Span {
    Span(Duration::from_mins(2))
}

const fn ten_seconds() -> Span {
    Span(Duration::from_secs(10))
}

const fn one() -> u64 {
    1
}
