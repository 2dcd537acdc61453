use flow_control::Bandwidth;

/// So many bits per second, rounded down; none for a negative number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::as_conversions,
    reason = "a float is cut off at the ends of the integer's range"
)]
pub(crate) const fn bandwidth(bps: f64) -> Bandwidth {
    Bandwidth::from_bps(bps as u64)
}

/// A small number to calculate with.
pub(crate) fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}
