//! What may be a credential does not leave the cluster.

use regex::{Captures, Regex};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::LazyLock;

/// What stands where something was.
const MASK: &str = "***";
/// What is left out of objects: it repeats what stands elsewhere, or says nothing.
const LEFT_OUT: [&str; 2] = ["managedFields", "kubectl.kubernetes.io/last-applied-configuration"];
/// A name with one of these is that of a credential…
const CREDENTIALS: &str = "token|passw(?:or)?d|passphrase|secret|api[-_]?key|access[-_]?key|private[-_]?key|credential|authorization|cookie";
/// …unless it ends in one of these, and so is that of a place.
const PLACES: [&str; 9] = ["file", "files", "path", "name", "ref", "dir", "folder", "url", "seconds"];

static IS_CREDENTIAL: LazyLock<Regex> = LazyLock::new(|| pattern(CREDENTIALS));
static PRIVATE_KEY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)")
});
/// `NAME=VALUE`, `NAME: VALUE` and `--NAME VALUE`, where NAME is that of a credential.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    let separator = r#"["'\\]*\s*[:=]\s*"#;
    let value = r#"(?:\\?"(?:[^"\\]|\\[^"])*\\?"?|'[^']*'?)?\S*"#;
    pattern(&format!(r"([\w.-]*(?:{CREDENTIALS})[\w.-]*)({separator}){value}"))
});
static FLAG: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"(\B--?[\w-]*(?:{CREDENTIALS})[\w-]*)(\s+)\S+")));
/// What is masked wherever it stands, and what stays of it.
static ANYWHERE: LazyLock<[(Regex, &str); 4]> = LazyLock::new(|| {
    [
        (pattern(r#"((?:authorization|cookie|api-?key|auth-token)["'\\]*\s*[:=]\s*).+"#), "${1}***"),
        (pattern(r#"(--[\w-]*header[=\s]+["']?[^=:\s"']+\s*[=:]).+"#), "${1}***"),
        (pattern(r"\b(bearer\s+)\S+"), "${1}***"),
        // A JSON Web Token.
        (pattern(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), MASK),
    ]
});

/// User and password in an address, also where they hold what they must not, such as a slash.
static USER: LazyLock<Regex> = LazyLock::new(|| pattern(r#"//[^\s"'<>]*@"#));
/// An address without a user, up to the value of its query's first parameter: an `@` after that belongs to the query.
static HOST: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^//[\w.-]+(?::\d{1,5})?(?:/[^?#@]*)?\?[\w.\[\]-]+="));

#[expect(clippy::expect_used, reason = "a constant, which every test of this module compiles")]
fn pattern(text: &str) -> Regex {
    Regex::new(&format!("(?i){text}")).expect("a pattern")
}

/// An object without what may be a credential: values of fields and variables that are named like one, and what looks
/// like one in any text. What was applied last and who manages which field are left out.
pub(super) fn object(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !LEFT_OUT.contains(&name.as_str()));
            let names_credential = fields.get("name").and_then(Value::as_str).is_some_and(is_credential);
            for (name, value) in fields {
                mask_if(is_credential(name) || names_credential && name == "value", value);
            }
        }
        Value::Array(items) => {
            let mut follows_flag = false;
            for item in items {
                let flag = item.as_str().filter(|item| item.starts_with('-') && !item.contains('='));
                let is_flag = flag.is_some_and(|flag| is_credential(flag) || flag.ends_with("header"));
                mask_if(follows_flag && !is_flag, item);
                follows_flag = is_flag;
            }
        }
        Value::String(content) => *content = text(content),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn mask_if(is_credential: bool, value: &mut Value) {
    match value {
        Value::String(_) | Value::Number(_) if is_credential => *value = MASK.into(),
        value => object(value),
    }
}

/// Whether what has this name is a credential, and not the place of one.
fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    IS_CREDENTIAL.is_match(&name) && !PLACES.iter().any(|place| name.ends_with(place))
}

/// A text without what may be a credential. Lines that are JSON are masked as objects are.
pub(super) fn text(content: &str) -> String {
    let content = PRIVATE_KEY.replace_all(content, MASK);
    if let Some(masked) = json(&content) {
        return masked;
    }
    let lines = content.split_inclusive('\n').map(|line| json(line).unwrap_or_else(|| of_line(line)));
    lines.collect()
}

/// A JSON document, masked.
fn json(content: &str) -> Option<String> {
    if !content.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let mut value: Value = serde_json::from_str(content).ok()?;
    let before = value.clone();
    object(&mut value);
    let end = if content.ends_with('\n') { "\n" } else { "" };
    Some(if value == before { content.to_owned() } else { format!("{value}{end}") })
}

fn of_line(line: &str) -> String {
    let masked = ANYWHERE
        .iter()
        .fold(users(line), |line, (pattern, with)| Cow::from(pattern.replace_all(&line, *with).into_owned()));
    let masked = NAMED.replace_all(&masked, named);
    FLAG.replace_all(&masked, named).into_owned()
}

/// A line without users and passwords in addresses.
fn users(line: &str) -> Cow<'_, str> {
    USER.replace_all(line, |found: &Captures| {
        let address = found.get(0).map_or("", |all| all.as_str());
        let kept = HOST.find(address).map_or(0, |host| host.end());
        match address.split_at(kept) {
            ("", _) => format!("//{MASK}@"),
            (host, query) => format!("{host}{}", users(query)),
        }
    })
}

/// The name and what stands between; the value where the name is that of a place.
fn named(found: &Captures) -> String {
    let [whole, name, between] = [0, 1, 2].map(|group| found.get(group).map_or("", |part| part.as_str()));
    if is_credential(name) { format!("{name}{between}{MASK}") } else { whole.to_owned() }
}

#[cfg(test)]
mod tests;
