use crate::input::text;
use flow_control::Bandwidth;
use flow_policy::{BandwidthText, DurationText, NumberText};
use std::time::Duration;

/// A quantity, a number or a duration as a user writes it.
///
/// What is read is what was written, never more, and what is shown of it reads back the same.
pub fn quantity(data: &[u8]) {
    let text = text(data);
    if let Ok(read) = Bandwidth::parse_quantity(text) {
        assert_eq!(read.to_string().parse(), Ok(read), "{text}");
        assert!(!text.contains('-') || text.contains(['e', 'E']), "{text} is negative");
        is_as_written(text, read);
    }
    if let Ok(read) = BandwidthText::from(text).parse() {
        assert_eq!(Bandwidth::parse_quantity(text), Ok(read), "{text}");
    }
    if let Ok(read) = NumberText::from(text).parse() {
        assert!(read.get().is_finite(), "{text}");
    }
    duration(text);
}

/// The number before the first letter times the suffix, in floating point.
fn is_as_written(text: &str, read: Bandwidth) {
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let written = match scale(suffix) {
        Some(scale) => number.parse::<f64>().unwrap() * scale,
        None => unsigned.parse::<f64>().expect("a number with an exponent"),
    };
    let read = read.bps_f64();
    assert!(read <= written * (1.0 + 1e-12), "{text} was read as the higher {read}");
    assert!(read >= written * (1.0 - 1e-12) - 1.0, "{text} was read as {read}");
}

fn scale(suffix: &str) -> Option<f64> {
    let decimal = [
        ("n", -9),
        ("u", -6),
        ("m", -3),
        ("", 0),
        ("k", 3),
        ("M", 6),
        ("G", 9),
        ("T", 12),
        ("P", 15),
        ("E", 18),
    ];
    let binary = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];
    let of = |base: f64, list: &[(&str, i32)]| {
        list.iter().find(|(name, _)| *name == suffix).map(|(_, power)| base.powi(*power))
    };
    of(10.0, &decimal).or_else(|| of(2.0, &binary))
}

fn duration(text: &str) {
    let Ok(read) = DurationText::from(text).parse() else { return };
    assert!(read <= Duration::from_secs(i64::MAX.unsigned_abs()), "{text}");
    let micros = format!("{}us", read.as_micros());
    if let Ok(back) = DurationText::from(micros.as_str()).parse() {
        assert_eq!(back.as_micros(), read.as_micros(), "{text}");
    }
    if let Some(written) = plain_seconds(text) {
        let difference = (read.as_secs_f64() - written).abs();
        assert!(difference <= 1e-9 + written * 1e-9, "{text} was read as {read:?}");
    }
}

/// The seconds in a text of the form that the schema allows.
fn plain_seconds(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let units = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
        let (unit, scale) = units.into_iter().find(|(unit, _)| after.starts_with(unit))?;
        seconds += number.parse::<f64>().ok()? * scale;
        rest = after.get(unit.len()..)?;
    }
    Some(seconds)
}
