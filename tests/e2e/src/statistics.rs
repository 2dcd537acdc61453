//! The statistics of the report, written apart from those of the operator, which they check.

/// The interquartile range by nearest rank, at the positions ⌊n/4⌋ and ⌊3n/4⌋; `None` below 5 values.
#[must_use]
pub fn interquartile_range(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let at = |position: usize| sorted.get(position).copied();
    if sorted.len() < 5 {
        return None;
    }
    Some(at(3 * sorted.len() / 4)? - at(sorted.len() / 4)?)
}

/// The median by nearest rank; `None` without values.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}

/// The mean; `None` without values.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    let count = u32::try_from(values.len()).ok().filter(|count| *count > 0)?;
    Some(values.iter().sum::<f64>() / f64::from(count))
}

/// The share of the values for which `wanted` holds; `None` without values.
#[must_use]
pub fn share<T>(values: &[T], wanted: impl Fn(&T) -> bool) -> Option<f64> {
    let of = u32::try_from(values.len()).ok().filter(|count| *count > 0)?;
    let count = u32::try_from(values.iter().filter(|value| wanted(value)).count()).ok()?;
    Some(f64::from(count) / f64::from(of))
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_of_small_lists_are_those_worked_out_by_hand() {
        let twenty: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        assert_eq!(interquartile_range(&twenty), Some(10.0));
        assert_eq!(median(&twenty), Some(10.0));
        assert_eq!(mean(&twenty), Some(10.5));
        assert_eq!(share(&twenty, |value| *value > 15.0), Some(0.25));
    }

    #[test]
    fn nothing_and_too_little_have_no_statistics() {
        assert_eq!(interquartile_range(&[1.0; 4]), None);
        assert_eq!((median(&[]), mean(&[]), share::<f64>(&[], |_| true)), (None, None, None));
    }
}
