use flow_control::{Effect, Moment, NoDataAction, Observation, Params, Range, State, Unknown, step};
use flow_policy::Policy;
use flow_policy::spec::FlowPolicySpec;
use std::time::Duration;

/// The JSON of a spec, as it may be stored from before its schema.
///
/// It is refused with the field that is wrong, or every number of it is in its range; and a policy that knows nothing
/// never raises a limit.
pub fn policy_spec(data: &[u8]) {
    let Ok(spec) = serde_json::from_slice::<FlowPolicySpec>(data) else { return };
    match Policy::try_from(&spec) {
        Err(invalid) => {
            assert!(invalid.field.starts_with("spec.") && !invalid.problem.is_empty(), "{invalid}");
        }
        Ok(policy) => {
            let written = serde_json::to_value(&spec).expect("a spec is JSON");
            let again: FlowPolicySpec = serde_json::from_value(written).expect("what is written is read");
            assert_eq!(Policy::try_from(&again), Ok(policy.clone()));
            in_range(&policy);
            knows_nothing(&policy);
        }
    }
}

fn in_range(policy: &Policy) {
    assert!((Duration::from_millis(100)..=Duration::from_hours(1)).contains(&policy.interval));
    for target in &policy.targets {
        let Range { min, max } = target.range;
        assert!(min.bps() >= 8_000 && (min..=max).contains(&target.initial), "{target:?}");
    }
}

fn knows_nothing(policy: &Policy) {
    let unknown = |objective: &flow_policy::Objective| {
        Observation::new(objective.role, objective.priority, objective.bound, Err(Unknown::NoData), None)
    };
    let observations: Vec<_> = policy.objectives.iter().map(unknown).collect();
    let params = params(policy);
    let mut state = State::resume(policy.targets.iter().map(|target| target.initial).collect());
    for tick in 1..=20 {
        let before = state.limits.clone();
        let now = Moment::after_epoch(policy.interval.saturating_mul(tick));
        let (next, decision) = step(&params, state, &observations, now);
        let rises = next.limits.iter().zip(&before).any(|(next, before)| next > before);
        let lets_go = policy.no_data.action == NoDataAction::Release;
        assert!(!rises || lets_go, "{decision:?} raises a limit");
        assert!(!next.released || lets_go, "{decision:?}");
        state = next;
    }
}

fn params(policy: &Policy) -> Params {
    Params {
        law: policy.law,
        no_data: policy.no_data,
        ranges: policy.targets.iter().map(|target| target.range).collect(),
        effect_check: policy.effect_check,
        manual: None,
        effect: Effect::Possible,
        traffic: Vec::new(),
    }
}
