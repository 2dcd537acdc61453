//! Figures as a person would write them. What is written for programs is exact instead.

use flow_control::Bandwidth;
use std::time::Duration;

/// A limit or rate in bit/s to three digits, such as `39.2M`.
#[must_use]
pub fn bandwidth(bandwidth: Bandwidth) -> String {
    rate(bandwidth.bps_f64())
}

/// A rate in bit/s, as [`bandwidth`] shows it.
#[must_use]
pub fn rate(bps: f64) -> String {
    scaled(if bps.abs() < 100.0 { bps } else { three_digits(bps) })
}

/// The nearest number that has no more than three digits.
#[must_use]
pub fn three_digits(value: f64) -> f64 {
    let last = 10_f64.powf(value.abs().log10().floor() - 2.0);
    let near = (value / last).round() * last;
    if near.is_finite() { near } else { value }
}

/// A duration, such as `93.2us`.
#[must_use]
pub fn duration(duration: Duration) -> String {
    seconds(duration.as_secs_f64())
}

pub(crate) fn seconds(seconds: f64) -> String {
    let scaled = [(1.0, "s"), (1e-3, "ms")].into_iter().find(|(unit, _)| seconds.abs() >= *unit);
    let (unit, suffix) = scaled.unwrap_or((1e-6, "us"));
    format!("{}{suffix}", number(seconds / unit))
}

/// With the suffix that a person would choose; small numbers have none.
pub(crate) fn scaled(value: f64) -> String {
    let units = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    let (unit, suffix) = units.into_iter().find(|(unit, _)| value.abs() >= *unit).unwrap_or((1.0, ""));
    format!("{}{suffix}", number(value / unit))
}

/// A number to three places, without trailing zeros.
pub(crate) fn number(number: f64) -> String {
    let places = if number.abs() >= 100.0 { 0 } else { 3 };
    let text = format!("{number:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_no_longer_than_a_person_reads() {
        let limits = [
            (0, "0"),
            (999, "999"),
            (1_234, "1.23k"),
            (64_000_000, "64M"),
            (39_220_707, "39.2M"),
            (49_934_434, "49.9M"),
            (49_960_000, "50M"),
            (9_987_654, "9.99M"),
            (123_456_789, "123M"),
            (999_700_000, "1G"),
            (1_500_000_000, "1.5G"),
        ];
        for (bps, shown) in limits {
            assert_eq!(bandwidth(Bandwidth::from_bps(bps)), shown);
        }
        assert_eq!(duration(Duration::from_nanos(93_200)), "93.2us");
        assert_eq!([0.0, 8.274e-6, -1234.0].map(three_digits).map(seconds), ["0us", "8.27us", "-1230s"]);
    }
}
