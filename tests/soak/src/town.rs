//! The namespaces, workloads and policies that come and go.
//!
//! Pods never run, since no scheduler takes them: the operator limits a pod from when it is made, and one node could
//! not run so many.

use flow_e2e::policies::{by_query, with};
use flow_e2e::workload::{Work, workload};
use flow_e2e::{Cluster, Result};
use flow_explorer::world::ours;
use flow_policy::FlowPolicy;
use flow_policy::names::{EGRESS_BANDWIDTH, LIMIT};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

/// How many namespaces there are.
pub(crate) const NAMESPACES: usize = 20;
/// How many policies each has at most.
pub(crate) const POLICIES: usize = 10;
/// How many workloads each has at most.
const WORKLOADS: usize = 4;
const MOST_PODS: usize = 3;
/// The limit that the pods of every second workload have without us.
pub(crate) const ORIGINAL: &str = "60M";
/// Of each namespace here.
const LABEL: &str = "flow-soak";

/// The town.
#[derive(Clone)]
pub(crate) struct Town {
    cluster: Cluster,
}

/// Everything that limits follow from.
pub(crate) struct Present {
    pub(crate) policies: Vec<FlowPolicy>,
    pub(crate) deployments: Vec<Deployment>,
    pub(crate) replica_sets: Vec<ReplicaSet>,
    pub(crate) pods: Vec<Pod>,
}

/// Something that a user does.
#[derive(Clone, Copy, Debug)]
enum Deed {
    ApplyPolicy,
    DeletePolicy,
    Scale,
    DeleteWorkload,
    DeletePods,
}

/// What users do, and how often, of a hundred times.
const DEEDS: [(Deed, u32); 5] = [
    (Deed::ApplyPolicy, 50),
    (Deed::DeletePolicy, 5),
    (Deed::Scale, 25),
    (Deed::DeleteWorkload, 3),
    (Deed::DeletePods, 17),
];

impl Town {
    /// Builds it, with every workload and policy.
    pub(crate) async fn build(cluster: &Cluster, dice: &mut StdRng) -> Result<Self> {
        let town = Self { cluster: cluster.clone() };
        let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
        for number in 0..NAMESPACES {
            let name = namespace(number);
            let metadata = json!({"name": name, "labels": {LABEL: ""}});
            let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
            namespaces.patch(&name, &ours(), &Patch::Apply(object)).await?;
            for workload in 0..WORKLOADS {
                town.scale(&name, workload, dice.random_range(1..=MOST_PODS)).await?;
            }
            for policy in 0..POLICIES {
                town.apply(&name, policy, dice).await?;
            }
        }
        Ok(town)
    }

    /// Does something by chance, as users do.
    pub(crate) async fn churn(&self, dice: &mut StdRng) -> Result<()> {
        let namespace = namespace(dice.random_range(0..NAMESPACES));
        let (policy, workload) = (dice.random_range(0..POLICIES), dice.random_range(0..WORKLOADS));
        match deed(dice.random_range(0..100)) {
            Deed::ApplyPolicy => self.apply(&namespace, policy, dice).await,
            Deed::DeletePolicy => {
                let policies = self.cluster.policies(&namespace);
                gone(policies.delete(&policy_name(policy), &DeleteParams::default()).await)
            }
            Deed::Scale => self.scale(&namespace, workload, dice.random_range(0..=MOST_PODS)).await,
            Deed::DeleteWorkload => gone(
                self.deployments(&namespace)
                    .delete(&workload_name(workload), &DeleteParams::background())
                    .await,
            ),
            Deed::DeletePods => {
                let of_it = ListParams::default().labels(&format!("app={}", workload_name(workload)));
                self.cluster.pods(&namespace).delete_collection(&DeleteParams::default(), &of_it).await?;
                Ok(())
            }
        }
    }

