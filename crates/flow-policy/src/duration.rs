use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// A duration as users write it: numbers with units, such as `300us`, `1.5s` or `1h30m`.
///
/// Kept as the text it came in, since the API server stores what the user wrote. Units: us, ms, s, m, h.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DurationText(
    #[schemars(length(min = 2, max = 20), regex(pattern = r"^([0-9]+(\.[0-9]+)?(us|ms|s|m|h))+$"))] String,
);

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "found {found:?}; allowed are numbers with the units us, ms, s, m or h, such as \"300us\" or \"1.5s\""
)]
pub struct InvalidDuration {
    found: String,
}

impl DurationText {
    /// The duration.
    pub fn parse(&self) -> Result<Duration, InvalidDuration> {
        let invalid = || InvalidDuration { found: self.0.clone() };
        let parsed: SignedDuration = self.0.parse().map_err(|_| invalid())?;
        Duration::try_from(parsed).map_err(|_| invalid())
    }
}

impl From<&str> for DurationText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_fractions_are_read() {
        let cases = [
            ("300us", Duration::from_micros(300)),
            ("20ms", Duration::from_millis(20)),
            ("1.5s", Duration::from_millis(1500)),
            ("1h30m", Duration::from_mins(90)),
            ("0.5ms", Duration::from_micros(500)),
        ];
        for (text, expected) in cases {
            assert_eq!(DurationText::from(text).parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_an_error_that_shows_it() {
        for text in ["", "5", "-1s", "1x", "s", "99999999999999999999h", "1e300h", "NaNs"] {
            let error = DurationText::from(text).parse().unwrap_err();
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
    }
}
