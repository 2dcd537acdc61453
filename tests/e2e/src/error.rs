use std::io;
use std::process::ExitStatus;
use std::time::Duration;

/// The result of a step of a scenario.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a scenario could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was waited for did not happen.
    #[error("waited {} s in vain for {what}; last seen: {seen}", .after.as_secs())]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        after: Duration,
        /// What was there instead.
        seen: String,
    },
    /// A program ran and failed.
    #[error("`{command}` ended with {status}: {stderr}")]
    Program {
        /// Its command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        stderr: String,
    },
    /// A program could not be started.
    #[error("cannot run {program}: {source}")]
    Start {
        /// Its name.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The API server refused something, or could not be asked.
    #[error("Kubernetes: {0}")]
    Kubernetes(#[from] kube::Error),
    /// The client for the API server has no configuration.
    #[error("no kubeconfig: {0}; run this inside a lab, as in `lab exec -- …`")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The lab did not do what it was asked to.
    #[error(transparent)]
    Lab(#[from] flow_lab::LabError),
    /// An HTTP request failed.
    #[error("HTTP: {0}")]
    Http(#[from] reqwest::Error),
    /// The independent probe could not be started.
    #[error(transparent)]
    Probe(#[from] flow_probe::StartError),
    /// Something that was read does not have the expected form.
    #[error("cannot read {what}: {problem}")]
    Unreadable {
        /// What was read.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The plot could not be drawn.
    #[error("cannot draw the plot: {0}")]
    Plot(String),
    /// Something is missing that the scenario needs.
    #[error("{0} is missing")]
    Missing(String),
}

impl Error {
    /// What was read, and why it could not be understood.
    #[expect(clippy::needless_pass_by_value, reason = "an error is given away")]
    pub(crate) fn unreadable(what: impl Into<String>, problem: impl ToString) -> Self {
        Self::Unreadable { what: what.into(), problem: problem.to_string() }
    }
}
