//! `kubectl flowpolicy bundle`: what is needed to help, in one file.

mod archive;
mod collector;
mod explained;
mod logs;
mod mask;
mod parts;

use crate::connection::{Connection, Failure};
use crate::error::Error;
use crate::installation::{Installation, Shapers};
use crate::output::{OutputError, print};
use crate::terminal::{number, say};
use archive::Archive;
use collector::Collector;
use jiff::Timestamp;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::ExitCode;

/// Write a support archive: what is needed to help
///
/// A tar.gz with policies, their Events, what explain says of each, what runs of flow-manager with its logs, versions, and
/// what check says. Secrets are not read, and what may be a credential is masked. What could not be read is listed, and no
/// failure.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The archive, a new file; flow-manager-TIME.tar.gz if left out
    #[arg(short = 'o', long, value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(flatten)]
    installation: Installation,

    #[command(flatten)]
    shapers: Shapers,
}

/// How wide texts are in it.
const WIDTH: usize = 100;

/// Why there is no archive.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It cannot be written.
    #[error("the archive {path} cannot be written: {error}", path = path.display())]
    Unwritable {
        /// Where it was to be.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The cluster gives nothing at all.
    #[error(transparent)]
    Cluster(#[from] Failure),
    /// Something has no form as YAML.
    #[error(transparent)]
    Form(#[from] OutputError),
}

impl Problem {
    /// The next command to try, where there is one.
    #[must_use]
    pub fn next(&self) -> Option<String> {
        match self {
            Self::Unwritable { .. } => Some("kubectl flowpolicy bundle --file FILE, a new one".to_owned()),
            Self::Cluster(failure) => Some(failure.next()),
            Self::Form(_) => None,
        }
    }
}

/// Writes the archive.
pub async fn run(args: &Args, connection: &Connection) -> Result<ExitCode, Error> {
    let now = Timestamp::now();
    let folder = format!("flow-manager-{}", now.strftime("%Y%m%dT%H%M%SZ"));
    let path = args.file.clone().unwrap_or_else(|| PathBuf::from(format!("{folder}.tar.gz")));
    let unwritable = |error| Problem::Unwritable { path: path.clone(), error };
    // Nobody else reads it, nor does it take the place of another file.
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let at = u64::try_from(now.as_second()).unwrap_or_default();
    let archive = Archive::new(file.map_err(unwritable)?, &folder, at);
    let written = write(args, connection, Collector::new(connection, archive)).await;
    let Written { mut out, files, missing } = written.map_err(|stopped| {
        // What is left is no archive.
        let _ = std::fs::remove_file(&path);
        stopped.told(unwritable)
    })?;
    let size = out.seek(SeekFrom::End(0)).map_err(unwritable)?;
    for why in &missing {
        say(&format!("missing: {why}"));
    }
    print(&format!(
        "{}: {}, {} kB\nLook through it before you send it: what may be a credential is masked, as far as it is known.\n",
        path.display(),
        number(files, "file", "files"),
        size.div_ceil(1000),
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Why nothing more is collected.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error(transparent)]
    Write(#[from] std::io::Error),
    #[error(transparent)]
    Cluster(#[from] Failure),
    #[error(transparent)]
    Form(#[from] OutputError),
}

impl Stopped {
    fn told(self, unwritable: impl Fn(std::io::Error) -> Problem) -> Problem {
        match self {
            Self::Write(error) => unwritable(error),
            Self::Cluster(failure) => failure.into(),
            Self::Form(error) => error.into(),
        }
    }
}

/// An archive that is complete.
struct Written<W> {
    out: W,
    files: usize,
    /// What could not be read.
    missing: Vec<String>,
}

async fn write<W: Write>(
    args: &Args,
    connection: &Connection,
    mut collector: Collector<'_, W>,
) -> Result<Written<W>, Stopped> {
    let Args { installation, shapers, .. } = args;
    parts::versions(&mut collector).await?;
    let seen = parts::policies(&mut collector, connection).await?;
    if let Some(seen) = seen.as_ref().filter(|seen| !seen.policies.is_empty()) {
        explained::of(&mut collector, installation, seen).await?;
    }
    parts::check(&mut collector, installation, shapers, seen).await?;
    parts::cluster(&mut collector).await?;
    let pods = parts::installation(&mut collector, installation, shapers).await?;
    logs::of(&mut collector, &pods).await?;
    collector.finish()
}

#[cfg(test)]
mod tests;
