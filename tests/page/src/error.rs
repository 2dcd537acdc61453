use std::io;
use thirtyfour::error::WebDriverError;

/// The result of what a browser is asked for.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a browser did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be started.
    #[error("chromedriver cannot be started: {0}; tests/page/run.sh installs it")]
    Start(io::Error),
    /// It ended before it said where it listens.
    #[error("chromedriver ended before it had a port; it said: {said}")]
    NoPort {
        /// What it said.
        said: String,
    },
    /// The browser refused.
    #[error("the browser: {0}")]
    Browser(#[from] WebDriverError),
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// A log entry or an answer is not what it should be.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// What was waited for did not happen.
    #[error("waited {seconds} s in vain for `{condition}`; last seen: {seen}")]
    TimedOut {
        /// How long.
        seconds: u64,
        /// The script that was to be true.
        condition: String,
        /// What it gave instead.
        seen: String,
    },
}
