//! The end of a log file, for an error message.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

const LINES: usize = 12;
const BYTES: i64 = 16 * 1024;

/// The last lines of the file at `path`, or a note that there are none.
pub(crate) fn tail(path: &Path) -> String {
    let bytes = last_bytes(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().collect();
    let (_, end) = lines.split_at(lines.len().saturating_sub(LINES));
    if end.is_empty() { "(it wrote nothing)".to_owned() } else { end.join("\n") }
}

fn last_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = std::fs::File::open(path)?;
    // A file shorter than that is read from its start, where it stands anyway.
    let _ = file.seek(SeekFrom::End(-BYTES));
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text: Vec<_> = (0..5000).map(|n| format!("line {n}")).collect();
        fs_err::write(file.path(), text.join("\n")).unwrap();
        let tail = tail(file.path());
        assert!(tail.starts_with("line 4988\n") && tail.ends_with("line 4999"), "{tail}");
    }

    #[test]
    fn silence_is_said() {
        assert_eq!(tail(Path::new("/no/such/file")), "(it wrote nothing)");
    }
}
