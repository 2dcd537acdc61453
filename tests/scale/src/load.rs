//! The first policies, and the pods that they are about.

use crate::bed::reflector;
use crate::exporter::{BOUND_MS, METRIC, service};
use flow_e2e::{Error, Result};
use flow_policy::FlowPolicy;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{Namespace, Node, Pod, ServiceAccount};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::ops::Range;

/// How many pods each policy is about.
pub(crate) const PODS_OF_EACH: usize = 10;
/// How many policies are in a namespace.
pub(crate) const POLICIES_OF_NAMESPACE: usize = 10;
/// How many nodes there are.
pub(crate) const NODES: usize = 100;

/// How many objects are created at the same time.
const CONCURRENCY: usize = 64;
/// How often the API server is asked again where it was too busy.
const TRIES: usize = 20;

/// Whether a policy asks Prometheus; else it probes.
pub(crate) const fn is_by_query(policy: usize) -> bool {
    policy % 2 == 1
}

/// How many objects of a kind there are.
pub(crate) async fn count<K>(client: &Client) -> Result<usize>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let list = Api::<K>::all(client.clone()).list(&ListParams::default().limit(1)).await?;
    let more = list.metadata.remaining_item_count.and_then(|count| usize::try_from(count).ok());
    Ok(list.items.len() + more.unwrap_or_default())
}

/// Creates the nodes, which kwok plays.
pub(crate) async fn nodes(client: &Client) -> Result<()> {
    let node = |number| json!({"metadata": {"name": node_name(number), "labels": {"type": "kwok"}}});
    create(&Api::<Node>::all(client.clone()), 0..NODES, node).await
}

/// Creates the namespaces of so many policies, and the pods in them, each bound to a node.
pub(crate) async fn pods(client: &Client, policies: usize) -> Result<()> {
    let namespaces = 0..policies.div_ceil(POLICIES_OF_NAMESPACE);
    let named = |number| json!({"metadata": {"name": namespace_name(number)}});
    create(&Api::<Namespace>::all(client.clone()), namespaces.clone(), named).await?;
    // Nobody else does: the cluster's own controllers rest.
    let account = |_| json!({"metadata": {"name": "default"}});
    each(namespaces, |number| {
        let accounts = Api::<ServiceAccount>::namespaced(client.clone(), &namespace_name(number));
        async move { create(&accounts, 0..1, account).await }
    })
    .await?;
    each(0..policies * PODS_OF_EACH, |number| {
        one(Api::<Pod>::namespaced(client.clone(), &namespace(number / PODS_OF_EACH)), pod(number))
    })
    .await
}

/// Creates so many policies.
pub(crate) async fn policies(client: &Client, policies: usize) -> Result<()> {
    let api = |number| Api::<FlowPolicy>::namespaced(client.clone(), &namespace(number));
    each(0..policies, |number| one(api(number), policy(number))).await
}

async fn create<K>(api: &Api<K>, numbers: Range<usize>, object: impl Fn(usize) -> Value) -> Result<()>
where
    K: Resource + Clone + DeserializeOwned + Serialize + Debug,
{
    each(numbers, |number| one(api.clone(), object(number))).await
}

async fn each<F: Future<Output = Result<()>>>(
    numbers: Range<usize>,
    work: impl Fn(usize) -> F,
) -> Result<()> {
    stream::iter(numbers).map(|number| Ok(work(number))).try_buffer_unordered(CONCURRENCY).try_collect().await
}

async fn one<K>(api: Api<K>, object: Value) -> Result<()>
where
    K: Resource + Clone + DeserializeOwned + Serialize + Debug,
{
    let object: K = serde_json::from_value(object).map_err(std::io::Error::from)?;
    for _ in 0..TRIES {
        match api.create(&PostParams::default(), &object).await {
            Err(kube::Error::Api(status)) if status.code == 429 => tokio::task::yield_now().await,
            // Of a lab that was kept.
            Err(kube::Error::Api(status)) if status.code == 409 => return Ok(()),
            created => return Ok(created.map(drop)?),
        }
    }
    Err(Error::Missing("an API server that has time".to_owned()))
}

fn node_name(number: usize) -> String {
    format!("kwok-{number:03}")
}

pub(crate) fn namespace_name(number: usize) -> String {
    format!("scale-{number:04}")
}

fn namespace(policy: usize) -> String {
    namespace_name(policy / POLICIES_OF_NAMESPACE)
}

pub(crate) fn app(policy: usize) -> String {
    format!("upload-{policy:05}")
}

pub(crate) fn policy_name(number: usize) -> String {
    format!("policy-{number:05}")
}

fn pod(number: usize) -> Value {
    let app = app(number / PODS_OF_EACH);
    json!({
        "metadata": {
            "name": format!("{app}-{}", number % PODS_OF_EACH),
            "labels": {"app": app, "app.kubernetes.io/part-of": "telemetry", "pod-template-hash": "5d9c8b7f6"},
        },
        "spec": {
            "nodeName": node_name(number % NODES),
            "automountServiceAccountToken": false,
            "containers": [{"name": "upload", "image": "example.com/telemetry/upload:1.2.3"}],
        },
    })
}

fn policy(number: usize) -> Value {
    let app = app(number);
    let target = json!({
        "kind": "Pods", "name": app, "selector": {"matchLabels": {"app": app}},
        "limit": {"min": "10M", "max": "100M"},
    });
    json!({
        "apiVersion": "flow.fustli.io/v1alpha1", "kind": "FlowPolicy",
        "metadata": {"name": policy_name(number)},
        "spec": {"interval": "1s", "objectives": [objective(number)], "targets": [target]},
    })
}

pub(crate) fn objective(policy: usize) -> Value {
    if is_by_query(policy) {
        let query = format!("{METRIC}{{service=\"{}\"}}", service(policy / 2));
        json!({"name": "jitter", "prometheus": {"query": query}, "value": {"max": BOUND_MS.to_string()}})
    } else {
        let (host, port) = reflector(policy / 2);
        let probe = json!({"protocol": "UDP", "host": host, "port": port, "interval": "1s"});
        json!({"name": "jitter", "probe": probe, "jitter": {"max": "500ms", "samples": 5}})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_policy::Policy;

    #[test]
    fn every_policy_can_be_used_and_half_of_them_probe() {
        let mut probing = 0;
        for number in [0, 1, 2, 9_998, 9_999] {
            let stored: FlowPolicy = serde_json::from_value(policy(number)).unwrap();
            assert!(Policy::try_from(&stored.spec).is_ok(), "{number}");
            probing += usize::from(!is_by_query(number));
        }
        assert_eq!(probing, 3);
    }

    #[test]
    fn each_policy_selects_its_own_pods_in_its_own_namespace() {
        let (number, policy) = (12_345, 1_234);
        assert_eq!(
            pod(number)["metadata"]["labels"]["app"],
            self::policy(policy)["spec"]["targets"][0]["name"]
        );
        assert_eq!(namespace(policy), "scale-0123");
    }
}
