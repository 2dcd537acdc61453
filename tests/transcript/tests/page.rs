//! Pages whose commands are run.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use flow_transcript::{Comparison, Error, Place, Wish, check_as, check_some};
use std::path::PathBuf;
use tempfile::TempDir;

struct Page {
    folder: TempDir,
    file: PathBuf,
}

impl Page {
    fn of(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("page.md");
        fs_err::write(&file, text).unwrap();
        Self { folder, file }
    }

    fn check(&self, wish: Wish) -> Result<(), Error> {
        let place = Place { folder: self.folder.path().to_owned(), programs: vec![] };
        check_as(&self.file, &place, Comparison::Measured, wish)
    }

    fn said(&self) -> String {
        self.check(Wish::Compare).unwrap_err().to_string()
    }

    fn text(&self) -> String {
        fs_err::read_to_string(&self.file).unwrap()
    }
}

#[test]
fn a_page_that_shows_what_comes_is_right() {
    let page = Page::of(
        "```console\n$ echo it waited 3s\nit waited 7s\n$ true\n```\n\n```console\necho a > b\ntest -f b\n```\n\
         <!-- exits: 3 -->\n```console\n$ cat b\na\n$ echo no >&2; exit 3\nno\n```\n\
         <!-- not run: it would fail -->\n```console\n$ false\n```\n",
    );
    page.check(Wish::Compare).unwrap();
}

#[test]
fn of_some_commands_nothing_else_is_run() {
    let page = Page::of("```console\n$ echo a\na\n$ false\n$ echo b\nc\n```\n");
    let place = Place { folder: page.folder.path().to_owned(), programs: vec![] };
    let number = |word: &str| check_some(&page.file, &place, |command| command.contains(word));
    assert_eq!((number("echo a").unwrap(), number("nothing").unwrap()), (1, 0));
    assert!(number("echo").unwrap_err().to_string().contains("line 5: echo b"));
}

#[test]
fn each_difference_is_told_with_its_line_and_what_came() {
    let said = Page::of("text\n\n```console\n$ echo True\nFalse\n$ echo two\none\n```\n").said();
    for part in ["page.md", "line 4: echo True", "False", "line 6: echo two", "FLOW_TRANSCRIPTS=overwrite"] {
        assert!(said.contains(part), "no {part:?} in:\n{said}");
    }
}

#[test]
fn a_command_that_fails_or_does_not_is_told() {
    for (page, part) in [
        ("```console\n$ false\n```\n", "exit code 1, not 0"),
        ("```console\nfalse\ntrue\n```\n", "exit code 1, not 0"),
        ("<!-- exits: 1 -->\n```console\n$ true\n```\n", "exit code 0, not 1"),
    ] {
        let said = Page::of(page).said();
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_page_that_cannot_be_understood_is_told_with_the_line() {
    let said = Page::of("a\n\n```bash\nls\n```\n").said();
    assert!(said.contains("page.md:3: found a block of bash"), "{said}");
}

#[test]
fn what_settles_is_asked_again() {
    // It says more each time.
    let text = "<!-- settles -->\n```console\n$ echo a >> log; cat log\na\na\na\n```\n";
    Page::of(text).check(Wish::Compare).unwrap();
}

#[test]
fn overwritten_a_page_shows_what_came_and_then_it_is_right() {
    let page = Page::of(
        "Text.\n\n```console\n$ echo one\ntwo\n$ printf 'a\\nb 5s\\nc\\n'\n…\nb 3s\n…\n```\n\n\
         <!-- not run: no -->\n```console\n$ echo no\nyes\n```\n\nEnd.\n",
    );
    page.check(Wish::Overwrite).unwrap();
    let expected = "Text.\n\n```console\n$ echo one\none\n$ printf 'a\\nb 5s\\nc\\n'\n…\nb 5s\n…\n```\n\n\
                    <!-- not run: no -->\n```console\n$ echo no\nyes\n```\n\nEnd.\n";
    assert_eq!(page.text(), expected);
    page.check(Wish::Compare).unwrap();
}

#[test]
fn a_command_that_fails_is_told_although_the_page_is_overwritten() {
    let page = Page::of("```console\n$ echo one; exit 1\ntwo\n```\n");
    assert!(page.check(Wish::Overwrite).is_err());
    assert_eq!(page.text(), "```console\n$ echo one; exit 1\none\n```\n");
}
