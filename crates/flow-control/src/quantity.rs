//! Bandwidths as Kubernetes quantities: `64M`, `12500k`, `1.5Gi`, `2e8`.
//!
//! The grammar is that of `k8s.io/apimachinery/pkg/api/resource.Quantity`; the arithmetic is exact, in integers.
//! Two differences: a fraction of a bit per second is cut off (Kubernetes rounds up to the next 10⁻⁹), so that a
//! limit never grows by being read, and what does not fit is refused (Kubernetes caps it at 2⁶³ − 1).

use std::fmt;
use std::str::FromStr;

use crate::Bandwidth;

/// 20 digits hold every `u64`, and 10²⁰ × 2⁶⁰ (the largest suffix, `Ei`) still fits in a `u128`.
const MAX_DIGITS: usize = 20;

/// How much of the input an error repeats: enough to recognise it, whatever somebody put into an annotation.
const MAX_SHOWN: usize = 32;

const SUFFIXES: &str = "n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei, or an exponent such as e6";

/// Why a text is not a bandwidth.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// There is nothing but space.
    #[error("found an empty text; a bandwidth is a number of bits per second such as \"64M\"")]
    Empty,
    /// A minus sign: no bandwidth is negative.
    #[error("found {found:?}; a bandwidth must not be negative")]
    Negative {
        /// The text, cut to a length that fits a message.
        found: String,
    },
    /// It does not begin with a decimal number.
    #[error("found {found:?}; a bandwidth begins with a decimal number, as in \"64M\" or \"1.5G\"")]
    NotANumber {
        /// The text, cut to a length that fits a message.
        found: String,
    },
    /// What follows the number is no suffix of a Kubernetes quantity.
    #[error("found the suffix {suffix:?} in {found:?}; allowed are none, {SUFFIXES}")]
    UnknownSuffix {
        /// The text, cut to a length that fits a message.
        found: String,
        /// The part after the number, cut likewise.
        suffix: String,
    },
    /// The number has more significant digits than any bandwidth needs.
    #[error("found {found:?}; a bandwidth has at most {MAX_DIGITS} significant digits")]
    TooManyDigits {
        /// The text, cut to a length that fits a message.
        found: String,
    },
    /// The value does not fit.
    #[error("found {found:?}; a bandwidth is at most {} bit/s", u64::MAX)]
    TooLarge {
        /// The text, cut to a length that fits a message.
        found: String,
    },
}

impl Bandwidth {
    /// Reads a Kubernetes quantity as bits per second; a fraction of a bit per second is cut off.
    ///
    /// Whether the value is a sensible limit (0 is not) is for the caller to say.
    pub fn parse_quantity(text: &str) -> Result<Self, QuantityError> {
        let unsigned = text.strip_prefix('+').unwrap_or(text);
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        let found = || shown(text);
        match number {
            _ if text.trim().is_empty() => Err(QuantityError::Empty),
            "" if text.starts_with('-') => Err(QuantityError::Negative { found: found() }),
            _ => {
                let decimal = Decimal::parse(number, &found)?;
                let scale = Scale::parse(suffix)
                    .ok_or_else(|| QuantityError::UnknownSuffix { found: found(), suffix: shown(suffix) })?;
                let bps = decimal.times(scale).ok_or_else(|| QuantityError::TooLarge { found: found() })?;
                Ok(Self::from_bps(bps))
            }
        }
    }
}

impl FromStr for Bandwidth {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse_quantity(text)
    }
}

/// Kubernetes' canonical form: a whole number with the largest decimal suffix that is exact (`12500k`, not `12.5M`).
impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut number = self.bps();
        let mut suffixes = ["k", "M", "G", "T", "P", "E"].into_iter();
        let mut suffix = "";
        while number != 0 && number.is_multiple_of(1000) {
            let Some(larger) = suffixes.next() else { break };
            (number, suffix) = (number / 1000, larger);
        }
        f.pad(&format!("{number}{suffix}"))
    }
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// `digits` × 10^`exponent`.
struct Decimal {
    digits: u128,
    exponent: i64,
}

