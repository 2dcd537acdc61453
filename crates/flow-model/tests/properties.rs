//! What holds on every link that carries more than the least that its senders may be given.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use flow_control::{Action, Reason};
use flow_model::{Contender, Figures, Glimpse, Scenario, run};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::time::Duration;

/// The least limit of a pod, in Mbit/s: so small that sixteen get through the narrowest link.
const MIN: f64 = 0.5;
/// What those that never slow down send together, in parts of what the link carries.
const OVERLOAD: u32 = 2;
/// The most that a limit may be above the lowest once it has settled.
const SWING: f64 = 1.35;
const SETTLED: Duration = Duration::from_mins(1);

/// A link, and who sends over it.
#[derive(Clone, Debug)]
struct Shared {
    mbps: u32,
    buffer_ms: u32,
    tcp: usize,
    udp: usize,
    /// When no probe is answered, in seconds.
    silent: Option<(u32, u32)>,
}

/// What came of two minutes on it, the first not judged.
struct Course {
    lowest: f64,
    highest: f64,
    /// The end of each limit's range, in bits per second.
    most: f64,
    out_of_range: Option<String>,
    raised_blindly: Option<String>,
    /// Senders are the only cause of anything here: cuts always help in the end.
    given_up: Option<String>,
}

impl Shared {
    fn scenario(&self) -> Scenario {
        let Self { mbps, buffer_ms, tcp, udp, .. } = self;
        let each = OVERLOAD * mbps * 1_000 / u32::try_from(*udp).unwrap().max(1);
        let silent = self.silent.map_or_else(String::new, |(from, lasts)| {
            format!("\n        by: {{probe: {{silent: [{{from: {from}s, lasts: {lasts}s}}]}}}}")
        });
        let text = format!(
            "why: generated
warmUp: 60s
links: [{{capacity: {{constant: {mbps}M}}, buffer: {buffer_ms}ms, critical: 500k}}]
policies:
  - objectives:
      - asks: {{jitter: {{max: 3ms}}}}{silent}
    targets:
      - min: 500k
        max: {mbps}M
        pods: [{{sends: tcp, count: {tcp}}}, {{sends: {{udp: {each}k}}, count: {udp}}}]
expect: {{}}"
        );
        Scenario::parse("generated".to_owned(), &text).unwrap()
    }

    fn run(&self) -> (Figures, Course) {
        let mut course = Course {
            lowest: f64::MAX,
            highest: 0.0,
            most: f64::from(self.mbps) * 1e6,
            out_of_range: None,
            raised_blindly: None,
            given_up: None,
        };
        let outcome = run(&self.scenario(), Contender::Balanced, &mut |seen| course.watch(seen));
        (outcome.figures, course)
    }
}

impl Course {
    fn watch(&mut self, seen: &Glimpse) {
        let limit = seen.limits.iter().copied().fold(0.0, f64::max);
        if !(MIN * 1e6..=self.most).contains(&limit) {
            self.out_of_range = Some(format!("{seen:?}"));
        }
        let unknown = seen.observations.iter().any(|observation| observation.reading.is_err());
        if unknown && matches!(seen.decision.action, Action::Increase) {
            self.raised_blindly = Some(format!("{seen:?}"));
        }
        if seen.decision.reason == Reason::NoEffect {
            self.given_up = Some(format!("{seen:?}"));
        }
        if seen.elapsed >= SETTLED {
            self.lowest = self.lowest.min(limit);
            self.highest = self.highest.max(limit);
        }
    }
}

fn any_link() -> impl Strategy<Value = Shared> {
    (20u32..=500, 20u32..=300, 1usize..=16, 0usize..=16)
        .prop_map(|(mbps, buffer_ms, all, udp)| (mbps, buffer_ms, all, udp.min(all)))
        .prop_map(|(mbps, buffer_ms, all, udp)| Shared { mbps, buffer_ms, tcp: all - udp, udp, silent: None })
}

/// What is counted as traffic begins is less than what the link carries, in each phase of the count by another part.
#[test]
fn whenever_traffic_begins_it_is_not_cut_to_less_than_the_link_carries() {
    for begins_ms in (2_000..2_600).step_by(23) {
        for (base, buffer, jitter) in [("100us", "25ms", "150us"), ("2ms", "100ms", "3ms")] {
            let text = format!(
                "why: generated
lasts: 37s
warmUp: 2600ms
links: [{{capacity: {{constant: 100M}}, base: {base}, buffer: {buffer}}}]
policies:
  - objectives:
      - asks: {{jitter: {{max: {jitter}}}}}
        by: {{probe: {{noise: 10us}}}}
    targets:
      - pods: [{{sends: tcp, count: 2, busy: {{from: {begins_ms}ms}}}}]
expect: {{}}"
            );
            let scenario = Scenario::parse("generated".to_owned(), &text).unwrap();
            let figures = run(&scenario, Contender::Balanced, &mut |_| {}).figures;
            assert!(figures.goodput_mbps > 85.0, "{begins_ms} ms, {jitter}: {figures:?}");
            assert!(figures.violated_percent < 10.0, "{begins_ms} ms, {jitter}: {figures:?}");
        }
    }
}

proptest! {
    // The same links each time: a run of another law is compared with that of the one before.
    #![proptest_config(ProptestConfig { cases: 24, rng_seed: RngSeed::Fixed(6), ..ProptestConfig::default() })]

    #[test]
    fn limits_settle_on_every_link(link in any_link()) {
        let (figures, Course { lowest, highest, out_of_range, given_up, .. }) = link.run();
        prop_assert_eq!((out_of_range, given_up), (None, None));
        prop_assert!(highest <= SWING * lowest, "{} to {}", lowest, highest);
        prop_assert!(figures.variation_percent <= 5.0, "{:?}", figures);
        prop_assert!(figures.violated_percent <= 5.0, "{:?}", figures);
        // A trial creeps upward by a hundredth at a time, some of them within this minute.
        prop_assert!(figures.changes_per_minute <= 20.0, "{:?}", figures);
    }

    #[test]
    fn nothing_rises_while_nothing_is_known(link in any_link(), from in 5u32..40, lasts in 5u32..40) {
        let (_, Course { out_of_range, raised_blindly, .. }) =
            Shared { silent: Some((from, lasts)), ..link }.run();
        prop_assert_eq!(out_of_range, None);
        prop_assert_eq!(raised_blindly, None);
    }
}
