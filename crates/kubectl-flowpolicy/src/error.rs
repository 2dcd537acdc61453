//! Why a command could not do what was asked, and the next command to try.

use crate::connection::Failure;
use crate::output::OutputError;
use crate::{backtest, bundle, explain, import, lint, overrides, page, restore, simulate};

/// Why a command could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cluster.
    #[error(transparent)]
    Cluster(#[from] Failure),
    /// What is to be explained is not named so that it is understood.
    #[error(transparent)]
    Subject(#[from] explain::InvalidSubject),
    /// A value for an annotation cannot be used.
    #[error(transparent)]
    Override(#[from] overrides::InvalidOverride),
    /// Not everything was given back.
    #[error(transparent)]
    Restore(#[from] restore::Problem),
    /// The operator's page cannot be reached.
    #[error(transparent)]
    Page(#[from] page::Problem),
    /// The support archive cannot be written.
    #[error(transparent)]
    Bundle(#[from] bundle::Problem),
    /// There is no such command.
    #[error("there is no command {0:?}")]
    NoCommand(String),
    /// The answer does not come out.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Nothing was replayed.
    #[error(transparent)]
    Backtest(#[from] backtest::Error),
    /// Nothing was imported.
    #[error(transparent)]
    Import(#[from] import::Error),
    /// Nothing was checked.
    #[error(transparent)]
    Lint(#[from] lint::Error),
    /// Nothing was simulated.
    #[error(transparent)]
    Simulate(#[from] simulate::Error),
}

impl Error {
    /// The exit code: 1 where something was not done, 3 where nothing could be asked.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::Restore(_) => 1,
            Self::Subject(_) | Self::Override(_) | Self::NoCommand(_) => 2,
            Self::Cluster(_)
            | Self::Page(_)
            | Self::Bundle(_)
            | Self::Output(_)
            | Self::Backtest(_)
            | Self::Import(_)
            | Self::Lint(_)
            | Self::Simulate(_) => 3,
        }
    }

    /// The next command to try, where there is one.
    #[must_use]
    pub fn next(&self) -> Option<String> {
        match self {
            Self::Cluster(failure) => Some(failure.next()),
            Self::Subject(subject) => Some(subject.next()),
            Self::Override(value) => Some(value.next()),
            Self::Restore(problem) => Some(problem.next()),
            Self::Page(problem) => Some(problem.next()),
            Self::Bundle(problem) => problem.next(),
            Self::NoCommand(_) => Some("kubectl flowpolicy --help".to_owned()),
            Self::Backtest(error) => error.next(),
            Self::Simulate(error) => error.next(),
            Self::Import(_) | Self::Lint(_) | Self::Output(_) => None,
        }
    }
}
