//! What is written for a person: colours where they are wanted, and lines that fit.

mod age;
mod paint;
mod tree;
mod words;

pub use age::age;
pub use paint::{Tone, of_truth, paint};
pub use tree::Tree;
pub use words::{number, wrapped};

use std::io::Write;

/// How wide a line may be where the terminal does not tell.
const WIDTH: usize = 80;
/// The least width that is broken for.
const LEAST_WIDTH: usize = 40;

/// How wide a line may be.
#[must_use]
pub fn width() -> usize {
    terminal_size::terminal_size().map_or(WIDTH, |(width, _)| usize::from(width.0).max(LEAST_WIDTH))
}

/// Writes a line for a person beside what the command was asked for.
pub fn say(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// Beyond this, the lines after the first are not as far in as it.
const FAR: usize = 20;
/// How far in they are then.
const NEAR: usize = 6;

/// `text` after `first`, broken into lines that fit and go on below where it began, unless that is far to the right.
#[must_use]
pub fn hanging(first: &str, text: &str, width: usize) -> String {
    let column = textwrap::core::display_width(first);
    let rest = " ".repeat(if column > FAR { NEAR } else { column });
    let options = textwrap::Options::new(width).initial_indent(first).subsequent_indent(&rest);
    textwrap::fill(text, options.break_words(false)) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_goes_on_below_where_it_began() {
        let text = hanging("  ready  ", "one two three four", 20);
        assert_eq!(text, "  ready  one two\n         three four\n");
        let far = hanging("  target Deployment/upload: ", "one two three", 34);
        assert_eq!(far, "  target Deployment/upload: one\n      two three\n");
    }
}
