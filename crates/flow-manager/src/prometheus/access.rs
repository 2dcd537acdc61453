use super::confine::{Unconfined, confine};
use reqwest::header::HeaderName;
use std::borrow::Cow;
use std::str::FromStr;

/// Who may ask a source, and for what, as its administrator says. By default every policy may ask for everything.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The namespaces whose policies may ask it; of all, if there is none.
    pub namespaces: Vec<NamespacePattern>,
    /// The header that tells the namespace of the policy behind a request, for a source with tenants.
    pub tenant_header: Option<HeaderName>,
    /// The label that all series must have, with the namespace of the policy as its value.
    pub enforce_label: Option<LabelName>,
}

/// The name of a namespace, or its beginning and `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespacePattern {
    start: String,
    is_whole: bool,
}

/// The name of a label, of the characters that need no quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelName(String);

/// Why a source is not asked what a policy asks for. Each is a sentence for users.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The source is not there for the policy's namespace.
    #[error(
        "the operator's administrator does not let policies of the namespace {namespace:?} ask the Prometheus {source_name:?}"
    )]
    Namespace {
        /// The policy's.
        namespace: String,
        /// The name of the source.
        source_name: String,
    },
    /// The query cannot be confined to the policy's namespace.
    #[error(
        "the operator's administrator lets the Prometheus {source_name:?} be asked only for series with \
         {label}={namespace:?}, to which this query is not confined: {why}"
    )]
    Unconfined {
        /// The policy's.
        namespace: String,
        /// The name of the source.
        source_name: String,
        /// The label that all series must have.
        label: String,
        /// What is the matter.
        why: Unconfined,
    },
}

impl Access {
    /// What to ask `source` in place of `query`, which a policy in `namespace` asks for.
    pub(super) fn admit<'a>(
        &self,
        source: &str,
        namespace: &str,
        query: &'a str,
    ) -> Result<Cow<'a, str>, Refused> {
        let (namespace, source_name) = (namespace.to_owned(), source.to_owned());
        if !self.admits(&namespace) {
            return Err(Refused::Namespace { namespace, source_name });
        }
        let Some(LabelName(label)) = &self.enforce_label else { return Ok(query.into()) };
        let confined = confine(query, label, &namespace);
        let label = label.clone();
        confined.map(Cow::Owned).map_err(|why| Refused::Unconfined { namespace, source_name, label, why })
    }

    /// Whether what one namespace is told may not be told to another.
    pub(super) const fn tells_tenants_apart(&self) -> bool {
        self.tenant_header.is_some() || self.enforce_label.is_some()
    }

    fn admits(&self, namespace: &str) -> bool {
        self.namespaces.is_empty() || self.namespaces.iter().any(|pattern| pattern.matches(namespace))
    }
}

impl NamespacePattern {
    fn matches(&self, namespace: &str) -> bool {
        if self.is_whole { namespace == self.start } else { namespace.starts_with(&self.start) }
    }
}

impl FromStr for NamespacePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (start, is_whole) = text.strip_suffix('*').map_or((text, true), |start| (start, false));
        let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        if !start.chars().all(fits) || (is_whole && start.is_empty()) {
            let allowed = "the name of a namespace, or its beginning and *, such as factory-*";
            return Err(format!("found {text:?}; allowed is {allowed}"));
        }
        Ok(Self { start: start.to_owned(), is_whole })
    }
}

impl FromStr for LabelName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let is_name = text.chars().all(fits) && !text.starts_with(|first: char| first.is_ascii_digit());
        if text.is_empty() || !is_name || text == "__name__" {
            return Err(format!("found {text:?}; allowed is the name of a label, such as namespace"));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(namespaces: &[&str], label: Option<&str>) -> Access {
        Access {
            namespaces: namespaces.iter().map(|pattern| pattern.parse().unwrap()).collect(),
            tenant_header: None,
            enforce_label: label.map(|label| label.parse().unwrap()),
        }
    }

    #[test]
    fn a_namespace_is_let_in_by_its_name_or_its_beginning() {
        let listed = access(&["factory-*", "lab"], None);
        for (namespace, admitted) in [
            ("factory-1", true),
            ("factory-", true),
            ("lab", true),
            ("factory", false),
            ("my-factory-1", false),
            ("lab-2", false),
            ("la", false),
            ("", false),
        ] {
            assert_eq!(listed.admits(namespace), admitted, "{namespace}");
        }
        assert!(access(&[], None).admits("any") && access(&["*"], None).admits("any"));
    }

    #[test]
    fn what_is_no_pattern_and_no_label_is_refused() {
        for pattern in ["", "Factory", "a*b", "**", "a.b", "a b", "-*/"] {
            let error = pattern.parse::<NamespacePattern>().unwrap_err();
            assert!(error.starts_with(&format!("found {pattern:?}; allowed is")), "{error}");
        }
        for label in ["", "1a", "a-b", "a b", "__name__", "näme", "a\""] {
            let error = label.parse::<LabelName>().unwrap_err();
            assert!(error.starts_with(&format!("found {label:?}; allowed is")), "{error}");
        }
    }

    #[test]
    fn who_may_not_ask_is_told_so_and_no_other_gets_another_query() {
        let said = access(&["lab"], None).admit("mimir", "office", "up").unwrap_err().to_string();
        let expected = "the operator's administrator does not let policies of the namespace \"office\" ask the \
                        Prometheus \"mimir\"";
        assert_eq!(said, expected);
        assert_eq!(access(&["lab"], None).admit("mimir", "lab", "up").unwrap(), "up");
        let confined = access(&[], Some("namespace"));
        assert_eq!(confined.admit("mimir", "lab", "up").unwrap(), r#"up{namespace="lab"}"#);
        let said = confined.admit("mimir", "lab", r#"up{namespace="office"}"#).unwrap_err().to_string();
        assert!(said.ends_with("is not confined: it has the matcher namespace=\"office\""), "{said}");
    }
}
