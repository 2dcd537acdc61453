use reqwest::header::HeaderValue;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A bearer token in a file, which is read for each request: whoever mounts it may replace it at any time.
#[derive(Clone, Debug)]
pub(super) struct BearerToken {
    file: Arc<Path>,
}

/// Why there is no token. None shows what the file contains.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("{path} cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file has no token, or one that no HTTP header can carry.
    #[error("{path} does not contain a token: it must be one line of ASCII text")]
    NoToken {
        /// The file.
        path: PathBuf,
    },
}

impl BearerToken {
    pub(super) fn new(file: &Path) -> Self {
        Self { file: file.into() }
    }

    /// The `Authorization` header with the token that is in the file now (RFC 6750, section 2.1). It blocks for
    /// as long as the file system does.
    pub(super) fn header(&self) -> Result<HeaderValue, TokenError> {
        let path = || self.file.to_path_buf();
        let text = std::fs::read_to_string(&self.file)
            .map_err(|error| TokenError::Unreadable { path: path(), error })?;
        let token = text.trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::NoToken { path: path() });
        }
        let mut header = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| TokenError::NoToken { path: path() })?;
        header.set_sensitive(true);
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::TokenFile;
    use super::*;

    fn header(content: &[u8]) -> Result<HeaderValue, TokenError> {
        let file = TokenFile::new(content);
        BearerToken::new(file.path()).header()
    }

    #[test]
    fn the_token_is_what_the_file_says_without_the_space_around_it() {
        assert_eq!(header(b" s3cret.x-y~z\n").unwrap(), "Bearer s3cret.x-y~z");
    }

    #[test]
    fn an_error_names_the_file_and_never_shows_its_content() {
        for content in
            [&b""[..], b"\n", b"s3cret\nand more", b"s3cret\x07", "s3cr\u{e9}t".as_bytes(), b"s3\xff"]
        {
            let error = header(content).unwrap_err().to_string();
            assert!(error.starts_with('/') && !error.contains("s3"), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_said_to_be_unreadable() {
        let error = BearerToken::new(Path::new("/nowhere/token")).header().unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/token cannot be read: No such file"), "{error}");
    }
}
