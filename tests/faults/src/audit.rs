//! Who wrote when, as the API server has noted it.

use flow_e2e::{Error, Result};
use flow_lab::Lab;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

/// The API server's audit log from a moment on.
#[derive(Debug)]
pub struct AuditLog {
    file: PathBuf,
    from: u64,
}

/// A request that changed something, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Who: the pod, or the token, that the writer showed.
    pub actor: String,
    /// When the API server had read it.
    pub received: Timestamp,
    /// When it was answered.
    pub done: Timestamp,
    /// What, as in `patch pods ns/name`.
    pub deed: String,
    /// Whom it makes the holder of a Lease, where it does; nobody is empty.
    pub holder: Option<String>,
}

/// Two who wrote at the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// What was written.
    pub write: Write,
    /// Who held the Lease meanwhile.
    pub holder: String,
}

impl AuditLog {
    /// What comes after now.
    pub fn from_now() -> Result<Self> {
        let file = Lab::current()?.audit_log();
        let from = fs_err::metadata(&file).map_or(0, |metadata| metadata.len());
        Ok(Self { file, from })
    }

    /// All that was written since, in the order in which it was received.
    pub fn writes(&self) -> Result<Vec<Write>> {
        let mut file = fs_err::File::open(&self.file)?;
        file.seek(SeekFrom::Start(self.from))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let mut writes = Vec::new();
        // The last line may be half written.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        for line in whole.lines() {
            let unreadable = |error: serde_json::Error| Error::Unreadable {
                what: line.to_owned(),
                problem: error.to_string(),
            };
            writes.extend(serde_json::from_str::<Entry>(line).map_err(unreadable)?.write());
        }
        writes.sort_by_key(|write| write.received);
        Ok(writes)
    }
}

/// The writes that came from somebody else than the one who held the Lease from their receipt to their answer.
#[must_use]
pub fn clashes(writes: &[Write]) -> Vec<Clash> {
    let names = names(writes);
    let mut claims: Vec<_> =
        writes.iter().filter_map(|write| Some((write.done, write.holder.clone()?))).collect();
    claims.sort();
    let holder_at = |moment: Timestamp| {
        let before = claims.iter().take_while(|(since, _)| *since <= moment);
        before.last().map_or_else(String::new, |(_, holder)| holder.clone())
    };
    let mut clashes = Vec::new();
    for write in writes.iter().filter(|write| write.holder.is_none()) {
        let own = names.get(&write.actor).copied().unwrap_or_default();
        let other = [write.received, write.done].map(holder_at).into_iter().find(|holder| holder != own);
        clashes.extend(other.map(|holder| Clash { write: write.clone(), holder }));
    }
    clashes
}

/// How many writes, other than those of the Lease, each had who ever held it, by name.
#[must_use]
pub fn shares(writes: &[Write]) -> BTreeMap<String, usize> {
    let names = names(writes);
    let mut shares = BTreeMap::new();
    for write in writes.iter().filter(|write| write.holder.is_none()) {
        let name = names.get(&write.actor).copied().unwrap_or(write.actor.as_str());
        *shares.entry(name.to_owned()).or_default() += 1;
    }
    shares
}

/// What each actor is called in the Lease.
fn names(writes: &[Write]) -> HashMap<String, &str> {
    let named = |write: &'_ Write| write.holder.as_ref().is_some_and(|holder| !holder.is_empty());
    let claims = writes.iter().filter(|write| named(write));
    claims.filter_map(|write| Some((write.actor.clone(), write.holder.as_deref()?))).collect()
}

/// A line of the log.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    stage: String,
    verb: String,
    user: User,
    object_ref: Option<Object>,
    request_object: Option<Value>,
    response_status: Option<Status>,
    request_received_timestamp: Timestamp,
    stage_timestamp: Timestamp,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    extra: HashMap<String, Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Object {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Deserialize)]
struct Status {
    code: Option<u16>,
}

impl Entry {
    fn write(&self) -> Option<Write> {
        let is_write = matches!(self.verb.as_str(), "create" | "update" | "patch" | "delete");
        let accepted = self.response_status.as_ref()?.code? < 300;
        let object = self.object_ref.as_ref()?;
        let holder = (object.resource == "leases").then(|| self.holder());
        (is_write && accepted && self.stage == "ResponseComplete").then(|| Write {
            actor: self.actor(),
            received: self.request_received_timestamp,
            done: self.stage_timestamp,
            deed: format!(
                "{} {} {} {}/{}",
                self.verb, object.resource, object.subresource, object.namespace, object.name
            ),
            holder,
        })
    }

    fn holder(&self) -> String {
        let holder =
            self.request_object.as_ref().and_then(|lease| lease.pointer("/spec/holderIdentity")?.as_str());
        holder.unwrap_or_default().to_owned()
    }

    /// The pod that the token is bound to; else the token.
    fn actor(&self) -> String {
        let of =
            |key: &str| self.user.extra.get(&format!("authentication.kubernetes.io/{key}"))?.first().cloned();
        of("pod-name").or_else(|| of("credential-id")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A write from `received` to `done`, in seconds; `holder` is `-` for none, and "" where the Lease is given up.
    fn write(actor: &str, received: i64, done: i64, holder: &str) -> Write {
        let at = |second| Timestamp::from_second(second).unwrap();
        let holder = (holder != "-").then(|| holder.to_owned());
        Write { actor: actor.to_owned(), received: at(received), done: at(done), deed: String::new(), holder }
    }

    #[test]
    fn who_writes_in_its_own_term_clashes_with_nobody() {
        let writes = [
            write("1", 0, 1, "a"),
            write("1", 2, 3, "-"),
            write("1", 4, 5, ""),
            write("2", 6, 7, "b"),
            write("2", 8, 9, "-"),
        ];
        assert_eq!(clashes(&writes), []);
        assert_eq!(shares(&writes), BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 1)]));
    }

    #[test]
    fn a_write_before_after_or_across_its_term_clashes() {
        let held = [write("1", 0, 1, "a"), write("1", 10, 11, ""), write("2", 20, 21, "b")];
        for (actor, received, done, clash) in [
            ("1", 2, 3, false),
            ("1", 9, 12, true),
            ("1", 12, 13, true),
            ("2", 19, 22, true),
            ("1", 22, 23, true),
            ("2", 22, 23, false),
        ] {
            let mut writes = held.to_vec();
            writes.push(write(actor, received, done, "-"));
            assert_eq!(clashes(&writes).len(), usize::from(clash), "{actor} {received}");
        }
    }

    #[test]
    fn a_line_of_the_log_tells_who_wrote_what() {
        let line = r#"{"stage":"ResponseComplete","verb":"update","user":{"username":"system:serviceaccount:x:y",
            "extra":{"authentication.kubernetes.io/pod-name":["flow-manager-1"],"authentication.kubernetes.io/credential-id":["JTI=1"]}},
            "objectRef":{"resource":"leases","namespace":"x","name":"flow-manager"},"responseStatus":{"code":200},
            "requestObject":{"spec":{"holderIdentity":"a"}},
            "requestReceivedTimestamp":"2026-01-01T00:00:00.000001Z","stageTimestamp":"2026-01-01T00:00:01Z"}"#;
        let write = serde_json::from_str::<Entry>(line).unwrap().write().unwrap();
        assert_eq!((write.actor.as_str(), write.holder.as_deref()), ("flow-manager-1", Some("a")));
        assert_eq!(write.deed, "update leases  x/flow-manager");
        assert!(write.received < write.done);
    }
}
