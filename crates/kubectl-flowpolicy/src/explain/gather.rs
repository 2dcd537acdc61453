use super::history::{Happened, history};
use super::lower::{Lower, lower};
use super::subject::{Subject, SubjectKind};
use crate::connection::{Connection, Failure, Within};
use crate::error::Error;
use crate::page::{Recent, is_outdated};
use crate::policies::{Hold, PodView, PolicyView, TargetView, reached, readable, see};
use crate::workload;
use flow_control::{Bandwidth, Claim, arbitrate};
use flow_manager::cluster::PolicyId;
use flow_page::Page;
use flow_policy::spec::TargetKind;
use flow_policy::{FlowPolicy, TargetId};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::ResourceExt;
use kube::core::{Selector, SelectorExt};
use std::collections::BTreeSet;

/// What is said where only the policies of one namespace are seen.
const UNSEEN: &str = "policies of other namespaces may not be seen";

/// All that is needed to explain a limit.
#[derive(Clone, Debug)]
pub(super) struct Explained {
    pub(super) subject: Subject,
    pub(super) namespace: String,
    /// The pods that are meant; none where the subject is a policy.
    pub(super) pods: Vec<PodView>,
    /// The policies that touch them, or the one that is meant.
    pub(super) policies: Vec<Touching>,
    /// What could not be seen.
    pub(super) unseen: Option<String>,
    /// What the operator's page tells.
    pub(super) page: Option<Page>,
    /// Whether that did not come in time.
    pub(super) is_page_late: bool,
    /// Whether nobody works for the policies, as far as that is seen.
    pub(super) is_leaderless: bool,
}

/// A policy that touches the subject.
#[derive(Clone, Debug)]
pub(super) struct Touching {
    pub(super) policy: PolicyView,
    /// The positions of those of its targets that are meant.
    pub(super) targets: Vec<usize>,
    /// What has happened to it, the newest last; or why that is not seen.
    pub(super) history: Result<Vec<Happened>, String>,
    /// Which other policies decide for pods of its targets, where the policy is the subject.
    pub(super) lower: Vec<Lower>,
}

impl Touching {
    pub(super) fn targets(&self) -> impl Iterator<Item = &TargetView> {
        self.targets.iter().filter_map(|position| self.policy.targets.get(*position))
    }

    /// The other policy that decides for pods of a target, if one is known to.
    pub(super) fn lower(&self, target: &TargetView) -> Option<&Lower> {
        self.lower.iter().find(|lower| lower.target == target.target.id)
    }

    /// The limit that the policy asks for each pod of a target; none in mode Observe.
    pub(super) fn claim(&self, target: &TargetView) -> Option<Bandwidth> {
        target.claim().filter(|_| self.policy.enforces())
    }
}

impl Explained {
    /// What there is to say of a subject by these policies, where nothing else is known.
    pub(super) const fn new(subject: Subject, namespace: String, policies: Vec<Touching>) -> Self {
        Self {
            subject,
            namespace,
            pods: Vec::new(),
            policies,
            unseen: None,
            page: None,
            is_page_late: false,
            is_leaderless: false,
        }
    }

    /// The same with what the page tells before the statuses do.
    pub(super) fn newest(mut self) -> Self {
        for touching in &mut self.policies {
            touching.policy = touching.policy.newest(Recent::of(self.page.as_ref(), &touching.policy));
        }
        self
    }

    /// Whether the page is older than the status of a policy.
    pub(super) fn is_page_outdated(&self) -> bool {
        self.policies.iter().any(|touching| {
            let recent = Recent::of(self.page.as_ref(), &touching.policy);
            recent.is_some_and(|recent| is_outdated(&touching.policy, recent))
        })
    }

    /// The policy and its target whose limit is the lowest.
    pub(super) fn decides(&self) -> Option<(PolicyId, TargetId)> {
        let claims = self.policies.iter().flat_map(|touching| {
            touching.targets().filter_map(|target| {
                let policy = (touching.policy.id(), target.target.id.clone());
                Some(Claim { policy, limit: touching.claim(target)? })
            })
        });
        arbitrate(claims).map(|claim| claim.policy)
    }

    /// Whether something else than a policy says what the pods may send.
    pub(super) fn is_held_otherwise(&self) -> bool {
        !self.pods.is_empty() && self.pods.iter().all(is_held_otherwise)
    }
}

fn is_held_otherwise(pod: &PodView) -> bool {
    match &pod.hold {
        Hold::HostNetwork | Hold::ByHand(_) => true,
        Hold::Nothing => false,
        Hold::Written { limit, before } => limit.is_some() && limit == before,
    }
}

/// Looks up what there is to say of `subject`.
pub(super) async fn gather(connection: &Connection, subject: Subject) -> Result<Explained, Error> {
    let namespace = connection.namespace().await?;
    if subject.kind == SubjectKind::FlowPolicy {
        return of_policy(connection, namespace, subject).await;
    }
    let pods = pods(connection, &namespace, &subject).await?;
    let (policies, unseen) = readable(connection).await?;
    let unseen = unseen.map(|_| UNSEEN.to_owned());
    let here = BTreeSet::from([namespace.clone()]);
    let policies = policies.into_iter().filter(|policy| !reached(policy).is_disjoint(&here)).collect();
    let mut touching = Vec::new();
    for policy in see(connection, policies).await?.policies {
        let targets = meant(&policy, &namespace, &subject, &pods);
        if !targets.is_empty() {
            touching.push(with_history(connection, policy, targets).await?);
        }
    }
    Ok(Explained { pods, unseen, ..Explained::new(subject, namespace, touching) })
}

