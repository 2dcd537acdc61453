use crate::bits::count;
use std::time::Duration;

/// What came of a run, after its warm-up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Hundredths of all seconds in which an objective was broken as users judge it; of the worst objective.
    pub violated_percent: f64,
    /// What all pods delivered, in Mbit/s.
    pub goodput_mbps: f64,
    /// How often a target's limit was changed in a minute.
    pub changes_per_minute: f64,
    /// The limits' standard deviation in hundredths of their mean, once they had settled.
    pub variation_percent: f64,
    /// From the first packet that is too late to a lower limit in force, in milliseconds: as a rule.
    pub reaction_ms: Option<f64>,
    /// The same, of the slowest twentieth.
    pub slow_reaction_ms: Option<f64>,
    /// From the fault, or the beginning, to the finding that lower limits do not help, in seconds.
    pub ineffective_after: Option<f64>,
}

/// The value that `percent` hundredths do not exceed, by nearest rank, in milliseconds.
pub(crate) fn quantile_ms(mut times: Vec<Duration>, percent: usize) -> Option<f64> {
    times.sort_unstable();
    let rank = (times.len() * percent).div_ceil(100);
    Some(times.get(rank.saturating_sub(1))?.as_secs_f64() * 1e3)
}

/// A number that is sampled, and how much it varies.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Varying {
    number: usize,
    sum: f64,
    squares: f64,
}

impl Varying {
    pub(crate) fn take(&mut self, value: f64) {
        self.number += 1;
        self.sum += value;
        self.squares += value * value;
    }

    /// The standard deviation in hundredths of the mean.
    pub(crate) fn percent(&self) -> f64 {
        let number = count(self.number).max(1.0);
        let mean = self.sum / number;
        let variance = (self.squares / number - mean * mean).max(0.0);
        if mean > 0.0 { variance.sqrt() / mean * 100.0 } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variation_is_in_hundredths_of_the_mean() {
        let mut varying = Varying::default();
        for value in [8.0, 12.0] {
            varying.take(value);
        }
        assert!((varying.percent() - 20.0).abs() < 1e-9);
        assert!(Varying::default().percent().abs() < 1e-9);
    }

    #[test]
    fn quantiles_go_by_nearest_rank() {
        let times: Vec<_> = (1..=20).map(Duration::from_millis).collect();
        assert_eq!(quantile_ms(times.clone(), 50), Some(10.0));
        assert_eq!(quantile_ms(times, 95), Some(19.0));
        assert_eq!(quantile_ms(Vec::new(), 50), None);
    }
}
