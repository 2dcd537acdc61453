use super::super::Snapshot;
use flow_policy::Target;
use flow_policy::condition::{Finding, Refusal};
use flow_policy::spec::TargetKind;

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
    let problems: Vec<_> = missing(snapshot).collect();
    let (why, _) = *problems.first()?;
    let messages: Vec<_> = problems.into_iter().map(|(_, message)| message).collect();
    Some(Refused { why, message: messages.join("; ") })
}

fn missing(snapshot: &Snapshot) -> impl Iterator<Item = (Refusal, String)> {
    let targets = snapshot.policy.targets.iter().zip(&snapshot.targets);
    targets.filter(|(_, view)| !view.found).map(|(target, _)| (Refusal::TARGET_NOT_FOUND, not_found(target)))
}

fn not_found(target: &Target) -> String {
    match target.id.kind {
        TargetKind::Pods => format!("the selector of {} cannot be used", target.id),
        _ => format!("{} does not exist in this namespace", target.id),
    }
}
