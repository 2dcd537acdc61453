//! What a page tells to type, and what it shows.

use regex::Regex;
use std::ops::Range;

const FENCE: &str = "```";
/// What a reader takes for commands, and nobody would run.
const OTHER_SHELLS: [&str; 4] = ["sh", "bash", "shell", "shell-session"];

/// What cannot be understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) what: String,
}

/// A block of commands.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pub(crate) notes: Notes,
    pub(crate) steps: Vec<Step>,
}

/// What the comments above a block say of it.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) not_run: bool,
    pub(crate) settles: bool,
    pub(crate) exit_code: i32,
    pub(crate) varies: Vec<Regex>,
}

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) command: String,
    /// The lines of the page, counted from 0, that show what it prints; `None` where the page does not show it.
    pub(crate) shown: Option<Range<usize>>,
    /// Where the command is, counted from 1.
    pub(crate) line: usize,
}

/// The blocks of commands of a page, in their order.
pub(crate) fn parse(text: &str) -> Result<Vec<Block>, Fault> {
    let lines: Vec<&str> = text.lines().collect();
    let (mut blocks, mut at) = (Vec::new(), 0);
    while let Some(line) = lines.get(at) {
        let Some(language) = line.trim_start().strip_prefix(FENCE) else {
            at += 1;
            continue;
        };
        let body = body(&lines, at)?;
        check_fence(line, language, at)?;
        if language == "console" {
            let notes = notes(lines.get(..at).unwrap_or_default())?;
            blocks.push(Block { notes, steps: steps(&lines, body.clone())? });
        }
        at = body.end + 1;
    }
    Ok(blocks)
}

/// The lines between the fence at `start` and the one that closes it.
fn body(lines: &[&str], start: usize) -> Result<Range<usize>, Fault> {
    let after = lines.iter().enumerate().skip(start + 1);
    let end = after.clone().find(|(_, line)| line.trim() == FENCE).map(|(at, _)| at);
    let missing =
        Fault { line: start + 1, what: "the block has no end; it ends with ``` on its own".to_owned() };
    end.map(|end| start + 1..end).ok_or(missing)
}

fn check_fence(line: &str, language: &str, at: usize) -> Result<(), Fault> {
    let fault = |what: String| Err(Fault { line: at + 1, what });
    if OTHER_SHELLS.contains(&language) {
        return fault(format!("found a block of {language}, which nobody would run; call it console"));
    }
    if language == "console" && line.starts_with(' ') {
        return fault("a console block begins at the first column".to_owned());
    }
    Ok(())
}

/// What the comments right above say, blank lines aside.
fn notes(above: &[&str]) -> Result<Notes, Fault> {
    let mut notes = Notes::default();
    for (at, line) in above.iter().enumerate().rev().filter(|(_, line)| !line.trim().is_empty()) {
        let Some(comment) = line.trim().strip_prefix("<!--").and_then(|line| line.strip_suffix("-->")) else {
            break;
        };
        note(comment.trim(), &mut notes).map_err(|what| Fault { line: at + 1, what })?;
    }
    Ok(notes)
}

fn note(comment: &str, notes: &mut Notes) -> Result<(), String> {
    let (key, value) = comment.split_once(':').unwrap_or((comment, ""));
    let value = value.trim();
    match key {
        "not run" if value.is_empty() => return Err("`not run:` needs a reason".to_owned()),
        "not run" => notes.not_run = true,
        "settles" => notes.settles = true,
        "exits" => {
            notes.exit_code =
                value.parse().map_err(|_| format!("found the exit code {value:?}; allowed is a number"))?;
        }
        "varies" => notes.varies.push(Regex::new(value).map_err(|error| error.to_string())?),
        _ => {}
    }
    Ok(())
}

fn steps(lines: &[&str], body: Range<usize>) -> Result<Vec<Step>, Fault> {
    let shown = lines.get(body.clone()).unwrap_or_default();
    if !shown.iter().any(|line| line.starts_with("$ ")) {
        return Ok(vec![Step { command: shown.join("\n"), shown: None, line: body.start + 1 }]);
    }
    let mut steps: Vec<Step> = Vec::new();
    let mut goes_on = false;
    for (at, line) in (body.start..).zip(shown) {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => {
                steps.push(Step { command: command.to_owned(), shown: Some(at + 1..at + 1), line: at + 1 });
            }
            (None, Some(step)) if goes_on => {
                step.command.extend(["\n", line]);
                step.shown = Some(at + 1..at + 1);
            }
            (None, Some(step)) => step.shown = step.shown.take().map(|shown| shown.start..at + 1),
            (None, None) => {
                return Err(Fault { line: at + 1, what: "found output before the first `$ `".to_owned() });
            }
        }
        let is_command = steps.last().is_some_and(|step| step.shown.as_ref().is_some_and(Range::is_empty));
        goes_on = is_command && line.ends_with('\\');
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(command: &str, shown: Option<Range<usize>>, line: usize) -> Step {
        Step { command: command.to_owned(), shown, line }
    }

    fn fault(text: &str) -> Fault {
        parse(text).unwrap_err()
    }

    #[test]
    fn commands_and_what_they_print_are_told_apart() {
        let text = "# Page\n\n```console\n$ echo a\na\n$ true\n$ printf 'b\\n' \\\n    c\nb\n\n…\n```\n";
        let blocks = parse(text).unwrap();
        let expected = [
            step("echo a", Some(4..5), 4),
            step("true", Some(6..6), 6),
            step("printf 'b\\n' \\\n    c", Some(8..11), 7),
        ];
        assert_eq!(blocks[0].steps, expected);
    }

    #[test]
    fn a_block_without_prompts_is_one_script_whose_output_is_not_shown() {
        let blocks = parse("```console\nfor a in b; do\n  echo $a\ndone\n```\n").unwrap();
        assert_eq!(blocks[0].steps, [step("for a in b; do\n  echo $a\ndone", None, 2)]);
    }

    #[test]
    fn blocks_of_other_languages_are_passed_over_with_what_is_in_them() {
        assert!(parse("```yaml\n$ not: a command\n```\n\n  ```json\n  {}\n  ```\n").unwrap().is_empty());
    }

    #[test]
    fn comments_right_above_a_block_are_about_it() {
        let text = "<!-- settles -->\n<!-- varies: limit \\S+ -->\n<!-- exits: 3 -->\n<!-- by the way -->\n\n\
                    ```console\nfalse\n```\n\n```console\ntrue\n```\n<!-- not run: no cluster -->\n\
                    ```console\nmake demo\n```\n";
        let [first, second, third] = parse(text).unwrap().try_into().unwrap();
        assert!(first.notes.settles && first.notes.exit_code == 3 && !first.notes.not_run);
        assert_eq!(first.notes.varies[0].as_str(), "limit \\S+");
        assert!(!second.notes.settles && second.notes.exit_code == 0 && second.notes.varies.is_empty());
        assert!(third.notes.not_run);
    }

    #[test]
    fn what_would_silently_not_be_run_is_refused() {
        assert_eq!(fault("a\n```sh\nls\n```\n").line, 2);
        assert_eq!(fault("- a\n  ```console\n  ls\n  ```\n").line, 2);
        assert_eq!(fault("```console\nls\n").line, 1);
        assert_eq!(fault("```console\nls\n$ ls\n```\n").line, 2);
        assert_eq!(fault("<!-- not run: -->\n```console\nls\n```\n").line, 1);
        assert_eq!(fault("<!-- exits: no -->\n```console\nls\n```\n").line, 1);
        assert_eq!(fault("<!-- varies: ( -->\n```console\nls\n```\n").line, 1);
    }
}
