use super::view::{PodView, Pods, PolicyView, TargetView};
use crate::connection::{Ask, Connection, Failure, Within};
use flow_manager::cluster::{Caches, Inventory, find};
use flow_policy::spec::TargetKind;
use flow_policy::{FlowPolicy, Policy, Target};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::PartialObjectMeta;
use kube::{Api, ResourceExt};
use std::collections::{BTreeMap, BTreeSet};

/// Policies, each with the pods of its targets.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The policies, by namespace and name.
    pub policies: Vec<PolicyView>,
}

/// The policies of the cluster; where they may not be seen, those of the namespace, and why not the others.
pub async fn readable(connection: &Connection) -> Result<(Vec<FlowPolicy>, Option<Failure>), Failure> {
    match connection.list(&Within::Everywhere).await {
        Ok(policies) => Ok((policies, None)),
        Err(failure @ Failure::Forbidden { .. }) => {
            let here = connection.list(&Within::Namespace(connection.namespace().await?)).await?;
            Ok((here, Some(failure)))
        }
        Err(failure) => Err(failure),
    }
}

/// Which kinds of workloads are looked for in a namespace.
type Wanted = BTreeMap<String, BTreeSet<TargetKind>>;

/// Looks up the pods of the targets of `policies`. What the account may not see is told where it is missing.
pub async fn see(connection: &Connection, policies: Vec<FlowPolicy>) -> Result<Seen, Failure> {
    let checked: Vec<_> =
        policies.into_iter().map(|stored| (Policy::try_from(&stored.spec).ok(), stored)).collect();
    let (inventory, unseen) = look(connection, wanted(&checked)).await?;
    let pods: BTreeMap<_, _> =
        inventory.pods.iter().filter_map(|pod| Some((pod.uid()?, pod.clone()))).collect();
    let around = Surroundings { caches: inventory.into(), pods, unseen };
    let mut policies: Vec<_> =
        checked.into_iter().map(|(policy, stored)| around.policy(policy, stored)).collect();
    policies.sort_by_key(PolicyView::id);
    Ok(Seen { policies })
}

fn wanted(policies: &[(Option<Policy>, FlowPolicy)]) -> Wanted {
    let mut wanted = Wanted::new();
    for (policy, stored) in policies {
        for target in policy.iter().flat_map(|policy| &policy.targets) {
            wanted.entry(namespace_of(target, stored)).or_default().insert(target.id.kind);
        }
    }
    wanted
}

/// The namespaces in which a policy has targets; none where its spec cannot be used.
#[must_use]
pub fn reached(stored: &FlowPolicy) -> BTreeSet<String> {
    let policy = Policy::try_from(&stored.spec).ok();
    policy.iter().flat_map(|policy| &policy.targets).map(|target| namespace_of(target, stored)).collect()
}

fn namespace_of(target: &Target, stored: &FlowPolicy) -> String {
    target.id.namespace.clone().or_else(|| stored.namespace()).unwrap_or_default()
}

/// What is in the namespaces that are wanted, and those that may not be seen, with the reason.
async fn look(
    connection: &Connection,
    wanted: Wanted,
) -> Result<(Inventory, BTreeMap<String, String>), Failure> {
    let looks = wanted.into_iter().map(|(namespace, kinds)| async move {
        match look_into(connection, &namespace, &kinds).await {
            Err(failure @ Failure::Forbidden { .. }) => Ok((namespace, Err(failure.to_string()))),
            found => found.map(|found| (namespace, Ok(found))),
        }
    });
    let (mut all, mut unseen) = (Inventory::default(), BTreeMap::new());
    for (namespace, found) in try_join_all(looks).await? {
        match found {
            Ok(found) => extend(&mut all, found),
            Err(why) => drop(unseen.insert(namespace, why)),
        }
    }
    Ok((all, unseen))
}

async fn look_into(
    connection: &Connection,
    namespace: &str,
    kinds: &BTreeSet<TargetKind>,
) -> Result<Inventory, Failure> {
    let within = Within::Namespace(namespace.to_owned());
    let mut found = Inventory {
        pods: connection.list(&within).await?,
        namespaces: consent(connection, namespace).await?,
        ..Inventory::default()
    };
    for kind in kinds {
        match kind {
            TargetKind::Deployment => {
                found.deployments = connection.list_metadata(&within).await?;
                found.replica_sets = connection.list_metadata(&within).await?;
            }
            TargetKind::StatefulSet => found.stateful_sets = connection.list_metadata(&within).await?,
            TargetKind::DaemonSet => found.daemon_sets = connection.list_metadata(&within).await?,
            TargetKind::Pods => {}
        }
    }
    Ok(found)
}

/// The Namespace, whose annotation consents to policies of others. Whoever may not read it sees no consent.
async fn consent(
    connection: &Connection,
    namespace: &str,
) -> Result<Vec<PartialObjectMeta<Namespace>>, Failure> {
    let namespaces: Api<Namespace> = Api::all(connection.client().await?.clone());
    let ask = Ask::get_of_cluster::<Namespace>(namespace);
    match connection.answer(ask, namespaces.get_metadata(namespace)).await {
        Ok(found) => Ok(vec![found]),
        Err(Failure::Forbidden { .. } | Failure::NotFound { .. }) => Ok(vec![]),
        Err(failure) => Err(failure),
    }
}

fn extend(all: &mut Inventory, found: Inventory) {
    all.pods.extend(found.pods);
    all.deployments.extend(found.deployments);
    all.replica_sets.extend(found.replica_sets);
    all.stateful_sets.extend(found.stateful_sets);
    all.daemon_sets.extend(found.daemon_sets);
    all.namespaces.extend(found.namespaces);
}

/// What targets are looked up in.
struct Surroundings {
    caches: Caches,
    pods: BTreeMap<String, Pod>,
    unseen: BTreeMap<String, String>,
}

impl Surroundings {
    fn policy(&self, policy: Option<Policy>, stored: FlowPolicy) -> PolicyView {
        let targets = policy.iter().flat_map(|policy| &policy.targets);
        let targets = targets.map(|target| self.target(target, &stored)).collect();
        PolicyView { stored, policy, targets, is_behind: false }
    }

    fn target(&self, target: &Target, stored: &FlowPolicy) -> TargetView {
        let named = target.id.namespace.clone().unwrap_or_default();
        let told = stored.status.iter().flat_map(|status| &status.targets);
        let is_it = |status: &&flow_policy::status::TargetStatus| {
            (status.kind, &status.namespace, &status.name) == (target.id.kind, &named, &target.id.name)
        };
        TargetView {
            target: target.clone(),
            status: told.into_iter().find(is_it).cloned(),
            pods: self.pods_of(target, stored),
        }
    }

    fn pods_of(&self, target: &Target, stored: &FlowPolicy) -> Pods {
        let namespace = namespace_of(target, stored);
        if let Some(why) = self.unseen.get(&namespace) {
            return Pods::Unseen(why.clone());
        }
        let found = find(&self.caches, &stored.namespace().unwrap_or_default(), target);
        match (found.consents, found.exists) {
            (false, _) => Pods::Unseen(format!("no consent of the namespace {namespace} is seen")),
            (true, false) => Pods::Unseen(format!("there is no {} in {namespace}", target.id)),
            (true, true) => {
                let pods = found.pods.iter().filter_map(|pod| self.pods.get(&pod.id.uid.to_string()));
                Pods::Seen(pods.map(PodView::of).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests;
