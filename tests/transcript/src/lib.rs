//! Runs the blocks of commands of a Markdown page in their order, and compares what comes with what the page shows.
//!
//! A block is fenced by ` ```console `. Lines that begin with `$ ` are commands, each for a shell of its own (a line that
//! ends with `\` goes on in the next); what follows is what they print, to both outputs. A block without `$ ` is one
//! script, whose output is not shown: it must end well. A line that is nothing but `…` stands for any lines, and `[..]`
//! for anything within one.
//!
//! A comment right above a block tells what is particular to it; it begins with one of these:
//!
//! | comment | meaning |
//! |---|---|
//! | `<!-- not run: WHY -->` | the block is not run |
//! | `<!-- exits: 1 -->` | its last command, or the script, ends with this exit code |
//! | `<!-- settles -->` | its commands only read: each is run again until it says what is shown, for a minute at most |
//! | `<!-- varies: REGEX -->` | what matches, all white space being one blank, differs from run to run; may come again |
//!
//! With `FLOW_TRANSCRIPTS=overwrite` in the environment, the page gets what really came.

mod compare;
mod error;
mod page;
mod place;
mod redact;
mod rewrite;
mod run;

pub use compare::Comparison;
pub use error::Error;
pub use place::Place;
pub use run::{Wish, check, check_as, check_some};
