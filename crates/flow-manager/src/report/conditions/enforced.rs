use super::super::{Awaiting, Snapshot, TargetView, sentences};
use super::was_true;
use flow_policy::condition::{
    ENFORCED_IN_FORCE, ENFORCED_NO_PODS, ENFORCED_NOT_IN_FORCE, ENFORCED_NOT_NEEDED, ENFORCED_NOT_VERIFIED,
    ENFORCED_OBSERVING, ENFORCED_ON_THE_WAY, ENFORCED_RELEASED, ENFORCED_STRATEGY_NOT_ALLOWED, Finding,
};
use flow_policy::spec::Mode;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// Whether limits are in force. False where it is known that they are not, even where none is meant to be
/// (mode Observe, or released): whoever waits for `Enforced` must not go on then.
pub(super) fn enforced(old: &[Condition], snapshot: &Snapshot) -> Finding {
    if snapshot.policy.mode == Mode::Observe {
        Finding::new(ENFORCED_OBSERVING, "mode Observe: limits are decided, but none is written")
    } else if snapshot.released {
        Finding::new(ENFORCED_RELEASED, "limits are taken away until there is data again")
    } else if !snapshot.strategy_allowed {
        Finding::new(ENFORCED_STRATEGY_NOT_ALLOWED, sentences::STRATEGY_NOT_ALLOWED)
    } else {
        in_force(was_true(old, "Enforced"), snapshot)
    }
}

fn in_force(before: bool, snapshot: &Snapshot) -> Finding {
    let count = |number: fn(&TargetView) -> usize| snapshot.targets.iter().map(number).sum::<usize>();
    let (pods, missing) = (count(|view| view.pods), count(missing_pods));
    if let Some(problem) = problem(snapshot) {
        return Finding::new(ENFORCED_NOT_IN_FORCE, problem);
    }
    if let Some((awaiting, message)) = awaiting(snapshot).filter(|_| pods > 0) {
        let needless = awaiting == Awaiting::Need;
        return Finding::new(if needless { ENFORCED_NOT_NEEDED } else { ENFORCED_ON_THE_WAY }, message);
    }
    let (entry, message) = match (pods, count(|view| view.unverified), missing) {
        (0, ..) => (ENFORCED_NO_PODS, "the targets have no running pod"),
        (_, 1.., _) => {
            return Finding::new(ENFORCED_NOT_VERIFIED, sentences::unverified(snapshot.backend));
        }
        (.., 1..) if !before => (ENFORCED_ON_THE_WAY, "limits are on their way to the pods"),
        // A limit was in force a moment ago, and a newer one is on its way.
        _ => (ENFORCED_IN_FORCE, "limits are in force on the running pods"),
    };
    Finding::new(entry, message)
}

/// What the limits of a target wait for, before all a rollout.
fn awaiting(snapshot: &Snapshot) -> Option<(Awaiting, String)> {
    let targets = snapshot.policy.targets.iter().zip(&snapshot.targets);
    let waiting = targets.filter_map(|(target, view)| Some((&target.id, view.awaiting?)));
    let (target, awaiting) = waiting.min_by_key(|(_, awaiting)| *awaiting == Awaiting::Need)?;
    Some((awaiting, sentences::awaiting(target, awaiting)))
}

fn missing_pods(view: &TargetView) -> usize {
    view.pods.saturating_sub(view.enforced)
}

fn problem(snapshot: &Snapshot) -> Option<String> {
    let mut targets = snapshot.policy.targets.iter().zip(&snapshot.targets);
    targets.find_map(|(target, view)| Some(format!("{}: {}", target.id, view.problem.as_ref()?)))
}