    async fn apply(&self, namespace: &str, policy: usize, dice: &mut StdRng) -> Result<()> {
        let object = self::policy(policy, dice);
        let (policies, name) = (self.cluster.policies(namespace), policy_name(policy));
        policies.patch(&name, &ours(), &Patch::Apply(object)).await?;
        // Somebody pins it, or ends that.
        let pin = dice.random_bool(0.2).then(|| format!("{}M", dice.random_range(5..=120)));
        let patch = Patch::Merge(json!({"metadata": {"annotations": {LIMIT: pin}}}));
        policies.patch(&name, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    async fn scale(&self, namespace: &str, number: usize, pods: usize) -> Result<()> {
        let name = workload_name(number);
        let object = workload("Deployment", &name, pods, Work::Idle);
        let object = with(object, "/spec/template/spec/schedulerName", json!("nobody"));
        let limits = if number.is_multiple_of(2) { json!({}) } else { json!({EGRESS_BANDWIDTH: ORIGINAL}) };
        let object = with(object, "/spec/template/metadata/annotations", limits);
        self.deployments(namespace).patch(&name, &ours(), &Patch::Apply(object)).await?;
        Ok(())
    }

    /// Everything that is there.
    pub(crate) async fn present(&self) -> Result<Present> {
        let (all, client) = (ListParams::default(), self.cluster.client.clone());
        let deployments: Api<Deployment> = Api::all(client.clone());
        let replica_sets: Api<ReplicaSet> = Api::all(client.clone());
        let (policies, pods): (Api<FlowPolicy>, Api<Pod>) = (Api::all(client.clone()), Api::all(client));
        let of_town = |namespace: Option<String>| namespace.is_some_and(|name| name.starts_with(LABEL));
        let mut pods = pods.list(&all).await?.items;
        pods.retain(|pod| of_town(pod.metadata.namespace.clone()));
        Ok(Present {
            policies: policies.list(&all).await?.items,
            deployments: deployments.list(&all).await?.items,
            replica_sets: replica_sets.list(&all).await?.items,
            pods,
        })
    }

    /// Deletes every policy, without waiting for their end.
    pub(crate) async fn delete_policies(&self) -> Result<()> {
        for number in 0..NAMESPACES {
            let policies = self.cluster.policies(&namespace(number));
            policies.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
        }
        Ok(())
    }

    fn deployments(&self, namespace: &str) -> Api<Deployment> {
        Api::namespaced(self.cluster.client.clone(), namespace)
    }
}

fn deed(number: u32) -> Deed {
    let mut left = number;
    let found = DEEDS.into_iter().find(|(_, share)| {
        let is_it = left < *share;
        left = left.saturating_sub(*share);
        is_it
    });
    found.map_or(Deed::Scale, |(deed, _)| deed)
}

/// What is not there need not be deleted.
fn gone<T>(deleted: Result<T, kube::Error>) -> Result<()> {
    match deleted {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => Ok(other.map(drop)?),
    }
}

/// A policy that in the end is at its minimum, or at its maximum.
fn policy(number: usize, dice: &mut StdRng) -> Value {
    let query = if dice.random() { "vector(2)" } else { "vector(0.1)" };
    let (min, max) = (dice.random_range(1..=20), dice.random_range(20..=90));
    let limit = json!({"min": format!("{min}M"), "max": format!("{max}M")});
    let first = dice.random_range(0..WORKLOADS);
    let count = dice.random_range(1..=2);
    let target = |step| json!({"kind": "Deployment", "name": workload_name((first + step) % WORKLOADS), "limit": limit});
    let targets: Vec<_> = (0..count).map(target).collect();
    let policy = with(by_query(&policy_name(number), query, "1"), "/spec/targets", json!(targets));
    with(policy, "/spec/control/effectCheck", json!({"action": "Ignore"}))
}

fn namespace(number: usize) -> String {
    format!("{LABEL}-{number}")
}

fn policy_name(number: usize) -> String {
    format!("policy-{number}")
}

fn workload_name(number: usize) -> String {
    format!("workload-{number}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn deeds_have_their_shares() {
        let count = |wanted: &str| (0..100).filter(|number| format!("{:?}", deed(*number)) == wanted).count();
        assert_eq!((count("ApplyPolicy"), count("DeletePolicy"), count("DeletePods")), (50, 5, 17));
    }

    #[test]
    fn the_same_seed_makes_the_same_policies() {
        let make = |seed| policy(0, &mut StdRng::seed_from_u64(seed));
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
    }
}
