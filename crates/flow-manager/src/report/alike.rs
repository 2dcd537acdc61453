//! Whether there is nothing to say of a policy that was not said before: of most, most of the time.

use super::{ObjectiveView, Snapshot, Standing, TargetView};
use flow_policy::Overrides;
use std::sync::Arc;

/// Whether a policy's status is the same for both standings, whatever it was before, and however much later the second
/// one is. Where that would take long to tell, they do not count as alike.
pub(super) fn are_alike(one: &Standing, other: &Standing) -> bool {
    match (one, other) {
        (Standing::Running(one), Standing::Running(other)) => {
            // What a person has asked for may end by itself.
            *one.overrides == Overrides::default() && are_snapshots_alike(one, other)
        }
        _ => false,
    }
}

fn are_snapshots_alike(one: &Snapshot, other: &Snapshot) -> bool {
    let Snapshot {
        generation,
        namespace,
        policy,
        overrides,
        measured_since,
        objectives,
        targets,
        backend,
        last_change,
        taken_up: _,
        failed: _,
        decisions: _,
        released,
        ineffective,
        strategy_allowed,
        traffic_refused,
    } = one;
    Arc::ptr_eq(policy, &other.policy)
        && (generation, backend, released, strategy_allowed)
            == (&other.generation, &other.backend, &other.released, &other.strategy_allowed)
        && (namespace, overrides, measured_since)
            == (&other.namespace, &other.overrides, &other.measured_since)
        && (last_change, ineffective, traffic_refused)
            == (&other.last_change, &other.ineffective, &other.traffic_refused)
        && are_each(objectives, &other.objectives, are_objectives_alike)
        && are_each(targets, &other.targets, are_targets_alike)
}

fn are_each<T>(some: &[T], others: &[T], are_alike: impl Fn(&T, &T) -> bool) -> bool {
    some.len() == others.len() && some.iter().zip(others).all(|(one, other)| are_alike(one, other))
}

/// A value alone is nothing to say. What is not known may be said otherwise after a while.
fn are_objectives_alike(one: &ObjectiveView, other: &ObjectiveView) -> bool {
    let are_known = one.reading.is_ok() && other.reading.is_ok();
    are_known && (one.judgement, &one.detail) == (other.judgement, &other.detail)
}

fn are_targets_alike(one: &TargetView, other: &TargetView) -> bool {
    let TargetView {
        consents,
        found,
        limit,
        safe,
        too_much: _,
        goal: _,
        pods,
        enforced,
        unverified,
        awaiting,
        problem,
        faulty,
        message,
        sent: _,
    } = one;
    (consents, found, limit, safe) == (&other.consents, &other.found, &other.limit, &other.safe)
        && (pods, enforced, unverified) == (&other.pods, &other.enforced, &other.unverified)
        && (awaiting, problem) == (&other.awaiting, &other.problem)
        && (faulty, message) == (&other.faulty, &other.message)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{at, cut, running, view, well};
    use super::super::status;
    use super::*;
    use flow_control::{Bandwidth, Unknown};
    use flow_policy::FlowPolicyStatus;
    use flow_policy::names::PAUSED_UNTIL;
    use proptest::prelude::*;

    fn alike(change: impl FnOnce(&mut Snapshot)) -> bool {
        let (before, mut after) = (well(), well());
        after.policy = Arc::clone(&before.policy);
        change(&mut after);
        are_alike(&Standing::Running(before), &Standing::Running(after))
    }

    #[test]
    fn a_value_that_is_another_and_a_rate_are_nothing_to_say() {
        assert!(alike(|_| {}));
        assert!(alike(|snapshot| snapshot.objectives[0] = view(0, Ok(83e-6))));
        assert!(alike(|snapshot| snapshot.targets[0].sent = Some(Bandwidth::from_mbps(3))));
    }

    #[test]
    fn another_state_another_limit_and_another_spec_are_something_to_say() {
        assert!(!alike(|snapshot| snapshot.objectives[0] = view(0, Ok(1.0))));
        assert!(!alike(|snapshot| snapshot.objectives[0] = view(0, Err(Unknown::NoData))));
        assert!(!alike(|snapshot| snapshot.targets[0].limit = Bandwidth::from_mbps(3)));
        assert!(!alike(|snapshot| snapshot.targets[0].enforced += 1));
        assert!(!alike(|snapshot| snapshot.targets[0].problem = Some("no shaper".to_owned())));
        assert!(!alike(|snapshot| snapshot.released = true));
        assert!(!alike(|snapshot| snapshot.policy = Arc::new((*snapshot.policy).clone())));
        assert!(!alike(|snapshot| *snapshot = cut(412e-6, 80, 99)));
    }

    #[test]
    fn what_changes_with_time_alone_is_looked_at_each_time() {
        let silent = running(|snapshot| snapshot.objectives[0] = view(0, Err(Unknown::NoData)));
        assert!(!are_alike(&silent, &silent));
        let until = [(PAUSED_UNTIL.to_owned(), "2970-01-01T00:00:00Z".to_owned())].into();
        let paused = running(|snapshot| snapshot.overrides = Arc::new(Overrides::of(&until)));
        assert!(!are_alike(&paused, &paused));
    }

    /// A standing of one policy, changed in a few ways.
    fn standing(policy: &Arc<flow_policy::Policy>) -> impl Strategy<Value = Standing> + use<> {
        let policy = Arc::clone(policy);
        let value = prop_oneof![Just(Ok(82e-6)), Just(Ok(83e-6)), Just(Ok(1.0)), Just(Err(Unknown::NoData))];
        let target = (0usize..3, 1u64..3, prop::option::of(1u64..3), prop::option::of(1u64..3));
        (value, target, any::<bool>()).prop_map(move |(value, (enforced, limit, safe, sent), cuts)| {
            let mut snapshot = if cuts { cut(412e-6, 80, 99) } else { well() };
            snapshot.policy = Arc::clone(&policy);
            snapshot.objectives[0] = view(0, value);
            let target = &mut snapshot.targets[0];
            (target.enforced, target.limit) = (enforced, Bandwidth::from_mbps(limit));
            target.safe = safe.map(Bandwidth::from_mbps);
            target.sent = sent.map(Bandwidth::from_mbps);
            Standing::Running(snapshot)
        })
    }

    proptest! {
        #[test]
        fn standings_that_are_alike_leave_a_status_as_it_is(
            (old, one, other) in Just(well().policy).prop_flat_map(|policy| {
                (standing(&policy), standing(&policy), standing(&policy))
            }),
            later in 0i64..1000,
        ) {
            let old = status(&FlowPolicyStatus::default(), &old, at(1));
            let settled = status(&old, &one, at(100));
            if are_alike(&one, &other) && status(&settled, &one, at(100)) == settled {
                prop_assert_eq!(&status(&settled, &other, at(100 + later)), &settled);
            }
        }
    }
}
