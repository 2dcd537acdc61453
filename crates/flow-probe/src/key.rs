//! The key that probers and reflectors share.
//!
//! As in the authenticated mode of STAMP (RFC 8762, section 4.4), a packet carries an HMAC-SHA-256 of itself: as its
//! last 32 bytes, over all bytes before them.

use std::io;
use std::path::{Path, PathBuf};

use ring::hmac;

/// Length of a seal, bytes.
const SEAL: usize = 32;

/// A secret with which probes and answers are sealed, so that nobody without it can forge either. It is never shown.
#[derive(Clone, Debug)]
pub struct Key(hmac::Key);

/// Why there is no key. None shows what the file contains.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("{path} cannot be read: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What is in it could be guessed.
    #[error("{path} holds a key of {found} bytes; allowed are {} and more", Key::SHORTEST, path = path.display())]
    Short {
        /// The file.
        path: PathBuf,
        /// How many bytes there are.
        found: usize,
    },
}

impl Key {
    /// The shortest key, bytes.
    pub const SHORTEST: usize = 16;

    /// The key in a file: all its bytes but white space at its ends.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let unreadable = |source| KeyError::Unreadable { path: path.to_owned(), source };
        let bytes = std::fs::read(path).map_err(unreadable)?;
        let secret = bytes.trim_ascii();
        if secret.len() < Self::SHORTEST {
            return Err(KeyError::Short { path: path.to_owned(), found: secret.len() });
        }
        Ok(Self::of(secret))
    }

    pub(crate) fn of(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Seals a packet, in place of its last bytes.
    pub(crate) fn seal(&self, packet: &mut [u8]) {
        if let Some((sealed, seal)) = packet.split_last_chunk_mut::<SEAL>() {
            let tag = hmac::sign(&self.0, sealed);
            seal.iter_mut().zip(tag.as_ref()).for_each(|(byte, of_tag)| *byte = *of_tag);
        }
    }

    /// Whether a packet was sealed with this key. It takes as long whatever the seal is.
    pub(crate) fn sealed(&self, packet: &[u8]) -> bool {
        let parts = packet.split_last_chunk::<SEAL>();
        parts.is_some_and(|(sealed, seal)| hmac::verify(&self.0, sealed, seal).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn key_is_what_the_file_says_without_the_end_of_its_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "0123456789abcdef\n").unwrap();
        let mut packet = [7; 100];
        Key::read(file.path()).unwrap().seal(&mut packet);
        assert!(Key::of(b"0123456789abcdef").sealed(&packet));
    }

    #[test]
    fn short_key_and_none_are_refused_and_not_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "s3cret\n").unwrap();
        let error = Key::read(file.path()).unwrap_err().to_string();
        assert!(error.ends_with("holds a key of 6 bytes; allowed are 16 and more"), "{error}");
        let error = Key::read(Path::new("/nowhere/key")).unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/key cannot be read: "), "{error}");
        let shown = format!("{:?}", Key::of(b"s3cret-s3cret-s3cret"));
        assert!(!shown.contains("s3cret") && !shown.contains("115"), "{shown}");
    }

    proptest! {
        #[test]
        fn any_changed_bit_breaks_the_seal(mut packet in vec(any::<u8>(), 32..200), bit: prop::sample::Index) {
            let (key, other) = (Key::of(b"0123456789abcdef"), Key::of(b"0123456789abcdeg"));
            key.seal(&mut packet);
            prop_assert!(key.sealed(&packet));
            prop_assert!(!other.sealed(&packet));
            let bit = bit.index(packet.len() * 8);
            packet[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!key.sealed(&packet));
        }

        #[test]
        fn what_is_too_short_is_not_sealed(mut packet in vec(any::<u8>(), 0..32)) {
            let key = Key::of(b"0123456789abcdef");
            let before = packet.clone();
            key.seal(&mut packet);
            prop_assert_eq!(&packet, &before);
            prop_assert!(!key.sealed(&packet));
        }
    }
}
