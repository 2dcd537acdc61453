use crate::redact;
use regex::Regex;
use snapbox::Data;
use snapbox::filter::NormalizeToExpected;
use snapbox::report::{Palette, write_diff};

/// What a line of a page is that stands for any lines.
pub(crate) const ELISION: &str = "…";

/// When what came counts as what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Line by line, as it is.
    Exact,
    /// By its words, whatever was measured, and however lines are broken.
    Measured,
}

impl Comparison {
    /// How `came` differs from `shown`; `None` if it does not.
    pub(crate) fn difference(self, shown: &str, came: &str, varies: &[Regex]) -> Option<String> {
        let [shown, came] = [shown, came].map(|text| match self {
            Self::Exact => lines(text),
            Self::Measured => redact::measured(text, varies),
        });
        let is_shown = form(&shown).is_some_and(|form| form.is_match(&came));
        (!is_shown).then(|| drawn(&shown, &came))
    }
}

/// The lines without the blanks at their ends.
fn lines(text: &str) -> String {
    text.trim_end().lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// What fits to a text with elisions. snapbox ends one where the next line comes first, which may be too early: of single
/// words, the next is soon found.
fn form(shown: &str) -> Option<Regex> {
    let line = |line: &str| match line.trim() {
        ELISION => r"(?:.*\n)*".to_owned(),
        _ => regex::escape(line).replace(r"\[\.\.\]", ".*") + r"\n",
    };
    Regex::new(&format!("^{}$", shown.lines().map(line).collect::<String>())).ok()
}

/// The same as snapbox has it.
fn pattern(text: &str) -> String {
    let line = |line: &str| if line.trim() == ELISION { "...\n".to_owned() } else { format!("{line}\n") };
    text.lines().map(line).collect()
}

fn drawn(shown: &str, came: &str) -> String {
    let shown = Data::text(pattern(shown));
    let came = NormalizeToExpected::new().redact().normalize(Data::text(came.to_owned()), &shown);
    let mut text = String::new();
    let names: [Option<&dyn std::fmt::Display>; 2] = [Some(&"the page"), Some(&"what came")];
    // A String takes whatever is written.
    let _ = write_diff(&mut text, &shown, &came, names[0], names[1], Palette::plain());
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use Comparison::{Exact, Measured};

    #[test]
    fn what_is_equal_does_not_differ() {
        assert_eq!(Exact.difference("a  b\nc", "a  b\nc \n\n", &[]), None);
        assert_eq!(Exact.difference("", "", &[]), None);
        assert_eq!(Measured.difference("a for 3s\nc", "a for 12s c\n", &[]), None);
    }

    #[test]
    fn what_differs_is_shown_beside_what_was_expected() {
        let difference = Measured.difference("Ready True for 3s", "Ready False for 4s", &[]).unwrap();
        assert!(difference.contains("True") && difference.contains("False"), "{difference}");
        assert!(Exact.difference("a\n  b", "a\n b", &[]).is_some());
        assert!(Exact.difference("for 3s", "for 4s", &[]).is_some());
        assert!(Exact.difference("", "a", &[]).is_some());
    }

    #[test]
    fn an_elision_stands_for_any_lines_and_for_nothing_else() {
        for comparison in [Exact, Measured] {
            assert_eq!(comparison.difference("…\nStatus:\nb\n…", "Name\nStatus:\nb\nc\nd\n", &[]), None);
            assert!(comparison.difference("…\nStatus:\nb\n…", "Name\nStatus:\nc\n", &[]).is_some());
            assert_eq!(comparison.difference("a\n…\n0 failed", "a\nnone of 0 pods\n0 failed\n", &[]), None);
        }
        assert_eq!(Exact.difference("at [..], done", "at 12:03, done", &[]), None);
    }
}
