use flow_control::Bandwidth;
use serde::{Deserialize, Deserializer, de};
use std::time::Duration;

/// No scenario needs more, and no sum of these overflows.
const LONGEST: Duration = Duration::from_hours(24);
const HIGHEST: Bandwidth = Bandwidth::from_mbps(1_000_000);

/// A length of time in a scenario, such as `20ms`, `5s` or `2m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let allowed = "a time such as 20ms or 5s, at most 1440m";
        let span = span(&text).filter(|span| *span <= LONGEST);
        span.map(Self).ok_or_else(|| de::Error::custom(format!("found {text:?}; allowed is {allowed}")))
    }
}

fn span(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

/// A rate of data in a scenario, such as `100M`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rate(pub(crate) Bandwidth);

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let rate = Bandwidth::parse_quantity(&text).map_err(de::Error::custom)?;
        if rate > HIGHEST {
            return Err(de::Error::custom(format!("found {text:?}; allowed is a rate of at most {HIGHEST}")));
        }
        Ok(Self(rate))
    }
}

impl Rate {
    /// In bits per second.
    pub(crate) fn bps(self) -> f64 {
        self.0.bps_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit() {
        for (text, expected) in [("20ms", 20_000), ("1.5s", 1_500_000), ("2m", 120_000_000), ("100us", 100)] {
            assert_eq!(span(text), Some(Duration::from_micros(expected)), "{text}");
        }
        for text in ["20", "ms", "-1s", "5h"] {
            assert_eq!(span(text), None, "{text}");
        }
    }
}