impl Decimal {
    fn parse(number: &str, found: &impl Fn() -> String) -> Result<Self, QuantityError> {
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(QuantityError::NotANumber { found: found() });
        }
        let all = format!("{whole}{fraction}");
        let significant = all.trim_end_matches('0');
        let cut = all.len() - significant.len();
        let significant = significant.trim_start_matches('0');
        if significant.len() > MAX_DIGITS {
            return Err(QuantityError::TooManyDigits { found: found() });
        }
        let shift = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        Ok(Self { digits: significant.parse().unwrap_or(0), exponent: shift(cut) - shift(fraction.len()) })
    }

    /// The product, rounded down; `None` where it does not fit.
    ///
    /// Powers of ten are split into twos and fives, so that those of a binary suffix and of a fraction cancel
    /// before anything can overflow.
    fn times(self, scale: Scale) -> Option<u64> {
        if self.digits == 0 {
            return Some(0);
        }
        let fives = self.exponent.saturating_add(scale.tens);
        let twos = fives.saturating_add(scale.twos);
        let multiplier = power(2, twos).and_then(|two| two.checked_mul(power(5, fives)?));
        let value = self.digits.checked_mul(multiplier?)?;
        let divisor = power(2, -twos).and_then(|two| two.checked_mul(power(5, -fives)?));
        // A divisor beyond 2¹²⁸ leaves nothing of any number.
        u64::try_from(divisor.map_or(0, |divisor| value / divisor)).ok()
    }
}

/// `base` to the power of `exponent`; 1 where that is negative, `None` where it does not fit.
fn power(base: u128, exponent: i64) -> Option<u128> {
    base.checked_pow(u32::try_from(exponent.max(0)).ok()?)
}

/// 10^`tens` × 2^`twos`.
#[derive(Clone, Copy)]
struct Scale {
    tens: i64,
    twos: i64,
}

