//! What holds whatever happens: random walks of 200 decisions.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use flow_control::{
    Action, Aimd, Bandwidth, Bound, Decision, Effect, EffectCheck, Finite, Hindrance, Judgement, Law, Manual,
    Moment, NoData, NoDataAction, Observation, Params, Range, Reading, Reason, Role, State, Unknown, step,
};
use proptest::prelude::*;
use std::time::Duration;

const STEPS: usize = 200;

/// One tick: how long after the one before, what each objective reads and how old that is, and what else there is.
#[derive(Clone, Debug)]
struct Tick {
    seconds: u64,
    seen: Vec<(Reading, u64)>,
    manual: Option<Manual>,
    effect: Effect,
}

/// A decision with all that it was based on.
struct Decided {
    before: State,
    after: State,
    decision: Decision,
    observations: Vec<Observation>,
    params: Params,
    now: Moment,
}

fn mbps(mbps: u64) -> Bandwidth {
    Bandwidth::from_mbps(mbps)
}

fn any_reading() -> impl Strategy<Value = Reading> {
    let value = |range: std::ops::Range<f64>| range.prop_map(|value| Ok(Finite::new(value).unwrap()));
    let unknown = prop_oneof![
        Just(Err(Unknown::NoData)),
        Just(Err(Unknown::NoSeries)),
        Just(Err(Unknown::SourceFailed)),
        Just(Err(Unknown::Stale { age: Duration::from_mins(1) })),
    ];
    prop_oneof![2 => value(0.0..0.5), 1 => value(0.5..1.0), 5 => value(1.0..4.0), 1 => unknown]
}

fn any_tick(objectives: usize) -> impl Strategy<Value = Tick> {
    let manual = prop_oneof![
        30 => Just(None),
        1 => Just(Some(Manual::Hold)),
        1 => (1u64..500).prop_map(|pin| Some(Manual::Pin(mbps(pin)))),
    ];
    let effect = prop_oneof![
        20 => Just(Effect::Possible),
        1 => Just(Effect::Impossible(Hindrance::NoPods)),
        1 => Just(Effect::Impossible(Hindrance::RollingOut)),
    ];
    let seen = prop::collection::vec((any_reading(), 0u64..3), objectives);
    (1u64..4, seen, manual, effect).prop_map(|(seconds, seen, manual, effect)| Tick {
        seconds,
        seen,
        manual,
        effect,
    })
}

/// Stretches of the same tick again and again, as real objectives stay as they are for a while.
fn any_ticks(objectives: usize) -> impl Strategy<Value = Vec<Tick>> {
    prop::collection::vec((any_tick(objectives), 5usize..20), STEPS / 5).prop_map(|stretches| {
        stretches.into_iter().flat_map(|(tick, times)| vec![tick; times]).take(STEPS).collect()
    })
}

fn any_range() -> impl Strategy<Value = Range> {
    (1u64..100, 0u64..500).prop_map(|(min, span)| Range { min: mbps(min), max: mbps(min + span) })
}

fn any_params() -> impl Strategy<Value = Params> {
    let action =
        prop_oneof![Just(NoDataAction::Hold), Just(NoDataAction::Minimum), Just(NoDataAction::Release)];
    let no_data =
        (1u64..20, action).prop_map(|(after, action)| NoData { after: Duration::from_secs(after), action });
    let check = prop::option::of((1u64..20, 10u64..60)).prop_map(|check| {
        check.map(|(after, retry)| EffectCheck {
            after: Duration::from_secs(after),
            retry_after: Duration::from_secs(retry),
        })
    });
    let law = (1u32..=90, 1u32..=10).prop_map(|(decrease_percent, severity_max)| {
        Law::Aimd(Aimd { decrease_percent, severity_max, ..Aimd::default() })
    });
    (law, no_data, prop::collection::vec(any_range(), 1..4), check).prop_map(
        |(law, no_data, ranges, effect_check)| Params {
            law,
            no_data,
            ranges,
            effect_check,
            manual: None,
            effect: Effect::Possible,
            traffic: Vec::new(),
        },
    )
}

/// The roles of the objectives; the first one decides.
fn any_walk() -> impl Strategy<Value = (Params, Vec<Role>, Vec<Tick>)> {
    let role = prop_oneof![Just(Role::Control), Just(Role::Watch)];
    prop::collection::vec(role, 0..3).prop_flat_map(|others| {
        let roles: Vec<_> = [Role::Control].into_iter().chain(others).collect();
        (any_params(), Just(roles.clone()), any_ticks(roles.len()))
    })
}