async fn of_policy(connection: &Connection, namespace: String, subject: Subject) -> Result<Explained, Error> {
    let stored = connection.get::<FlowPolicy>(&namespace, &subject.name).await?;
    let (id, reaches) = (PolicyId::of(&stored), reached(&stored));
    // Others are looked at for what they ask of the same pods.
    let (all, unseen) = match readable(connection).await {
        Ok((all, unseen)) => (all, unseen.map(|_| UNSEEN.to_owned())),
        Err(failure) => (vec![stored], Some(failure.to_string())),
    };
    let near = |other: &FlowPolicy| PolicyId::of(other) == id || !reached(other).is_disjoint(&reaches);
    let all = see(connection, all.into_iter().filter(near).collect()).await?.policies;
    let mut policies = Vec::new();
    for policy in all.iter().filter(|policy| policy.id() == id) {
        policies.push(of_one(connection, policy, &all).await?);
    }
    Ok(Explained { unseen, ..Explained::new(subject, namespace, policies) })
}

/// What there is to say of a policy that is among `all` that were seen.
pub(super) async fn of_one(
    connection: &Connection,
    policy: &PolicyView,
    all: &[PolicyView],
) -> Result<Touching, Failure> {
    let targets = (0..policy.targets.len()).collect();
    let touching = with_history(connection, policy.clone(), targets).await?;
    Ok(Touching { lower: lower(policy, all), ..touching })
}

async fn pods(connection: &Connection, namespace: &str, subject: &Subject) -> Result<Vec<PodView>, Failure> {
    let (name, within) = (&subject.name, Within::Namespace(namespace.to_owned()));
    let workload = match subject.kind {
        SubjectKind::Pod | SubjectKind::FlowPolicy => {
            return Ok(vec![PodView::of(&connection.get::<Pod>(namespace, name).await?)]);
        }
        SubjectKind::Deployment => connection.get_stored::<Deployment>(&within, name).await?,
        SubjectKind::StatefulSet => connection.get_stored::<StatefulSet>(&within, name).await?,
        SubjectKind::DaemonSet => connection.get_stored::<DaemonSet>(&within, name).await?,
    };
    match workload::selector(&workload).map(Selector::try_from) {
        Some(Ok(selector)) => of_selector(connection, &within, &selector).await,
        _ => Ok(Vec::new()),
    }
}

/// The pods that run or are about to, and that a workload selects.
async fn of_selector(
    connection: &Connection,
    within: &Within,
    selector: &Selector,
) -> Result<Vec<PodView>, Failure> {
    let all = connection.list::<Pod>(within).await?;
    let ended = |pod: &&Pod| {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        matches!(phase, Some("Succeeded" | "Failed"))
    };
    let selected = all.iter().filter(|pod| selector.matches(pod.labels()) && !ended(pod));
    Ok(selected.map(PodView::of).collect())
}

/// The targets of `policy` that are the subject, or that have a pod of it.
fn meant(policy: &PolicyView, namespace: &str, subject: &Subject, pods: &[PodView]) -> Vec<usize> {
    let is_meant = |target: &TargetView| {
        let id = &target.target.id;
        let target_namespace = id.namespace.clone().or_else(|| policy.stored.namespace());
        let is_it = target_namespace.as_deref() == Some(namespace)
            && id.name == subject.name
            && Some(id.kind) == workload_kind(subject.kind);
        let same = |pod: &PodView| pods.iter().any(|other| other.is(pod));
        is_it || target.pods.seen().iter().any(same)
    };
    policy
        .targets
        .iter()
        .enumerate()
        .filter(|(_, target)| is_meant(target))
        .map(|(position, _)| position)
        .collect()
}

const fn workload_kind(kind: SubjectKind) -> Option<TargetKind> {
    match kind {
        SubjectKind::Deployment => Some(TargetKind::Deployment),
        SubjectKind::StatefulSet => Some(TargetKind::StatefulSet),
        SubjectKind::DaemonSet => Some(TargetKind::DaemonSet),
        SubjectKind::Pod | SubjectKind::FlowPolicy => None,
    }
}

async fn with_history(
    connection: &Connection,
    policy: PolicyView,
    targets: Vec<usize>,
) -> Result<Touching, Failure> {
    let within = Within::Namespace(policy.stored.namespace().unwrap_or_default());
    let of_it = format!("involvedObject.kind=FlowPolicy,involvedObject.name={}", policy.stored.name_any());
    let history = match connection.list_selected::<Event>(&within, &of_it).await {
        Ok(events) => Ok(history(&policy, &events)),
        Err(failure @ Failure::Forbidden { .. }) => Err(failure.to_string()),
        Err(failure) => return Err(failure),
    };
    Ok(Touching { policy, targets, history, lower: Vec::new() })
}

#[cfg(test)]
mod tests;
