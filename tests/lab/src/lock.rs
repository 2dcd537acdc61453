//! The lock that a lab's supervisor holds for its whole life.

use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use fs_err::File;

use crate::place::Place;

/// Held while it exists. The kernel releases it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    file: std::fs::File,
}

impl Lock {
    /// Takes the lab's lock, or returns `None` while another process holds it.
    pub(crate) fn try_take(place: &Place) -> io::Result<Option<Self>> {
        let path = place.lock();
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        loop {
            let file = open(&path)?;
            if let Err(held) = file.try_lock() {
                return would_block(held);
            }
            // The last holder may have removed the file between our open and our lock.
            if is_at(&file, &path) {
                return Ok(Some(Self { path, file }));
            }
        }
    }

    /// Waits up to `patience` for the lock.
    pub(crate) fn take(place: &Place, patience: Duration) -> io::Result<Option<Self>> {
        let end = Instant::now() + patience;
        loop {
            let lock = Self::try_take(place)?;
            if lock.is_some() || Instant::now() > end {
                return Ok(lock);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether a supervisor of this lab lives. Those who ask share the lock for a moment: they do not take each other
    /// for a supervisor.
    pub(crate) fn is_held(place: &Place) -> io::Result<bool> {
        let file = match File::open(place.lock()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            file => file?.into_parts().0,
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(std::fs::TryLockError::WouldBlock) => Ok(true),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// Writes down where the lab's state is, so that `down` finds it whatever the environment says then.
    pub(crate) fn record(&self, place: &Place) -> io::Result<()> {
        self.file.set_len(0)?;
        (&self.file).write_all(place.state().as_os_str().as_encoded_bytes())
    }

    /// Removes the file and releases the lock.
    pub(crate) fn remove(self) -> io::Result<()> {
        fs_err::remove_file(&self.path)
    }
}

fn open(path: &Path) -> io::Result<std::fs::File> {
    let options = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    Ok(options.into_parts().0)
}

fn would_block(error: std::fs::TryLockError) -> io::Result<Option<Lock>> {
    match error {
        std::fs::TryLockError::WouldBlock => Ok(None),
        std::fs::TryLockError::Error(error) => Err(error),
    }
}

fn is_at(file: &std::fs::File, path: &Path) -> bool {
    let inode = |found: io::Result<std::fs::Metadata>| found.map(|m| (m.dev(), m.ino())).ok();
    inode(file.metadata()) == inode(std::fs::metadata(path))
}