fn walk((params, roles, ticks): (Params, Vec<Role>, Vec<Tick>)) -> Vec<Decided> {
    let mut state = State::resume(params.ranges.iter().map(|range| range.max).collect());
    let mut second = 100;
    let mut decided = Vec::new();
    for tick in ticks {
        second += tick.seconds;
        let now = Moment::after_epoch(Duration::from_secs(second));
        let observe = |(role, (reading, age)): (&Role, &(Reading, u64))| {
            let measured = Some(Moment::after_epoch(Duration::from_secs(second - age)));
            Observation::new(*role, 1, Bound::AtMost(Finite::new(1.0).unwrap()), *reading, measured)
        };
        let observations: Vec<_> = roles.iter().zip(&tick.seen).map(observe).collect();
        let params = Params { manual: tick.manual, effect: tick.effect, ..params.clone() };
        let (after, decision) = step(&params, state.clone(), &observations, now);
        decided.push(Decided { before: state, after: after.clone(), decision, observations, params, now });
        state = after;
    }
    decided
}

impl Decided {
    fn decisive(&self) -> impl Iterator<Item = &Observation> {
        self.observations.iter().filter(|seen| seen.role == Role::Control)
    }

    fn is_any(&self, wanted: impl Fn(Judgement) -> bool) -> bool {
        self.decisive().any(|seen| wanted(seen.bound.judge(seen.reading)))
    }

    fn changes(&self) -> bool {
        self.before.limits != self.after.limits || self.before.released != self.after.released
    }

    fn moves(&self) -> impl Iterator<Item = (Bandwidth, Bandwidth)> {
        self.before.limits.iter().copied().zip(self.after.limits.iter().copied())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn limits_never_leave_their_range(walked in any_walk()) {
        for step in walk(walked) {
            for (limit, range) in step.after.limits.iter().zip(&step.params.ranges) {
                prop_assert!((range.min..=range.max).contains(limit));
            }
        }
    }

    #[test]
    fn no_limit_rises_on_the_unknown(walked in any_walk()) {
        for step in walk(walked) {
            let unknown = step.is_any(|judgement| matches!(judgement, Judgement::Unknown(_)));
            let asked_for = matches!(step.decision.action, Action::Pin | Action::Release);
            prop_assert!(!unknown || asked_for || step.moves().all(|(before, after)| after <= before));
        }
    }

    #[test]
    fn no_limit_rises_on_a_violation_unless_lower_ones_do_not_help(walked in any_walk()) {
        for step in walk(walked) {
            let violated = step.is_any(|judgement| judgement == Judgement::Violated);
            let rises = step.decision.action == Action::Increase;
            let reason = step.decision.reason;
            prop_assert!(!(violated && rises) || reason == Reason::NoEffect);
            prop_assert!(reason != Reason::NoEffect || step.after.no_effect().is_some());
        }
    }

    #[test]
    fn a_hold_changes_nothing_and_all_else_does(walked in any_walk()) {
        for step in walk(walked) {
            prop_assert_eq!(step.decision.action != Action::Hold, step.changes() && !is_data_back(&step));
        }
    }

    #[test]
    fn each_action_moves_limits_its_own_way(walked in any_walk()) {
        for step in walk(walked) {
            let mut moves = step.moves();
            let as_said = match step.decision.action {
                Action::Decrease => moves.all(|(before, after)| after <= before),
                Action::Increase => moves.all(|(before, after)| after >= before),
                Action::Hold => moves.all(|(before, after)| after == before),
                Action::Release | Action::Pin => true,
            };
            prop_assert!(as_said);
        }
    }

    #[test]
    fn a_pause_changes_nothing(walked in any_walk()) {
        for step in walk(walked).into_iter().filter(|step| step.params.manual == Some(Manual::Hold)) {
            prop_assert!(!step.changes());
            prop_assert_eq!(step.decision.reason, Reason::Paused);
        }
    }

    #[test]
    fn nothing_moves_while_limits_cannot_take_effect(walked in any_walk()) {
        for step in walk(walked).into_iter().filter(|step| step.params.effect != Effect::Possible) {
            prop_assert!(!matches!(step.decision.action, Action::Decrease | Action::Increase));
        }
    }

    #[test]
    fn limits_are_taken_away_only_where_that_is_declared(walked in any_walk()) {
        for step in walk(walked) {
            let declared = step.params.no_data.action == NoDataAction::Release;
            prop_assert!(declared || !(step.after.released || step.decision.action == Action::Release));
        }
    }

    #[test]
    fn limits_are_not_given_back_again_at_once(walked in any_walk()) {
        let mut found: Option<Moment> = None;
        for step in walk(walked) {
            let Some(check) = step.params.effect_check else { continue };
            if step.before.no_effect().is_none() && step.after.no_effect().is_some() {
                prop_assert!(found.is_none_or(|before| step.now.since(before) > check.after));
                found = Some(step.now);
            }
        }
    }

    #[test]
    fn the_same_is_always_decided_the_same(walked in any_walk()) {
        for (one, other) in walk(walked.clone()).into_iter().zip(walk(walked)) {
            prop_assert_eq!((one.after, one.decision), (other.after, other.decision));
        }
    }
}

/// Whether limits that were taken away are in force again, which is no decision about them.
fn is_data_back(step: &Decided) -> bool {
    step.decision.action == Action::Hold && step.before.released && !step.after.released
}
