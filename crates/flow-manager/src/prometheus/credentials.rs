use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::header::HeaderValue;
use reqwest::{Certificate, ClientBuilder, Identity, RequestBuilder};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The files with what Prometheus wants to see of the operator. They are read for each request: whoever mounts them
/// may replace them at any time.
#[derive(Clone, Debug, Default)]
pub struct CredentialFiles {
    /// A file with a bearer token.
    pub bearer_token: Option<PathBuf>,
    /// A folder like a mounted Secret, with any of these: `token`, or `username` and `password`; `tls.crt` and
    /// `tls.key`, a client certificate; `ca.crt`, the only authorities to trust.
    pub folder: Option<PathBuf>,
}

/// Why there are no credentials. None shows what a file contains.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file has no text, or one that no HTTP header can carry.
    #[error("{path} must contain one line of ASCII text")]
    NoText {
        /// The file.
        path: PathBuf,
    },
    /// Of two files that belong together there is one.
    #[error("{missing} is missing, which {present} needs")]
    Incomplete {
        /// The one that there is.
        present: PathBuf,
        /// The other one.
        missing: PathBuf,
    },
    /// There are two ways to log in, and it is not said which to use.
    #[error("give a token, or a user name and a password, and not both")]
    Several,
    /// A certificate or a key cannot be used.
    #[error("no certificate or key that can be used is in {path}")]
    Certificate {
        /// The file.
        path: PathBuf,
    },
}

/// What the files say now.
pub(super) struct Credentials {
    pub(super) login: Login,
    pub(super) tls: TlsFiles,
}

/// How a request shows whose it is.
pub(super) enum Login {
    None,
    Bearer(HeaderValue),
    Basic { user: String, password: String },
}

/// What a connection is made with.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct TlsFiles {
    authorities: Option<(PathBuf, Vec<u8>)>,
    identity: Option<(PathBuf, Vec<u8>)>,
}

/// Without what is in the files, such as a private key.
impl fmt::Debug for TlsFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.authorities.iter().chain(&self.identity).map(|(path, _)| path);
        f.debug_list().entries(files).finish()
    }
}

impl CredentialFiles {
    /// Reads all. It blocks for as long as the file system does.
    pub(super) fn read(&self) -> Result<Credentials, CredentialError> {
        Ok(Credentials { login: self.login()?, tls: self.tls()? })
    }

    fn login(&self) -> Result<Login, CredentialError> {
        let token = match &self.bearer_token {
            Some(file) => Some(existing(text, file)?),
            None => self.optional("token", text)?,
        };
        let user = self.optional("username", text)?;
        match (token, user) {
            (None, None) => Ok(Login::None),
            (Some(token), None) => {
                bearer(&token.1).ok_or(CredentialError::NoText { path: token.0 }).map(Login::Bearer)
            }
            (None, Some((file, user))) => {
                let password = beside(&file, "password")?;
                Ok(Login::Basic { user, password: existing(text, &password)?.1 })
            }
            (Some(_), Some(_)) => Err(CredentialError::Several),
        }
    }

    fn tls(&self) -> Result<TlsFiles, CredentialError> {
        let authorities = self.optional("ca.crt", bytes)?;
        let identity = match self.optional("tls.crt", bytes)? {
            None => None,
            Some((file, mut chain)) => {
                let (_, key) = existing(bytes, &beside(&file, "tls.key")?)?;
                chain.push(b'\n');
                chain.extend(key);
                Some((file, chain))
            }
        };
        Ok(TlsFiles { authorities, identity })
    }

    fn optional<T>(&self, name: &str, read: Reader<T>) -> Result<Option<(PathBuf, T)>, CredentialError> {
        let Some(file) = self.folder.as_ref().map(|folder| folder.join(name)) else { return Ok(None) };
        Ok(read(&file)?.map(|content| (file, content)))
    }
}

/// The file `name` in the folder of `present`, which needs it.
fn beside(present: &Path, name: &str) -> Result<PathBuf, CredentialError> {
    let file = present.with_file_name(name);
    let incomplete = || CredentialError::Incomplete { present: present.to_owned(), missing: file.clone() };
    if file.exists() { Ok(file) } else { Err(incomplete()) }
}

/// Reads a file, if there is one.
type Reader<T> = fn(&Path) -> Result<Option<T>, CredentialError>;

fn existing<T>(read: Reader<T>, file: &Path) -> Result<(PathBuf, T), CredentialError> {
    let missing =
        || CredentialError::Unreadable { path: file.to_owned(), error: io::ErrorKind::NotFound.into() };
    Ok((file.to_owned(), read(file)?.ok_or_else(missing)?))
}

fn bytes(file: &Path) -> Result<Option<Vec<u8>>, CredentialError> {
    match std::fs::read(file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CredentialError::Unreadable { path: file.to_owned(), error }),
    }
}

