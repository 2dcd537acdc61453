use std::time::Duration;

/// The quartiles' distance Q3 − Q1 of `sorted`, by the predecessor's definition: nearest rank, at the
/// positions ⌊n/4⌋ and ⌊3n/4⌋. `None` if empty.
pub(crate) fn interquartile_range(sorted: &[Duration]) -> Option<Duration> {
    let n = sorted.len();
    let (first, third) = (sorted.get(n / 4)?, sorted.get(3 * n / 4)?);
    Some(third.saturating_sub(*first))
}

/// The `permille`-th thousandth quantile of `sorted` by nearest rank: the smallest value such that at least
/// that share of all values is no greater. `None` if empty.
pub(crate) fn nearest_rank<T: Copy>(sorted: &[T], permille: u16) -> Option<T> {
    let rank = (sorted.len() * usize::from(permille.min(1000))).div_ceil(1000);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(values: impl IntoIterator<Item = u64>) -> Vec<Duration> {
        values.into_iter().map(Duration::from_millis).collect()
    }

    #[test]
    fn quartiles_of_twenty_are_the_sixth_and_sixteenth_value() {
        assert_eq!(interquartile_range(&millis(1..=20)), Some(Duration::from_millis(10)));
    }

    #[test]
    fn quartiles_of_five_are_the_second_and_fourth_value() {
        assert_eq!(interquartile_range(&millis([1, 2, 30, 44, 500])), Some(Duration::from_millis(42)));
    }

    #[test]
    fn quantiles_go_by_nearest_rank() {
        let values = millis(1..=100);
        for (permille, expected) in
            [(0, 1), (10, 1), (500, 50), (990, 99), (991, 100), (1000, 100), (2000, 100)]
        {
            assert_eq!(nearest_rank(&values, permille), Some(Duration::from_millis(expected)), "{permille}");
        }
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!(interquartile_range(&[]), None);
        assert_eq!(nearest_rank::<Duration>(&[], 500), None);
    }
}
