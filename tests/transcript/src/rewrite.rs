//! A page with what really came.

use crate::compare::ELISION;
use crate::redact::measured;
use std::cmp::Reverse;
use std::ops::Range;

/// Lines of a page, counted from 0, and those to stand there instead.
pub(crate) type Change = (Range<usize>, Vec<String>);

/// The page with all `changes` made.
pub(crate) fn rewritten(text: &str, mut changes: Vec<Change>) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // From the end, so that those before keep their numbers.
    changes.sort_by_key(|(place, _)| Reverse(place.start));
    for (place, with) in changes {
        lines.splice(place, with);
    }
    lines.join("\n") + "\n"
}

/// What to show of what came: what the page leaves out stays out, where the lines around it are found again.
pub(crate) fn elided(shown: &str, came: &str) -> Vec<String> {
    let shown: Vec<&str> = shown.lines().map(str::trim_end).collect();
    let parts: Vec<&[&str]> = shown.split(|line| *line == ELISION).collect();
    let mut rest: Vec<String> = came.trim_end().lines().map(|line| line.trim_end().to_owned()).collect();
    let mut kept = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            kept.push(ELISION.to_owned());
            let begin = part.first().map_or(rest.len(), |first| find(&rest, first).unwrap_or_default());
            rest.drain(..begin);
        }
        let is_last = number + 1 == parts.len();
        let end = part.last().map_or(0, |last| find(&rest, last).map_or(rest.len(), |at| at + 1));
        kept.extend(rest.drain(..if is_last { rest.len() } else { end }));
    }
    kept
}

/// The first line that is the same but for what was measured.
fn find(lines: &[String], wanted: &str) -> Option<usize> {
    let wanted = measured(wanted, &[]);
    lines.iter().position(|line| measured(line, &[]) == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_is_another() {
        let text = "a\nold\nold\nb\nc\nd\n";
        let changes = vec![(1..3, vec!["new".to_owned()]), (5..5, vec!["x".to_owned(), "y".to_owned()])];
        assert_eq!(rewritten(text, changes), "a\nnew\nb\nc\nx\ny\nd\n");
        assert_eq!(rewritten(text, vec![]), text);
    }

    #[test]
    fn what_was_left_out_stays_out() {
        let came = "Name: a\nStatus:\n  Limit: 40M\n  Age: 3s\nEvents:\n  one\n  two\n";
        let cases = [
            (
                "…\nStatus:\n  Limit: 1M\n  Age: 1s\nEvents:\n  gone",
                "…\nStatus:\n  Limit: 40M\n  Age: 3s\nEvents:\n  one\n  two",
            ),
            ("Name: a\nStatus:\n…", "Name: a\nStatus:\n…"),
            ("Name: a\n…\n  Age: 9s\n…", "Name: a\n…\n  Age: 3s\n…"),
            ("Name: a\n…\nEvents:\n", "Name: a\n…\nEvents:\n  one\n  two"),
            ("other", came.trim_end()),
            ("", came.trim_end()),
        ];
        for (shown, expected) in cases {
            assert_eq!(elided(shown, came).join("\n"), expected, "{shown}");
        }
    }

    #[test]
    fn nothing_is_lost_where_the_lines_around_are_not_found() {
        assert_eq!(elided("…\ngone\n", "a\nb\n").join("\n"), "…\na\nb");
        assert_eq!(elided("gone\n…", "a\nb\n").join("\n"), "a\nb\n…");
    }
}
