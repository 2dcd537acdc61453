use super::super::{ObjectiveView, Snapshot, TargetView, sentences};
use flow_control::Unknown;
use flow_policy::condition::{Finding, Refusal};
use flow_policy::spec::TargetKind;
use flow_policy::{Objective, Target};

/// That a policy cannot be used as it is, and why.
pub(super) struct Refused {
    pub(super) why: Refusal,
    pub(super) message: String,
}

impl Refused {
    pub(super) fn as_accepted(&self) -> Finding {
        Finding::new(self.why.accepted, &self.message)
    }

    pub(super) fn as_ready(&self) -> Finding {
        Finding::new(self.why.ready, &self.message)
    }

    pub(super) fn as_stalled(&self) -> Finding {
        Finding::new(self.why.stalled, &self.message)
    }
}

/// What somebody has to change: the reason is that of the first problem, the message names them all.
pub(super) fn refused(snapshot: &Snapshot) -> Option<Refused> {
    let problems: Vec<_> =
        strategy(snapshot).into_iter().chain(sources(snapshot)).chain(unusable(snapshot)).collect();
    let (why, _) = *problems.first()?;
    let messages: Vec<_> = problems.into_iter().map(|(_, message)| message).collect();
    Some(Refused { why, message: messages.join("; ") })
}

fn strategy(snapshot: &Snapshot) -> Option<(Refusal, String)> {
    let refused = (Refusal::STRATEGY_NOT_ALLOWED, sentences::STRATEGY_NOT_ALLOWED.to_owned());
    (!snapshot.strategy_allowed).then_some(refused)
}

/// The objectives that ask what the operator was not given or may not ask, and the queries for traffic that do.
fn sources(snapshot: &Snapshot) -> impl Iterator<Item = (Refusal, String)> {
    let of_objective = |(objective, view): (&Objective, &ObjectiveView)| {
        let (unknown, detail) = (view.reading.err()?, view.detail.as_ref()?);
        let named = if unknown == Unknown::NoSource {
            detail.clone()
        } else {
            format!("{}: {detail}", objective.name)
        };
        Some((refusal(unknown)?, named))
    };
    let of_traffic = |(unknown, said): &(Unknown, String)| Some((refusal(*unknown)?, said.clone()));
    let traffic = snapshot.traffic_refused.iter().filter_map(of_traffic);
    snapshot.policy.objectives.iter().zip(&snapshot.objectives).filter_map(of_objective).chain(traffic)
}

/// What somebody has to change where a query is not asked.
const fn refusal(unknown: Unknown) -> Option<Refusal> {
    match unknown {
        Unknown::NoSource => Some(Refusal::SOURCE_NOT_FOUND),
        Unknown::NotAllowed => Some(Refusal::SOURCE_NOT_ALLOWED),
        _ => None,
    }
}

fn unusable(snapshot: &Snapshot) -> impl Iterator<Item = (Refusal, String)> {
    let targets = snapshot.policy.targets.iter().zip(&snapshot.targets);
    targets.filter_map(|(target, view)| match view {
        TargetView { consents: false, .. } => {
            Some((Refusal::NOT_CONSENTED, sentences::not_consented(&target.id, &snapshot.namespace)))
        }
        TargetView { found: false, .. } => Some((Refusal::TARGET_NOT_FOUND, not_found(target))),
        _ => None,
    })
}

fn not_found(target: &Target) -> String {
    match (target.id.kind, &target.id.namespace) {
        (TargetKind::Pods, _) => format!("the selector of {} cannot be used", target.id),
        (_, None) => format!("{} does not exist in this namespace", target.id),
        (_, Some(_)) => format!("{} does not exist", target.id),
    }
}
