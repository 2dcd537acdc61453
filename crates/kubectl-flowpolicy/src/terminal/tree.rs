/// A line and what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    label: String,
    children: Vec<Self>,
}

impl Tree {
    /// A line and the lines below it.
    #[must_use]
    pub fn new(label: impl Into<String>, children: Vec<Self>) -> Self {
        Self { label: label.into(), children }
    }

    /// A line alone.
    #[must_use]
    pub fn leaf(label: impl Into<String>) -> Self {
        Self::new(label, Vec::new())
    }

    /// Drawn with branches, in lines that fit.
    #[must_use]
    pub fn draw(&self, width: usize) -> String {
        let mut text = self.label.clone() + "\n";
        self.branches("", width, &mut text);
        text
    }

    fn branches(&self, before: &str, width: usize, text: &mut String) {
        let mut children = self.children.iter().peekable();
        while let Some(child) = children.next() {
            let is_last = children.peek().is_none();
            let (first, rest) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let below = format!("{before}{rest}");
            let further = format!("{below}{}  ", if child.children.is_empty() { " " } else { "│" });
            let options = textwrap::Options::new(width).break_words(false);
            let first = format!("{before}{first}");
            text.push_str(&textwrap::fill(
                &child.label,
                options.initial_indent(&first).subsequent_indent(&further),
            ));
            text.push('\n');
            child.branches(&below, width, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_go_on_beside_lines_that_are_broken() {
        let deep = Tree::new("two of many words that do not fit", vec![Tree::leaf("three")]);
        let tree = Tree::new("root", vec![Tree::new("one", vec![deep]), Tree::leaf("last")]);
        let expected = "\
root
├─ one
│  └─ two of many words
│     │  that do not fit
│     └─ three
└─ last
";
        assert_eq!(tree.draw(24), expected);
    }
}
