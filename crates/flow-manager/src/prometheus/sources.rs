//! The file in which the operator's administrator names more than one Prometheus.

use super::access::{Access, LabelName, NamespacePattern};
use super::client::{Client, Source, SourceError};
use super::credentials::CredentialFiles;
use flow_policy::DurationText;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use std::collections::{BTreeMap, HashSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The source that objectives ask which name none. Flags describe it, not the file.
pub const DEFAULT_SOURCE: &str = "default";

const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_mins(1);
const TIMEOUT: Duration = Duration::from_secs(2);
const MAX_NAME: usize = 63;

/// A source as it stands in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Entry {
    name: String,
    url: String,
    timeout: Option<DurationText>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    credentials: Option<PathBuf>,
    #[serde(default)]
    namespaces: Vec<String>,
    tenant_header: Option<String>,
    enforce_label: Option<String>,
}

/// Why a file of sources cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {problem}", path = path.display())]
pub struct SourcesError {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("{0}")]
    Unreadable(#[from] std::io::Error),
    #[error("it is not the list of sources that it must be: {0}")]
    NotAList(String),
    #[error("[{position}].{field}: {problem}")]
    Field { position: usize, field: &'static str, problem: String },
}

/// Reads the sources of a file, each with its name.
pub fn read(path: &Path) -> Result<Vec<(String, Client)>, SourcesError> {
    let read = || clients(&std::fs::read_to_string(path)?);
    read().map_err(|problem| SourcesError { path: path.to_owned(), problem })
}

fn clients(text: &str) -> Result<Vec<(String, Client)>, Problem> {
    let entries: Vec<Entry> =
        serde_saphyr::from_str(text).map_err(|error| Problem::NotAList(error.to_string()))?;
    let mut names = HashSet::new();
    let mut clients = Vec::new();
    for (position, entry) in entries.into_iter().enumerate() {
        let at = |(field, problem)| Problem::Field { position, field, problem };
        check_name(&entry.name, &mut names).map_err(|problem| at(("name", problem)))?;
        clients.push((entry.name.clone(), entry.client().map_err(at)?));
    }
    Ok(clients)
}

fn check_name(name: &str, taken: &mut HashSet<String>) -> Result<(), String> {
    let fits =
        |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
    let bounded = !name.starts_with('-') && !name.ends_with('-') && (1..=MAX_NAME).contains(&name.len());
    if !bounded || !name.chars().all(fits) {
        return Err(format!("found {name:?}; allowed are up to {MAX_NAME} of a-z, 0-9 and, between them, -"));
    }
    if name == DEFAULT_SOURCE {
        return Err(format!("found {name:?}, which is the one that --prometheus-url describes"));
    }
    if taken.insert(name.to_owned()) { Ok(()) } else { Err(format!("found {name:?} twice")) }
}

/// A field that cannot be used, and why.
type BadField = (&'static str, String);

impl Entry {
    fn client(self) -> Result<Client, BadField> {
        let source = Source {
            timeout: self.timeout()?,
            headers: self.headers()?,
            access: self.access()?,
            credentials: CredentialFiles { bearer_token: None, folder: self.credentials },
            url: self.url,
        };
        Client::new(&source).map_err(|error| {
            let is_url = matches!(error, SourceError::Url | SourceError::MoreThanAddress);
            (if is_url { "url" } else { "credentials" }, error.to_string())
        })
    }

    fn timeout(&self) -> Result<Duration, BadField> {
        let wrong = |problem: String| ("timeout", problem);
        let Some(text) = &self.timeout else { return Ok(TIMEOUT) };
        let timeout = text.parse().map_err(|problem| wrong(problem.to_string()))?;
        let (least, most) = (TIMEOUTS.start(), TIMEOUTS.end());
        let allowed = || wrong(format!("found {timeout:?}; allowed is {least:?} to {most:?}"));
        TIMEOUTS.contains(&timeout).then_some(timeout).ok_or_else(allowed)
    }

    fn access(&self) -> Result<Access, BadField> {
        let namespaces = self.namespaces.iter().map(|pattern| pattern.parse::<NamespacePattern>());
        let headers = self.headers()?;
        let header = self.tenant_header.as_deref().map(|name| tenant_header(name, &headers));
        let label = self.enforce_label.as_deref().map(str::parse::<LabelName>);
        Ok(Access {
            namespaces: namespaces.collect::<Result<_, _>>().map_err(|problem| ("namespaces", problem))?,
            tenant_header: header.transpose().map_err(|problem| ("tenantHeader", problem))?,
            enforce_label: label.transpose().map_err(|problem| ("enforceLabel", problem))?,
        })
    }

    fn headers(&self) -> Result<HeaderMap, BadField> {
        let headers = self.headers.iter().map(|(name, value)| header(name, value));
        headers.collect::<Result<_, _>>().map_err(|problem| ("headers", problem))
    }
}

/// The header of that name that tells tenants apart; the fixed `headers` must not have it.
pub fn tenant_header(name: &str, headers: &HeaderMap) -> Result<HeaderName, String> {
    let header: HeaderName = name.parse().map_err(|_| format!("{name:?} is no name of a header"))?;
    if headers.contains_key(&header) {
        return Err(format!("{name} has a fixed value as well; leave out one of the two"));
    }
    Ok(header)
}

/// A header of that name and value, which may be a credential.
pub fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let name: HeaderName = name.parse().map_err(|_| format!("{name:?} is no name of a header"))?;
    let wrong = || format!("the value of {name} is none that a header can have");
    let mut value: HeaderValue = value.parse().map_err(|_| wrong())?;
    value.set_sensitive(true);
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Why `text` is refused.
    fn refused(text: &str) -> String {
        clients(text).unwrap_err().to_string()
    }

    fn installed() {
        // It fails where another test was first, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }

    #[test]
    fn each_source_has_a_client_of_its_own() {
        installed();
        let found = clients(
            "- name: \"mimir\"\n  url: \"https://mimir/prometheus\"\n  timeout: 3000ms\n  \
             headers:\n    \"X-Scope-OrgID\": \"a b=\\\"c\\\"\"\n\
             - {name: edge-2, url: 'http://edge:9090'}\n",
        )
        .unwrap();
        let shown: Vec<_> = found.iter().map(|(name, client)| (name.as_str(), client.timeout())).collect();
        assert_eq!(shown, [("mimir", Duration::from_secs(3)), ("edge-2", Duration::from_secs(2))]);
    }

    #[test]
    fn each_source_says_who_may_ask_it() {
        installed();
        let text = "- {name: a, url: 'http://a', namespaces: ['factory-*', lab], tenantHeader: X-Scope-OrgID, \
                    enforceLabel: namespace}\n- {name: b, url: 'http://b'}";
        let found = clients(text).unwrap();
        let asked = |place: usize, namespace| {
            let (name, client): &(_, Client) = &found[place];
            client.access().admit(name, namespace, "up").ok().map(std::borrow::Cow::into_owned)
        };
        assert_eq!(asked(0, "factory-1").as_deref(), Some("up{namespace=\"factory-1\"}"));
        assert_eq!((asked(0, "office"), asked(1, "office").as_deref()), (None, Some("up")));
        assert_eq!(found[0].1.access().tenant_header.as_ref().unwrap(), "x-scope-orgid");
        assert!(found[0].1.access().tells_tenants_apart() && !found[1].1.access().tells_tenants_apart());
    }

    #[test]
    fn no_source_at_all_is_as_good_as_no_file() {
        assert!(clients("[]").unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_used_is_refused_and_named() {
        installed();
        for (text, says) in [
            ("- {name: a, ulr: 'http://a'}", "ulr"),
            ("- {name: a}", "url"),
            ("- {url: 'http://a'}", "name"),
            ("name: a", "list of sources"),
            ("- {name: A, url: 'http://a'}", "[0].name: found \"A\""),
            ("- {name: a-, url: 'http://a'}", "[0].name"),
            ("- {name: '', url: 'http://a'}", "[0].name"),
            ("- {name: default, url: 'http://a'}", "[0].name: found \"default\", which"),
            ("- {name: a, url: 'http://a'}\n- {name: a, url: 'http://b'}", "[1].name: found \"a\" twice"),
            ("- {name: a, url: 'a:9090'}", "[0].url"),
            ("- {name: a, url: 'http://u:p@a'}", "[0].url"),
            ("- {name: a, url: 'http://a', timeout: soon}", "[0].timeout"),
            ("- {name: a, url: 'http://a', timeout: 2m}", "[0].timeout: found 120s; allowed is 10ms to 60s"),
            ("- {name: a, url: 'http://a', namespaces: [Lab]}", "[0].namespaces: found \"Lab\"; allowed is"),
            ("- {name: a, url: 'http://a', namespaces: lab}", "list of sources"),
            ("- {name: a, url: 'http://a', tenantHeader: 'a b'}", "[0].tenantHeader: \"a b\" is no name"),
            (
                "- {name: a, url: 'http://a', tenantHeader: a, headers: {A: b}}",
                "[0].tenantHeader: a has a fixed",
            ),
            (
                "- {name: a, url: 'http://a', enforceLabel: a-b}",
                "[0].enforceLabel: found \"a-b\"; allowed is",
            ),
            ("- {name: a, url: 'http://a', enforcelabel: a}", "enforcelabel"),
            ("- {name: a, url: 'http://a', headers: {'a b': c}}", "[0].headers: \"a b\" is no name"),
            ("- {name: a, url: 'http://a', headers: {a: \"b\\n\"}}", "[0].headers: the value of a is none"),
        ] {
            assert!(refused(text).contains(says), "{text}: {}", refused(text));
        }
    }

    #[test]
    fn credentials_that_cannot_be_used_are_refused_by_the_name_of_their_field() {
        installed();
        let folder = super::super::tests::Folder::new(&[("username", b"flow")]);
        let text = format!("- {{name: a, url: 'http://a', credentials: {}}}", folder.path().display());
        assert!(refused(&text).contains("[0].credentials: "), "{}", refused(&text));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = read(Path::new("/nowhere/sources.yaml")).unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/sources.yaml: "), "{error}");
    }
}
