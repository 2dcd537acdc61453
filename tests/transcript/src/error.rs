use std::io;
use std::path::PathBuf;

/// What is wrong with a page.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written, or a shell could not be started.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The page cannot be understood.
    #[error("{page}:{line}: {what}", page = .page.display())]
    Page {
        /// The page.
        page: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What was found, and what is allowed.
        what: String,
    },
    /// What came is not what the page shows.
    #[error(
        "{page} does not show what its commands print:\n{found}\n\
         Correct the page or the program, or take what came: FLOW_TRANSCRIPTS=overwrite",
        page = .page.display()
    )]
    Differs {
        /// The page.
        page: PathBuf,
        /// Each difference, with its line.
        found: String,
    },
}
