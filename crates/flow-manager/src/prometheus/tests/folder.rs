use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A folder of files that is gone when dropped.
pub(in super::super) struct Folder(PathBuf);

impl Folder {
    pub(in super::super) fn new(files: &[(&str, &[u8])]) -> Self {
        static FOLDERS: AtomicUsize = AtomicUsize::new(0);
        let name = format!("credentials-{}-{}", std::process::id(), FOLDERS.fetch_add(1, Ordering::Relaxed));
        let folder = Self(std::env::temp_dir().join(name));
        std::fs::create_dir(&folder.0).unwrap();
        for (name, content) in files {
            folder.write(name, content);
        }
        folder
    }

    pub(in super::super) fn write(&self, name: &str, content: &[u8]) {
        std::fs::write(self.0.join(name), content).unwrap();
    }

    pub(in super::super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}
