use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A file that is gone when dropped.
pub(in super::super) struct TokenFile(PathBuf);

impl TokenFile {
    pub(in super::super) fn new(content: &[u8]) -> Self {
        static FILES: AtomicUsize = AtomicUsize::new(0);
        let name = format!("token-{}-{}", std::process::id(), FILES.fetch_add(1, Ordering::Relaxed));
        let file = Self(std::env::temp_dir().join(name));
        file.write(content);
        file
    }

    pub(in super::super) fn write(&self, content: &[u8]) {
        std::fs::write(&self.0, content).unwrap();
    }

    pub(in super::super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}
