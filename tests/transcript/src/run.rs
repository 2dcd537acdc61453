use crate::page::{Block, Step, parse};
use crate::place::Said;
use crate::rewrite::{Change, elided, rewritten};
use crate::{Comparison, Error, Place};
use std::env;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long a block that settles may take to.
const SETTLES: Duration = Duration::from_mins(1);
const BETWEEN_RUNS: Duration = Duration::from_millis(500);

/// What to do where a page shows something else than what came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Say so.
    Compare,
    /// Write what came into the page, all of it.
    Overwrite,
}

impl Wish {
    /// What `FLOW_TRANSCRIPTS` says.
    fn of_environment() -> Self {
        let is_overwrite = env::var_os("FLOW_TRANSCRIPTS").is_some_and(|value| value == "overwrite");
        if is_overwrite { Self::Overwrite } else { Self::Compare }
    }
}

/// Runs the blocks of a page and compares what comes with what the page shows, or overwrites that if `FLOW_TRANSCRIPTS`
/// says so.
///
/// This blocks until the last command has ended.
pub fn check(page: &Path, place: &Place, comparison: Comparison) -> Result<(), Error> {
    check_as(page, place, comparison, Wish::of_environment())
}

/// The same, as is wished.
pub fn check_as(page: &Path, place: &Place, comparison: Comparison, wish: Wish) -> Result<(), Error> {
    run(page, place, comparison, wish, |_| true).map(drop)
}

/// Compares what comes of those commands of a page alone that `is_meant`, as they are shown, and gives their number.
pub fn check_some(page: &Path, place: &Place, is_meant: impl Fn(&str) -> bool) -> Result<usize, Error> {
    run(page, place, Comparison::Exact, Wish::Compare, is_meant)
}

fn run(
    page: &Path,
    place: &Place,
    comparison: Comparison,
    wish: Wish,
    is_meant: impl Fn(&str) -> bool,
) -> Result<usize, Error> {
    let text = fs_err::read_to_string(page)?;
    let blocks = parse(&text).map_err(|fault| Error::Page {
        page: page.to_owned(),
        line: fault.line,
        what: fault.what,
    })?;
    let mut run = Run { text: &text, place, comparison, wish, faults: Vec::new(), changes: Vec::new() };
    let mut number = 0;
    for block in blocks.iter().filter(|block| !block.notes.not_run) {
        number += run.block(block, &is_meant)?;
    }
    let Run { faults, changes, .. } = run;
    if wish == Wish::Overwrite && !changes.is_empty() {
        fs_err::write(page, rewritten(&text, changes))?;
    }
    if faults.is_empty() {
        return Ok(number);
    }
    Err(Error::Differs { page: page.to_owned(), found: faults.join("\n") })
}

/// The run of one page.
struct Run<'a> {
    text: &'a str,
    place: &'a Place,
    comparison: Comparison,
    wish: Wish,
    faults: Vec<String>,
    changes: Vec<Change>,
}

impl Run<'_> {
    /// Runs the commands that are meant, and gives their number.
    fn block(&mut self, block: &Block, is_meant: &impl Fn(&str) -> bool) -> io::Result<usize> {
        let meant = block.steps.iter().enumerate().filter(|(_, step)| is_meant(&step.command));
        let mut run = 0;
        for (number, step) in meant {
            let is_last = number + 1 == block.steps.len();
            let exit_code = if is_last { block.notes.exit_code } else { 0 };
            self.step(block, step, exit_code)?;
            run += 1;
        }
        Ok(run)
    }

    fn step(&mut self, block: &Block, step: &Step, exit_code: i32) -> io::Result<()> {
        let end = Instant::now() + if block.notes.settles { SETTLES } else { Duration::ZERO };
        let shown = self.shown(step);
        let (said, fault) = loop {
            let said = self.place.run(&step.command)?;
            let fault = self.fault(block, shown.as_deref(), &said, exit_code);
            if fault.is_none() || Instant::now() > end {
                break (said, fault);
            }
            thread::sleep(BETWEEN_RUNS);
        };
        if let (Wish::Overwrite, Some(place), Some(shown)) = (self.wish, &step.shown, &shown) {
            self.changes.push((place.clone(), elided(shown, &said.text)));
        }
        // What came is right by definition; a command that fails is not.
        let is_fault = self.wish == Wish::Compare || shown.is_none() || said.exit_code != exit_code;
        if let Some(fault) = fault.filter(|_| is_fault) {
            self.faults.push(report(step, &said, &fault));
        }
        Ok(())
    }

    /// What the page shows of a step.
    fn shown(&self, step: &Step) -> Option<String> {
        let place = step.shown.as_ref()?;
        let lines: Vec<&str> = self.text.lines().skip(place.start).take(place.len()).collect();
        Some(lines.join("\n"))
    }

    fn fault(&self, block: &Block, shown: Option<&str>, said: &Said, exit_code: i32) -> Option<String> {
        if said.exit_code != exit_code {
            return Some(format!("it ended with the exit code {}, not {exit_code}", said.exit_code));
        }
        self.comparison.difference(shown?, &said.text, &block.notes.varies)
    }
}

fn report(step: &Step, said: &Said, fault: &str) -> String {
    let Step { line, command, .. } = step;
    format!("line {line}: {command}\n{fault}\nall that came:\n{}\n", said.text)
}
