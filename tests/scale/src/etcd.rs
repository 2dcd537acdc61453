//! Objects that are stored past the API server: it takes 15 to 30 new limits a second, etcd thousands of objects.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use flow_e2e::{Error, Result};
use kube::{Resource, ResourceExt};
use reqwest::Client;
use serde::Serialize;
use serde_json::{Value, json};

/// Where the lab's etcd speaks JSON.
const TRANSACTION: &str = "http://127.0.0.1:2379/v3/kv/txn";

/// How many writes etcd takes at once.
pub(crate) const MOST_AT_ONCE: usize = 128;

/// An object as the API server keeps it.
pub(crate) struct Stored {
    key: String,
    value: Vec<u8>,
}

impl Stored {
    /// The API server reads JSON as well as what it writes itself.
    pub(crate) fn new<K>(object: &K) -> Result<Self>
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let (group, plural) = (K::group(&()), K::plural(&()));
        let kind = if group.is_empty() { plural.into_owned() } else { format!("{group}/{plural}") };
        let place = object.namespace().map(|namespace| format!("/{namespace}")).unwrap_or_default();
        let key = format!("/registry/{kind}{place}/{}", object.name_any());
        Ok(Self { key, value: serde_json::to_vec(object).map_err(std::io::Error::from)? })
    }

    #[cfg(test)]
    pub(crate) fn value(&self) -> &[u8] {
        &self.value
    }

    fn put(&self) -> Value {
        json!({"requestPut": {"key": BASE64.encode(&self.key), "value": BASE64.encode(&self.value)}})
    }
}

/// Stores objects, [`MOST_AT_ONCE`] at most.
pub(crate) async fn store(client: &Client, objects: &[Stored]) -> Result<()> {
    let puts: Vec<_> = objects.iter().map(Stored::put).collect();
    let answer = client.post(TRANSACTION).body(json!({"success": puts}).to_string()).send().await?;
    if answer.status().is_success() {
        return Ok(());
    }
    Err(Error::Missing(format!("an etcd that stores: {}", answer.text().await?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_policy::FlowPolicy;
    use k8s_openapi::api::core::v1::{Namespace, Pod};

    fn key<K: Resource<DynamicType = ()> + Serialize + serde::de::DeserializeOwned>(object: Value) -> String {
        Stored::new(&serde_json::from_value::<K>(object).unwrap()).unwrap().key
    }

    #[test]
    fn objects_are_where_the_api_server_looks_for_them() {
        let metadata = json!({"name": "x", "namespace": "ns"});
        assert_eq!(key::<Pod>(json!({"metadata": metadata})), "/registry/pods/ns/x");
        assert_eq!(key::<Namespace>(json!({"metadata": {"name": "x"}})), "/registry/namespaces/x");
        let policy = json!({"metadata": metadata, "spec": {"objectives": [], "targets": []}});
        assert_eq!(key::<FlowPolicy>(policy), "/registry/flow.fustli.io/flowpolicies/ns/x");
    }
}
