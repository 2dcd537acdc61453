use jiff::tz::TimeZone;
use jiff::{SpanRelativeTo, Timestamp};
use std::time::Duration;

/// A span of time on the command line, such as `7d`, `6h` or `15s`.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let span: Option<jiff::Span> = text.parse().ok();
    let signed = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    let duration = signed.and_then(|span| Duration::try_from(span).ok()).filter(|span| !span.is_zero());
    duration.ok_or_else(|| format!("found {text:?}; allowed is a time such as 7d, 6h or 15s"))
}

/// A time so many seconds after 1970, to the minute, in UTC.
pub(super) fn minute(at_s: f64) -> String {
    zoned(at_s).map_or_else(String::new, |time| time.strftime("%Y-%m-%d %H:%M").to_string())
}

/// The same without the year.
pub(super) fn short(at_s: f64) -> String {
    zoned(at_s).map_or_else(String::new, |time| time.strftime("%m-%d %H:%M").to_string())
}

fn zoned(at_s: f64) -> Option<jiff::Zoned> {
    let since = jiff::SignedDuration::try_from_secs_f64(at_s).ok()?;
    Some(Timestamp::from_duration(since).ok()?.to_zoned(TimeZone::UTC))
}

/// A length of time in the two largest units that matter, such as `2d 4h` or `45s`.
pub(super) fn length(seconds: f64) -> String {
    let seconds = Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs();
    let parts =
        [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let largest = parts.iter().skip_while(|(count, _)| *count == 0).take(2);
    let shown: Vec<_> =
        largest.filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if shown.is_empty() { "0s".to_owned() } else { shown.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_days_as_well() {
        assert_eq!(span("7d"), Ok(Duration::from_hours(7 * 24)));
        assert_eq!(span("15s"), Ok(Duration::from_secs(15)));
        for text in ["", "7", "-1h", "0s", "1 fortnight", "99999999999d"] {
            assert!(span(text).unwrap_err().contains(&format!("{text:?}")), "{text}");
        }
    }

    #[test]
    fn times_and_lengths_are_short() {
        assert_eq!(minute(1_700_000_000.0), "2023-11-14 22:13");
        assert_eq!(short(1_700_000_000.0), "11-14 22:13");
        for (seconds, shown) in
            [(0.0, "0s"), (45.0, "45s"), (3_600.0, "1h"), (3_725.0, "1h 2m"), (187_260.0, "2d 4h")]
        {
            assert_eq!(length(seconds), shown);
        }
    }
}
