//! What the operator has made of the first policies, many times: a cluster as it finds one after a restart.

use crate::etcd::{Stored, store};
use crate::exporter::service;
use crate::load::{POLICIES_OF_NAMESPACE, app, namespace_name, policy_name};
use flow_e2e::Result;
use flow_policy::FlowPolicy;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::ListParams;
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::ops::Range;

/// How many policies are made by API server and operator. They are whole namespaces, and as many ask each reflector.
pub(crate) const ORIGINALS: usize = 80;

/// The first policies with their pods, limits and status.
pub(crate) struct Originals(Vec<Namespaced>);

/// A namespace and all that is in it.
struct Namespaced {
    namespace: Namespace,
    pods: Vec<Pod>,
    policies: Vec<FlowPolicy>,
}

impl Originals {
    /// As they are now.
    pub(crate) async fn read(client: &Client) -> Result<Self> {
        let mut originals = Vec::new();
        for number in 0..ORIGINALS / POLICIES_OF_NAMESPACE {
            let name = namespace_name(number);
            originals.push(Namespaced {
                namespace: Api::all(client.clone()).get(&name).await?,
                pods: all(Api::namespaced(client.clone(), &name)).await?,
                policies: all(Api::namespaced(client.clone(), &name)).await?,
            });
        }
        Ok(Self(originals))
    }

    /// Stores copies of them as these policies.
    pub(crate) async fn store(&self, policies: Range<usize>) -> Result<()> {
        let etcd = reqwest::Client::new();
        let namespaces = policies.start / POLICIES_OF_NAMESPACE..policies.end / POLICIES_OF_NAMESPACE;
        for (number, original) in
            namespaces.clone().zip(self.0.iter().cycle().skip(namespaces.start % self.0.len()))
        {
            for objects in original.copies(number)?.chunks(crate::etcd::MOST_AT_ONCE) {
                store(&etcd, objects).await?;
            }
        }
        Ok(())
    }
}

impl Namespaced {
    /// All of it, as the namespace of another number.
    fn copies(&self, namespace: usize) -> Result<Vec<Stored>> {
        let original = namespace % (ORIGINALS / POLICIES_OF_NAMESPACE);
        let renaming = Renaming::new(original, namespace);
        let mut copies = vec![renaming.copy(&self.namespace, 0)?];
        for (place, pod) in self.pods.iter().enumerate() {
            copies.push(renaming.copy(pod, place)?);
        }
        for (place, policy) in self.policies.iter().enumerate() {
            copies.push(renaming.copy(policy, place)?);
        }
        Ok(copies)
    }
}

/// All names of a namespace, and what they are in another.
struct Renaming {
    names: Vec<(String, String)>,
    namespace: usize,
}

impl Renaming {
    fn new(from: usize, to: usize) -> Self {
        let mut names = vec![(namespace_name(from), namespace_name(to))];
        for place in 0..POLICIES_OF_NAMESPACE {
            let [from, to] = [from, to].map(|namespace| namespace * POLICIES_OF_NAMESPACE + place);
            names.extend([(app(from), app(to)), (policy_name(from), policy_name(to))]);
            names.push((service(from / 2), service(to / 2)));
        }
        Self { names, namespace: to }
    }

    /// An object in the other namespace, where it is the one at this place among its kind.
    fn copy<K>(&self, original: &K, place: usize) -> Result<Stored>
    where
        K: Resource<DynamicType = ()> + Serialize + DeserializeOwned,
    {
        let text = serde_json::to_string(original).map_err(std::io::Error::from)?;
        let text = (self.names.iter()).fold(text, |text, (from, to)| text.replace(from, to));
        let mut copy: K = serde_json::from_str(&text).map_err(std::io::Error::from)?;
        copy.meta_mut().resource_version = None;
        // All but the last group of digits is random; that one tells copies apart.
        let uid = original.uid().unwrap_or_default();
        let random = uid.rsplit_once('-').map_or("", |(random, _)| random);
        copy.meta_mut().uid = Some(format!("{random}-{:06x}{place:06x}", self.namespace));
        Stored::new(&copy)
    }
}

async fn all<K>(api: Api<K>) -> Result<Vec<K>>
where
    K: Clone + DeserializeOwned + Debug,
{
    Ok(api.list(&ListParams::default()).await?.items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn copy(number: usize) -> Value {
        let original: Pod = serde_json::from_value(json!({
            "metadata": {
                "name": "upload-00013-4", "namespace": "scale-0001", "labels": {"app": "upload-00013"},
                "uid": "6b8c1d7e-1111-2222-3333-444444444444", "resourceVersion": "7",
                "annotations": {"kubernetes.io/egress-bandwidth": "100M"},
            },
        }))
        .unwrap();
        let stored = Renaming::new(1, number).copy(&original, 34).unwrap();
        serde_json::from_slice(stored.value()).unwrap()
    }

    #[test]
    fn a_copy_is_another_object_in_another_namespace_and_else_the_same() {
        let copy = copy(81);
        assert_eq!(
            copy["metadata"],
            json!({
                "name": "upload-00813-4", "namespace": "scale-0081", "labels": {"app": "upload-00813"},
                "uid": "6b8c1d7e-1111-2222-3333-000051000022",
                "annotations": {"kubernetes.io/egress-bandwidth": "100M"},
            })
        );
        assert_eq!((&copy["kind"], &copy["apiVersion"]), (&json!("Pod"), &json!("v1")));
    }

    #[test]
    fn a_copy_asks_what_the_policy_of_its_number_would_ask() {
        for number in [0, 1, 2, 78, 79].map(|number| 9 * ORIGINALS + number) {
            let [original, own] = [number % ORIGINALS, number].map(crate::load::objective);
            let renaming = Renaming::new(number % ORIGINALS / 10, number / 10);
            let renamed =
                renaming.names.iter().fold(original.to_string(), |text, (from, to)| text.replace(from, to));
            assert_eq!(renamed, own.to_string());
        }
    }
}
