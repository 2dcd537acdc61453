//! What holds whatever happens: random walks of 200 decisions.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use flow_control::{
    Action, Adaptive, Aimd, Bandwidth, Bound, Decision, Effect, EffectCheck, Finite, Hindrance, Judgement,
    Law, Manual, Moment, NoData, NoDataAction, Observation, Params, Queueing, Range, Reading, Reason, Role,
    State, Traffic, Unknown, step,
};
use proptest::prelude::*;
use std::time::Duration;

const STEPS: usize = 200;

/// One tick: how long after the one before, what each objective reads and how old that is, and what else there is.
#[derive(Clone, Debug)]
struct Tick {
    millis: u64,
    seen: Vec<Seen>,
    /// What each target sends in hundredths of its limit, and how many milliseconds ago, where anybody tells.
    sent: Vec<Option<(u32, u64)>>,
    manual: Option<Manual>,
    effect: Effect,
}

/// What is seen of an objective.
#[derive(Clone, Debug)]
struct Seen {
    reading: Reading,
    /// That of the present limits, where it is another one.
    settled: Option<Reading>,
    /// The queueing delay in hundredths of what is allowed, and whether that is of the present limits.
    queueing: Option<(u32, bool)>,
    age_millis: u64,
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

fn any_seen() -> impl Strategy<Value = Seen> {
    let queueing = prop::option::of((0u32..300, any::<bool>()));
    (any_reading(), prop::option::of(any_reading()), queueing, 0u64..3_000)
        .prop_map(|(reading, settled, queueing, age_millis)| Seen { reading, settled, queueing, age_millis })
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
    let seen = prop::collection::vec(any_seen(), objectives);
    let sent = prop::collection::vec(prop::option::of((0u32..110, 0u64..1_500)), 0..4);
    let millis = prop_oneof![50u64..500, 1_000u64..4_000];
    (millis, seen, sent, manual, effect).prop_map(|(millis, seen, sent, manual, effect)| Tick {
        millis,
        seen,
        sent,
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

fn any_law() -> impl Strategy<Value = Law> {
    let aimd = (1u32..=90, 1u32..=10).prop_map(|(decrease_percent, severity_max)| {
        Law::Aimd(Aimd { decrease_percent, severity_max, ..Aimd::default() })
    });
    let adaptive = (1u32..=50, 1u32..=100, 1u64..20, 1u64..20).prop_map(|(headroom, growth, retry, idle)| {
        Law::Adaptive(Adaptive {
            headroom_percent: headroom,
            growth_percent: growth,
            retry_after: Duration::from_secs(retry),
            idle_after: Duration::from_secs(idle),
            ..Adaptive::BALANCED
        })
    });
    prop_oneof![aimd, adaptive]
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
    (any_law(), no_data, prop::collection::vec(any_range(), 1..4), check).prop_map(
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
    let mut millis = 100_000;
    let mut decided = Vec::new();
    for tick in ticks {
        millis += tick.millis;
        let now = at(millis);
        let observe = |(role, seen): (&Role, &Seen)| observation(*role, seen, millis);
        let observations: Vec<_> = roles.iter().zip(&tick.seen).map(observe).collect();
        let traffic = state.limits.iter().zip(&tick.sent);
        let traffic = traffic
            .map(|(limit, sent)| sent.map(|(percent, age)| traffic_of(limit.percent(percent), millis - age)));
        let traffic = traffic.collect();
        let params = Params { manual: tick.manual, effect: tick.effect, traffic, ..params.clone() };
        let (after, decision) = step(&params, state.clone(), &observations, now);
        decided.push(Decided { before: state, after: after.clone(), decision, observations, params, now });
        state = after;
    }
    decided
}

fn at(millis: u64) -> Moment {
    Moment::after_epoch(Duration::from_millis(millis))
}

fn observation(role: Role, seen: &Seen, millis: u64) -> Observation {
    let measured = Some(at(millis - seen.age_millis));
    let allowed = Duration::from_millis(1);
    let queueing = |(percent, settled)| Queueing {
        delay: allowed * percent / 100,
        allowed,
        growth_percent: 0,
        settled,
        answered: true,
    };
    let bound = Bound::AtMost(Finite::new(1.0).unwrap());
    Observation {
        settled: seen.settled.unwrap_or(seen.reading),
        queueing: seen.queueing.map(queueing),
        ..Observation::new(role, 1, bound, seen.reading, measured)
    }
}

fn traffic_of(sent: Bandwidth, millis: u64) -> Traffic {
    let fresh_for = Duration::from_secs(1);
    Traffic { sent, busiest: sent, fair: sent, measured: at(millis), fresh_for }
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
            let adaptive = matches!(step.params.law, Law::Adaptive(_));
            let counts = |seen: &Observation| if adaptive { seen.settled } else { seen.reading };
            let violated = step.decisive().any(|seen| seen.bound.judge(counts(seen)) == Judgement::Violated);
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
