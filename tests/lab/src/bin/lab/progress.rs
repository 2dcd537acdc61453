//! What the user sees while a lab comes up.

use std::io::{self, Write};
use std::time::Duration;

use flow_lab::{Building, News};

/// How often a build under way is told where the output is no terminal.
const REMINDER: Duration = Duration::from_secs(30);

/// Writes a line to standard error.
pub(crate) fn say(line: &str) {
    // Nobody is left to be told that nobody listens.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Writes to standard output.
pub(crate) fn print(text: &str) -> io::Result<()> {
    io::stdout().write_all(text.as_bytes())
}

/// What was told last.
#[derive(Default)]
pub(crate) struct Progress {
    told: Option<(&'static str, Duration)>,
}

impl Progress {
    /// Tells news as they come.
    pub(crate) fn reporter(mut self) -> impl FnMut(News<'_>) {
        move |news| match news {
            News::Host(line) => say(line),
            News::Building(building) => self.building(&building),
            News::Starting(component) => say(&format!("starting {component}")),
        }
    }

    fn building(&mut self, building: &Building<'_>) {
        let (name, elapsed) = (building.tool.name, building.elapsed);
        if building.done {
            say(&format!("built {name} {} in {} s", building.tool.version, elapsed.as_secs()));
        } else if self.is_due(name, elapsed) {
            let expected = building.tool.expected.as_secs();
            say(&format!(
                "building {name} {}: {} s so far, about {expected} s in all",
                building.tool.version,
                elapsed.as_secs()
            ));
            self.told = Some((name, elapsed));
        }
    }

    fn is_due(&self, name: &str, elapsed: Duration) -> bool {
        self.told.is_none_or(|(told, at)| told != name || elapsed >= at + REMINDER)
    }
}
