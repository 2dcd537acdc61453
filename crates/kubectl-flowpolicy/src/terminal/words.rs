use crate::chart::WIDTH;
use textwrap::Options;

/// How many there are, such as `1 policy` or `2 policies`.
#[must_use]
pub fn number(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// `text` in lines that fit below a plot, broken at its spaces.
#[must_use]
pub fn wrapped(text: &str) -> String {
    textwrap::fill(text, Options::new(WIDTH).break_words(false)) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_where_the_next_word_does_not_fit() {
        let (long, short) = ("x".repeat(70), "y".repeat(9));
        assert_eq!(wrapped(&format!("{long} {short} {short}")), format!("{long} {short}\n{short}\n"));
        assert_eq!(wrapped(&"x".repeat(90)), "x".repeat(90) + "\n");
    }
}
