//! Strings for a field: those that its pattern allows, and those at the edges of what is said of it.

use crate::schema::Field;
use proptest::strategy::{Strategy, ValueTree};
use proptest::string::string_regex;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use regex::Regex;

/// How many strings are made of a pattern.
const SAMPLES: usize = 4;
/// What is too long for any field that says how long it may be.
const VERY_LONG: usize = 20_000;
/// How far beyond a bound of a rule a string goes, in its unit.
const BEYOND: f64 = 0.001;

/// Strings that the field's pattern matches; the same for the same seed.
#[must_use]
pub fn matching(field: &Field, seed: u64) -> Vec<String> {
    let pattern = field.text("pattern").trim_start_matches('^').trim_end_matches('$');
    let Some(strategy) = string_regex(pattern).ok().filter(|_| !pattern.is_empty()) else {
        return Vec::new();
    };
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(seed.to_le_bytes()).for_each(|(byte, of_seed)| *byte = of_seed);
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    (0..SAMPLES).filter_map(|_| Some(strategy.new_tree(&mut runner).ok()?.current())).collect()
}

/// Strings of odd lengths and letters.
#[must_use]
pub fn odd(field: &Field) -> Vec<String> {
    let length = |keyword: &str| field.number(keyword).and_then(|length| usize::try_from(length).ok());
    let lengths = [length("minLength").map(|least| least.saturating_sub(1)), length("maxLength")];
    let lengths =
        lengths.into_iter().flatten().flat_map(|length| [length, length + 1]).chain([0, 1, VERY_LONG]);
    let letters = [" ", "x y", "Ünïcode-\u{1F980}", "a\nb", "-", ".", "\u{0}", "{{", "$(x)", "<b>"];
    lengths.map(|length| "1".repeat(length)).chain(letters.map(str::to_owned)).collect()
}

/// The bounds that the field's rules name, and what lies just below and above each.
#[must_use]
pub fn at_bounds(field: &Field) -> Vec<String> {
    let Ok(literal) = Regex::new(r"(?:duration|quantity)\('(-?[0-9.]+)([a-zA-Z]*)'\)") else {
        return Vec::new();
    };
    let found =
        field.rules.iter().flat_map(|rule| literal.captures_iter(rule).map(|found| found.extract::<2>()));
    found.flat_map(|(_, [number, unit])| around(number, unit)).collect()
}

fn around(number: &str, unit: &str) -> Vec<String> {
    let Ok(bound) = number.parse::<f64>() else { return Vec::new() };
    [bound - BEYOND, bound, bound + BEYOND].iter().map(|number| format!("{}{unit}", plain(*number))).collect()
}

/// A number with no more places than it needs.
fn plain(number: f64) -> String {
    format!("{number:.3}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Whether the field's length and pattern let it be `text`.
#[must_use]
pub fn is_allowed(field: &Field, text: &str) -> bool {
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let long_enough = field.number("minLength").is_none_or(|least| length >= least);
    let short_enough = field.number("maxLength").is_none_or(|most| length <= most);
    let fits = Regex::new(field.text("pattern")).map_or(true, |pattern| pattern.is_match(text));
    long_enough && short_enough && fits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::fields;

    fn field(path: &str) -> Field {
        fields().unwrap().into_iter().find(|field| field.path.to_string() == path).unwrap()
    }

    #[test]
    fn strings_of_a_pattern_match_it_and_are_the_same_for_the_same_seed() {
        for field in fields().unwrap() {
            let (samples, pattern) = (matching(&field, 7), Regex::new(field.text("pattern")).unwrap());
            assert_eq!(
                samples.len(),
                if field.text("pattern").is_empty() { 0 } else { SAMPLES },
                "{}",
                field.path
            );
            assert!(samples.iter().all(|sample| pattern.is_match(sample)), "{}: {samples:?}", field.path);
            assert_eq!(samples, matching(&field, 7));
        }
    }

    #[test]
    fn the_bounds_of_rules_are_touched_and_passed() {
        assert_eq!(
            at_bounds(&field("spec.interval")),
            ["99.999ms", "100ms", "100.001ms", "0.999h", "1h", "1.001h"]
        );
        assert_eq!(at_bounds(&field("spec.targets[].limit.min")), ["7.999k", "8k", "8.001k"]);
    }

    #[test]
    fn length_and_pattern_say_what_is_allowed() {
        let interval = field("spec.interval");
        let allowed = |text: &&str| is_allowed(&interval, text);
        assert!(["1s", "1.5ms20us"].iter().all(&allowed));
        assert!(!["", "s", "1", "1s ", "1111111111111111111ms"].iter().any(allowed));
    }
}
