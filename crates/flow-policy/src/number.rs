use flow_control::{Bandwidth, Finite};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A bandwidth as users write it: bits per second with a unit, such as `64M` or `1.5G`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct BandwidthText(
    #[schemars(length(min = 2, max = 20), regex(pattern = r"^[0-9]+(\.[0-9]+)?(k|M|G|T|Ki|Mi|Gi|Ti)$"))]
    String,
);

/// A plain number as users write it, with an optional decimal suffix, such as `0.25`, `-3` or `50M`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct NumberText(
    #[schemars(length(min = 1, max = 20), regex(pattern = r"^-?[0-9]+(\.[0-9]+)?(u|m|k|M|G|T)?$"))] String,
);

/// A text that is not the number it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found {found:?}; allowed is {allowed}")]
pub struct InvalidNumber {
    found: String,
    allowed: &'static str,
}

impl BandwidthText {
    /// The bandwidth.
    pub fn parse(&self) -> Result<Bandwidth, InvalidNumber> {
        let allowed = "bits per second with a unit, such as \"64M\" or \"1.5G\"";
        let invalid = || InvalidNumber { found: self.0.clone(), allowed };
        if self.0.ends_with(|last: char| last.is_ascii_digit()) {
            return Err(invalid());
        }
        Bandwidth::parse_quantity(&self.0).map_err(|_| invalid())
    }
}

impl NumberText {
    /// The number.
    pub fn parse(&self) -> Result<Finite, InvalidNumber> {
        let allowed = "a number with an optional suffix u, m, k, M, G or T, such as \"0.25\" or \"50M\"";
        let (digits, factor) = split_suffix(&self.0);
        let number = digits.parse::<f64>().ok().and_then(|number| Finite::new(number * factor).ok());
        number.ok_or_else(|| InvalidNumber { found: self.0.clone(), allowed })
    }
}

fn split_suffix(text: &str) -> (&str, f64) {
    let suffixes = [('u', 1e-6), ('m', 1e-3), ('k', 1e3), ('M', 1e6), ('G', 1e9), ('T', 1e12)];
    suffixes
        .into_iter()
        .find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, factor)))
        .unwrap_or((text, 1.0))
}

impl From<&str> for BandwidthText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<&str> for NumberText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for BandwidthText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bandwidths_need_a_unit() {
        assert_eq!(BandwidthText::from("64M").parse(), Ok(Bandwidth::from_mbps(64)));
        for text in ["64", "-64M", "M", "64Mbit", ""] {
            assert!(BandwidthText::from(text).parse().is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_take_a_sign_a_fraction_and_a_suffix() {
        for (text, expected) in [("0.25", 0.25), ("-3", -3.0), ("50M", 5e7), ("5m", 5e-3)] {
            let number = NumberText::from(text).parse().unwrap().get();
            assert!((number - expected).abs() <= 1e-9 * expected.abs(), "{text} {number}");
        }
    }

    #[test]
    fn what_is_no_number_is_an_error_that_shows_it() {
        for text in ["", "M", "NaN", "inf", "1e999", "1 000", "5Mi"] {
            let error = NumberText::from(text).parse().unwrap_err();
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
    }
}