impl Scale {
    fn parse(suffix: &str) -> Option<Self> {
        let tens = |tens| Some(Self { tens, twos: 0 });
        let twos = |twos| Some(Self { tens: 0, twos });
        match suffix {
            "n" => tens(-9),
            "u" => tens(-6),
            "m" => tens(-3),
            "" => tens(0),
            "k" => tens(3),
            "M" => tens(6),
            "G" => tens(9),
            "T" => tens(12),
            "P" => tens(15),
            "E" => tens(18),
            "Ki" => twos(10),
            "Mi" => twos(20),
            "Gi" => twos(30),
            "Ti" => twos(40),
            "Pi" => twos(50),
            "Ei" => twos(60),
            _ => tens(i64::from(suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bps(text: &str) -> u64 {
        Bandwidth::parse_quantity(text).unwrap().bps()
    }

    fn refusal(text: &str) -> String {
        Bandwidth::parse_quantity(text).unwrap_err().to_string()
    }

    #[test]
    fn every_suffix_scales_as_kubernetes_says() {
        for (text, expected) in [
            ("64M", 64_000_000),
            ("12500k", 12_500_000),
            ("+1G", 1_000_000_000),
            ("2T", 2_000_000_000_000),
            ("3P", 3_000_000_000_000_000),
            ("18E", 18_000_000_000_000_000_000),
            ("1Ki", 1 << 10),
            ("1Mi", 1 << 20),
            ("1Gi", 1 << 30),
            ("1Ti", 1 << 40),
            ("1Pi", 1 << 50),
            ("15Ei", 15 << 60),
            ("2e8", 200_000_000),
            ("2E+8", 200_000_000),
            ("20000e-2", 200),
            ("5000m", 5),
            ("7000000u", 7),
            ("9000000000n", 9),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(bps(text), expected, "{text}");
        }
    }

    #[test]
    fn it_is_parsed_like_any_other_text() {
        assert_eq!("64M".parse(), Ok(Bandwidth::from_mbps(64)));
        assert!("64 M".parse::<Bandwidth>().is_err());
    }

    #[test]
    fn fractions_are_exact_and_rounded_down_to_a_bit() {
        for (text, expected) in [
            ("1.5G", 1_500_000_000),
            (".5k", 500),
            ("5.k", 5_000),
            ("0.1Ki", 102),
            ("1.9", 1),
            ("1999m", 1),
            ("999m", 0),
            ("0.9999999999999999999Ei", 1_152_921_504_606_846_975),
            ("0000000000000000000000000000000012.500000000000000000000000000000M", 12_500_000),
            ("1e-2000000000", 0),
            ("0e2000000000", 0),
        ] {
            assert_eq!(bps(text), expected, "{text}");
        }
    }

    #[test]
    fn a_refusal_names_what_was_found_and_what_is_allowed() {
        assert_eq!(
            refusal("10Mbit"),
            "found the suffix \"Mbit\" in \"10Mbit\"; allowed are none, n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei, \
             or an exponent such as e6"
        );
        assert!(refusal("-5M").contains("must not be negative"));
        assert!(refusal("fast").contains("begins with a decimal number"));
        assert!(refusal("").contains("empty"));
        assert!(refusal(" ").contains("empty"));
        assert!(refusal("19E").contains("at most 18446744073709551615 bit/s"));
        assert!(refusal("123456789012345678901").contains("at most 20 significant digits"));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in [
            " ",
            "1 M",
            " 1M",
            "1M ",
            "M",
            ".",
            "1.2.3",
            "+",
            "++1",
            "+-1",
            "1,5M",
            "1K",
            "1ki",
            "1e",
            "1e1.5",
            "1e3k",
            "0x10",
            "1_000",
            "٣",
            "unlimited",
            "NaN",
            "inf",
            "1e99999999999",
            "16Ei",
        ] {
            assert!(Bandwidth::parse_quantity(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut_in_the_message() {
        let (shown, long) = ("é".repeat(32), "é".repeat(100_000));
        assert!(refusal(&shown).contains(&format!("found \"{shown}\";")));
        assert!(refusal(&long).contains(&format!("found \"{shown}…\";")));
        assert!(refusal(&format!("1{long}")).contains(&format!("found the suffix \"{shown}…\" in")));
    }

    #[test]
    fn it_is_shown_as_a_whole_number_with_the_largest_exact_suffix() {
        for (bps, expected) in [
            (64_000_000, "64M"),
            (12_500_000, "12500k"),
            (1_000, "1k"),
            (1_024, "1024"),
            (0, "0"),
            (3_000_000_000_000_000_000, "3E"),
            (u64::MAX, "18446744073709551615"),
        ] {
            assert_eq!(Bandwidth::from_bps(bps).to_string(), expected);
        }
        assert_eq!(format!("{:>5}", Bandwidth::from_mbps(64)), "  64M");
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_the_same(number in any::<u64>(), thousands in 0u32..7) {
            let number = number / 1000u64.pow(thousands) * 1000u64.pow(thousands);
            prop_assert_eq!(bps(&Bandwidth::from_bps(number).to_string()), number);
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in ".{0,60}") {
            let _ = Bandwidth::parse_quantity(&text);
        }

        #[test]
        fn a_fraction_equals_the_integer_quotient(whole in 0u64..1_000_000, thousandths in 0u64..1000, index in 0usize..4) {
            let (suffix, bits) = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40)][index];
            let expected = (u128::from(whole) * 1000 + u128::from(thousandths)) * (1u128 << bits) / 1000;
            prop_assert_eq!(u128::from(bps(&format!("{whole}.{thousandths:03}{suffix}"))), expected);
        }

        #[test]
        fn decimal_and_exponent_forms_agree(digits in "[0-9]{1,6}(\\.[0-9]{1,8})?") {
            prop_assert_eq!(bps(&format!("{digits}M")), bps(&format!("{digits}e6")));
            prop_assert_eq!(bps(&format!("{digits}G")), bps(&format!("{digits}E9")));
        }
    }
}
