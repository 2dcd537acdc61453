//! The statistics of the report, by nearest rank where there is a choice.

use flow_e2e::statistics::mean;
use serde::Serialize;

/// The smallest of the values that so many thousandths of them do not exceed; `None` without values.
pub(crate) fn quantile(values: &[f64], permille: usize) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (sorted.len() * permille).div_ceil(1000);
    sorted.get(rank.saturating_sub(1)).copied()
}

/// The standard deviation in units of the mean; `None` without values, or with a mean of zero.
pub(crate) fn variation(values: &[f64]) -> Option<f64> {
    let mean_value = mean(values).filter(|mean| *mean != 0.0)?;
    let squares: Vec<f64> = values.iter().map(|value| (value - mean_value).powi(2)).collect();
    Some(mean(&squares)?.sqrt() / mean_value)
}

/// The median and the range of the repetitions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of these values; `None` without any.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let at = |permille| quantile(values, permille);
        Some(Self { median: at(500)?, least: at(0)?, most: at(1000)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_seen() {
        let twenty: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        assert_eq!(
            [0, 500, 950, 990, 1000].map(|permille| quantile(&twenty, permille)),
            [1.0, 10.0, 19.0, 20.0, 20.0].map(Some)
        );
        assert_eq!(quantile(&[], 500), None);
    }

    #[test]
    fn what_never_changes_does_not_vary() {
        assert_eq!(variation(&[80.0; 5]), Some(0.0));
        assert_eq!(variation(&[50.0, 150.0]), Some(0.5));
        assert_eq!((variation(&[]), variation(&[0.0])), (None, None));
    }

    #[test]
    fn a_spread_names_the_middle_and_both_ends() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, least: 1.0, most: 3.0 }));
        assert_eq!(Spread::of(&[]), None);
    }
}