/// The one line of a file, without the space around it.
fn text(file: &Path) -> Result<Option<String>, CredentialError> {
    let Some(bytes) = bytes(file)? else { return Ok(None) };
    let line = str::from_utf8(&bytes).ok().map(str::trim).filter(|line| is_line(line));
    line.map(|line| Some(line.to_owned())).ok_or_else(|| CredentialError::NoText { path: file.to_owned() })
}

fn is_line(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

/// The `Authorization` header with a token (RFC 6750, section 2.1).
fn bearer(token: &str) -> Option<HeaderValue> {
    let mut header =
        HeaderValue::try_from(format!("Bearer {token}")).ok().filter(|_| !token.contains(' '))?;
    header.set_sensitive(true);
    Some(header)
}

impl Login {
    /// What it shows, in each form in which a server may repeat it.
    pub(super) fn secrets(&self) -> Vec<String> {
        match self {
            Self::None => vec![],
            Self::Bearer(header) => header
                .to_str()
                .into_iter()
                .flat_map(str::split_whitespace)
                .skip(1)
                .map(str::to_owned)
                .collect(),
            Self::Basic { user, password } => {
                vec![password.clone(), BASE64.encode(format!("{user}:{password}"))]
            }
        }
    }

    /// `request`, with this in it.
    pub(super) fn on(self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::None => request,
            Self::Bearer(header) => request.header(reqwest::header::AUTHORIZATION, header),
            Self::Basic { user, password } => request.basic_auth(user, Some(password)),
        }
    }
}

impl TlsFiles {
    /// `builder`, with this in it. Without authorities of its own, those of the system are trusted.
    pub(super) fn on(&self, mut builder: ClientBuilder) -> Result<ClientBuilder, CredentialError> {
        if let Some((path, pem)) = &self.authorities {
            let authorities = Certificate::from_pem_bundle(pem).ok().filter(|found| !found.is_empty());
            builder = builder.tls_certs_only(authorities.ok_or_else(|| unusable(path))?);
        }
        if let Some((path, pem)) = &self.identity {
            builder = builder.identity(Identity::from_pem(pem).map_err(|_| unusable(path))?);
        }
        Ok(builder)
    }
}

fn unusable(path: &Path) -> CredentialError {
    CredentialError::Certificate { path: path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Folder;
    use super::*;

    fn files(folder: &Folder) -> CredentialFiles {
        CredentialFiles { bearer_token: None, folder: Some(folder.path().to_owned()) }
    }

    fn login(content: &[(&str, &[u8])]) -> Result<Login, CredentialError> {
        let folder = Folder::new(content);
        files(&folder).read().map(|credentials| credentials.login)
    }

    #[test]
    fn the_token_is_what_the_file_says_without_the_space_around_it() {
        let Ok(Login::Bearer(header)) = login(&[("token", b" s3cret.x-y~z\n")]) else { panic!("no token") };
        assert_eq!(header, "Bearer s3cret.x-y~z");
        assert!(header.is_sensitive());
    }

    #[test]
    fn an_error_names_the_file_and_never_shows_its_content() {
        for content in [
            &b""[..],
            b"\n",
            b"s3cret\nand more",
            b"s3cret\x07",
            "s3cr\u{e9}t".as_bytes(),
            b"s3\xff",
            b"s3 cret",
        ] {
            let error = login(&[("token", content)]).err().unwrap().to_string();
            assert!(error.starts_with('/') && !error.contains("s3"), "{error}");
        }
    }

    #[test]
    fn a_file_that_was_named_must_be_there_and_a_folder_may_be_empty() {
        let named = CredentialFiles { bearer_token: Some("/nowhere/token".into()), folder: None };
        let error = named.read().err().unwrap().to_string();
        assert!(error.starts_with("/nowhere/token cannot be read"), "{error}");
        assert!(matches!(login(&[]), Ok(Login::None)));
    }

    #[test]
    fn a_user_needs_a_password_and_may_have_no_token() {
        let basic = login(&[("username", b"flow"), ("password", b"s3cret\n")]);
        assert!(
            matches!(basic, Ok(Login::Basic { user, password }) if user == "flow" && password == "s3cret")
        );
        let incomplete = login(&[("username", b"flow")]).err().unwrap().to_string();
        assert!(incomplete.contains("/password is missing"), "{incomplete}");
        let several = login(&[("token", b"x"), ("username", b"flow"), ("password", b"x")]);
        assert!(matches!(several, Err(CredentialError::Several)));
    }

    #[test]
    fn a_certificate_without_its_key_and_one_that_is_none_are_named() {
        let folder = Folder::new(&[("tls.crt", b"x")]);
        let incomplete = files(&folder).read().err().unwrap().to_string();
        assert!(incomplete.contains("/tls.key is missing"), "{incomplete}");
        folder.write("tls.key", b"x");
        folder.write("ca.crt", b"x");
        let unusable = files(&folder).read().unwrap().tls.on(reqwest::Client::builder()).err().unwrap();
        assert!(unusable.to_string().ends_with("/ca.crt"), "{unusable}");
    }
}
