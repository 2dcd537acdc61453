use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{Result, Write};
use tar::{Builder, EntryType, Header};

/// A tar.gz of files in one folder.
pub(super) struct Archive<W: Write> {
    tar: Builder<GzEncoder<W>>,
    folder: String,
    /// When its files were written, in seconds since 1970.
    at: u64,
    files: usize,
}

impl<W: Write> Archive<W> {
    pub(super) fn new(out: W, folder: &str, at: u64) -> Self {
        let tar = Builder::new(GzEncoder::new(out, Compression::default()));
        Self { tar, folder: folder.to_owned(), at, files: 0 }
    }

    pub(super) fn add(&mut self, path: &str, content: &[u8]) -> Result<()> {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o600);
        header.set_mtime(self.at);
        header.set_size(u64::try_from(content.len()).map_err(std::io::Error::other)?);
        self.files += 1;
        self.tar.append_data(&mut header, format!("{}/{path}", self.folder), content)
    }

    /// Writes the end, and gives what was written to and how many files it has.
    pub(super) fn finish(self) -> Result<(W, usize)> {
        Ok((self.tar.into_inner()?.finish()?, self.files))
    }
}
