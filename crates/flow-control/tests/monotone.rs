//! A law never answers more pressure with a higher limit.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use flow_control::{
    Adaptive, Bandwidth, Bound, Effect, Finite, Law, Moment, NoData, NoDataAction, Observation, Params,
    Queueing, Range, Role, State, Traffic, step,
};
use proptest::prelude::*;
use std::time::Duration;

/// The queueing delay that is allowed on the path.
const ALLOWED: Duration = Duration::from_millis(8);

/// One tick: how long after the one before, and what is seen.
#[derive(Clone, Copy, Debug)]
struct Tick {
    millis: u64,
    pressure: Pressure,
    /// Whether what is seen is of the present limits.
    settled: bool,
    /// What the target sends, in hundredths of its limit; `None` where nobody tells.
    sent: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Pressure {
    /// What an objective of at most 1 reads, in hundredths.
    reading: u32,
    /// The queueing delay in hundredths of what is allowed, and its growth.
    queue: u32,
    growth: u32,
}

fn any_pressure() -> impl Strategy<Value = Pressure> {
    let calm = (0u32..70, 0u32..30, Just(0u32));
    let any = (0u32..300, 0u32..400, 0u32..150);
    prop_oneof![calm, any].prop_map(|(reading, queue, growth)| Pressure { reading, queue, growth })
}

fn any_tick() -> impl Strategy<Value = Tick> {
    let sent = prop_oneof![Just(None), (0u32..=100).prop_map(Some), (90u32..=100).prop_map(Some)];
    (50u64..2_000, any_pressure(), prop::bool::weighted(0.8), sent)
        .prop_map(|(millis, pressure, settled, sent)| Tick { millis, pressure, settled, sent })
}

/// A stretch of equal ticks, so that some of it lasts.
fn any_stretch() -> impl Strategy<Value = Vec<Tick>> {
    (any_tick(), 1usize..12).prop_map(|(tick, times)| vec![tick; times])
}

fn any_law() -> impl Strategy<Value = Adaptive> {
    prop_oneof![Just(Adaptive::BALANCED), Just(Adaptive::STRICT)]
}

/// What is not worse in anything.
fn no_worse(pressure: Pressure, parts: (u32, u32, u32)) -> Pressure {
    let part = |number: u32, percent: u32| number * percent / 100;
    Pressure {
        reading: part(pressure.reading, parts.0),
        queue: part(pressure.queue, parts.1),
        growth: part(pressure.growth, parts.2),
    }
}

/// Where a trial is judged, worse can mean that a cut was of no use: that is left out here.
fn params(law: Adaptive) -> Params {
    Params {
        law: Law::Adaptive(law),
        no_data: NoData { after: Duration::from_secs(5), action: NoDataAction::Hold },
        ranges: vec![Range { min: Bandwidth::from_mbps(10), max: Bandwidth::from_mbps(1_000) }],
        effect_check: None,
        manual: None,
        effect: Effect::Possible,
        traffic: Vec::new(),
    }
}

fn after(law: Adaptive, state: State, tick: Tick, now: Moment) -> State {
    let sent = |percent| {
        let sent = state.limits[0].percent(percent);
        Traffic { sent, busiest: sent, fair: sent, measured: now, fresh_for: Duration::from_secs(1) }
    };
    let params = Params { traffic: vec![tick.sent.map(sent)], ..params(law) };
    let value = Ok(Finite::new(f64::from(tick.pressure.reading) / 100.0).unwrap());
    let bound = Bound::AtMost(Finite::new(1.0).unwrap());
    let observation = Observation {
        settled: if tick.settled { value } else { Err(flow_control::Unknown::NoData) },
        period: Duration::from_millis(20),
        queueing: Some(Queueing {
            delay: ALLOWED * tick.pressure.queue / 100,
            allowed: ALLOWED,
            growth_percent: tick.pressure.growth,
            settled: tick.settled,
            answered: true,
        }),
        ..Observation::new(Role::Control, 100, bound, value, Some(now))
    };
    step(&params, state, &[observation], now).0
}

proptest! {
    #[test]
    fn a_worse_pressure_never_leads_to_a_higher_limit(
        law in any_law(),
        limit in 10u64..=1_000,
        prefix in prop::collection::vec(any_stretch(), 0..6),
        worse in any_tick(),
        parts in (0u32..=100, 0u32..=100, 0u32..=100),
    ) {
        let (mut state, mut now) = (State::resume(vec![Bandwidth::from_mbps(limit)]), Moment::after_epoch(Duration::from_secs(100)));
        for tick in prefix.concat() {
            now = now + Duration::from_millis(tick.millis);
            state = after(law, state, tick, now);
        }
        now = now + Duration::from_millis(worse.millis);
        let better = Tick { pressure: no_worse(worse.pressure, parts), ..worse };
        let (high, low) = (after(law, state.clone(), better, now), after(law, state.clone(), worse, now));
        prop_assert!(low.limits <= high.limits, "{:?} and {:?} from {:?}", low, high, state);
    }
}
