use crate::quantile::{interquartile_range, nearest_rank};
use std::time::Duration;

/// How the variation of round-trip times is told as one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum JitterMethod {
    /// The distance of the quartiles: what the middle half of the probes differs by. The predecessor's.
    #[default]
    InterquartileRange,
    /// The smoothed difference between consecutive probes ([RFC 3550], section 6.4.1), from zero at the oldest.
    ///
    /// [RFC 3550]: https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1
    Rfc3550,
    /// How far the 99th percentile lies above the least: packet delay variation ([RFC 5481], section 4.2).
    ///
    /// [RFC 5481]: https://www.rfc-editor.org/rfc/rfc5481#section-4.2
    DelayVariation,
}

/// The permille of delay variation that counts.
const HIGH: u16 = 990;
/// How many differences the smoothed one looks back on, about.
const GAIN: f64 = 1.0 / 16.0;

impl JitterMethod {
    /// The jitter in seconds of `times`, the newest first; they are sorted thereafter. `None` if there are none.
    pub(crate) fn of(self, times: &mut [Duration]) -> Option<f64> {
        if self == Self::Rfc3550 {
            return smoothed(times);
        }
        times.sort_unstable();
        let spread = match self {
            Self::InterquartileRange => interquartile_range(times)?,
            Self::DelayVariation | Self::Rfc3550 => {
                nearest_rank(times, HIGH)?.saturating_sub(*times.first()?)
            }
        };
        Some(spread.as_secs_f64())
    }
}

fn smoothed(newest_first: &[Duration]) -> Option<f64> {
    let mut in_order = newest_first.iter().rev();
    let mut before = in_order.next()?;
    let mut jitter = 0.0;
    for time in in_order {
        jitter += (time.abs_diff(*before).as_secs_f64() - jitter) * GAIN;
        before = time;
    }
    Some(jitter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const METHODS: [JitterMethod; 3] =
        [JitterMethod::InterquartileRange, JitterMethod::Rfc3550, JitterMethod::DelayVariation];

    fn jitter(method: JitterMethod, millis: &[u64]) -> f64 {
        let mut newest_first: Vec<_> = millis.iter().rev().map(|ms| Duration::from_millis(*ms)).collect();
        method.of(&mut newest_first).unwrap() * 1e3
    }

    #[track_caller]
    fn assert_near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    #[test]
    fn each_method_on_one_late_probe() {
        let times = [10, 10, 10, 10, 10, 10, 10, 26];
        assert_near(jitter(JitterMethod::InterquartileRange, &times), 0.0);
        assert_near(jitter(JitterMethod::Rfc3550, &times), 1.0);
        assert_near(jitter(JitterMethod::DelayVariation, &times), 16.0);
    }

    #[test]
    fn delay_variation_leaves_out_one_probe_in_a_hundred() {
        let times: Vec<_> = (1..=100).collect();
        assert_near(jitter(JitterMethod::DelayVariation, &times), 98.0);
    }

    #[test]
    fn the_smoothed_difference_follows_the_order_of_the_probes() {
        assert_near(jitter(JitterMethod::Rfc3550, &[0, 16, 0]), 1.0 + (16.0 - 1.0) / 16.0);
        assert_near(jitter(JitterMethod::Rfc3550, &[0, 0, 16]), 1.0);
    }

    proptest! {
        #[test]
        fn no_method_finds_jitter_where_there_is_none_nor_more_than_the_whole_spread(
            times in prop::collection::vec(1u64..500, 5..100),
        ) {
            let (least, most) = (*times.iter().min().unwrap(), *times.iter().max().unwrap());
            for method in METHODS {
                prop_assert!(jitter(method, &vec![least; times.len()]).abs() < 1e-9);
                let spread = f64::from(u32::try_from(most - least).unwrap());
                prop_assert!((0.0..=spread + 1e-9).contains(&jitter(method, &times)), "{:?}", method);
            }
        }
    }
}
