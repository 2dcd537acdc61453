//! How the link's capacity changes: by chance, but the same for the same seed.

use crate::plan::LINK_MBPS;
use serde::Serialize;

const LOWEST_MBPS: u32 = 45;
const STEADY_S: std::ops::RangeInclusive<u32> = 5..=15;
/// A smaller change is none.
const LEAST_CHANGE_MBPS: u32 = 10;

/// The capacity from a time on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Capacity {
    /// Seconds after the start of the traffic.
    pub(crate) at_s: f64,
    /// In Mbit/s.
    pub(crate) mbps: f64,
}

/// A planned change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Whole seconds after the start of the traffic.
    pub(crate) at_s: u32,
    pub(crate) mbps: u32,
}

/// The changes within `length_s` seconds; before the first the link has its usual capacity.
pub(crate) fn changes(seed: u64, length_s: u32) -> Vec<Change> {
    let (mut chance, mut at_s, mut mbps, mut changes) = (Chance(seed), 0, LINK_MBPS, Vec::new());
    loop {
        at_s += chance.within(*STEADY_S.start(), *STEADY_S.end());
        if at_s >= length_s {
            return changes;
        }
        mbps = next(&mut chance, mbps);
        changes.push(Change { at_s, mbps });
    }
}

fn next(chance: &mut Chance, mbps: u32) -> u32 {
    loop {
        let next = chance.within(LOWEST_MBPS, LINK_MBPS);
        if next.abs_diff(mbps) >= LEAST_CHANGE_MBPS {
            return next;
        }
    }
}

/// The mean capacity from `from_s` to `to_s`, weighted by time.
pub(crate) fn mean_mbps(capacity: &[Capacity], from_s: f64, to_s: f64) -> f64 {
    let ends = capacity.iter().skip(1).map(|next| next.at_s).chain([f64::INFINITY]);
    let megabits = capacity.iter().zip(ends).map(|(step, end_s)| {
        let seconds = end_s.min(to_s) - step.at_s.max(from_s);
        step.mbps * seconds.max(0.0)
    });
    megabits.sum::<f64>() / (to_s - from_s)
}

/// `SplitMix64` (Steele, Lea and Flood, 2014).
struct Chance(u64);

impl Chance {
    /// A whole number from `least` to `most`.
    fn within(&mut self, least: u32, most: u32) -> u32 {
        let span = u64::from(most.abs_diff(least)) + 1;
        least + u32::try_from(self.next() % span).unwrap_or_default()
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_changes_and_another_seed_gives_others() {
        assert_eq!(changes(7, 600), changes(7, 600));
        assert_ne!(changes(7, 600), changes(8, 600));
    }

    #[test]
    fn changes_keep_to_their_ranges_and_end_in_time() {
        for seed in 0..50 {
            let mut before = Change { at_s: 0, mbps: LINK_MBPS };
            for change in changes(seed, 100) {
                assert!((5..=15).contains(&(change.at_s - before.at_s)), "{change:?}");
                assert!((45..=100).contains(&change.mbps) && change.at_s < 100, "{change:?}");
                assert!(change.mbps.abs_diff(before.mbps) >= 10, "{before:?} {change:?}");
                before = change;
            }
        }
    }

    #[test]
    fn the_mean_capacity_weighs_each_by_its_time() {
        let capacity = [Capacity { at_s: 0.0, mbps: 100.0 }, Capacity { at_s: 10.0, mbps: 50.0 }];
        assert!((mean_mbps(&capacity, 5.0, 25.0) - 62.5).abs() < 1e-9);
        assert!((mean_mbps(&capacity, 12.0, 20.0) - 50.0).abs() < 1e-9);
    }
}
