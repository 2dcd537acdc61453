use crate::terminal::{Tone, hanging, paint};
use serde::Serialize;

/// What came of all checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    groups: Vec<Group>,
}

/// Checks that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    name: &'static str,
    checks: Vec<Check>,
}

/// What came of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was found.
    pub found: String,
    /// How that is.
    pub outcome: Outcome,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Where more is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documentation: Option<&'static str>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Outcome {
    /// As it should be.
    Passed,
    /// A person should look.
    Warning,
    /// It may not be seen.
    Unknown,
    /// Not as it should be.
    Failed,
}

impl Outcome {
    const fn tone(self) -> Tone {
        match self {
            Self::Passed => Tone::Good,
            Self::Warning | Self::Unknown => Tone::Unsure,
            Self::Failed => Tone::Bad,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Passed => "",
            Self::Warning => "warning: ",
            Self::Unknown => "unknown: ",
            Self::Failed => "failed: ",
        }
    }
}

impl Check {
    /// Something is as it should be.
    #[must_use]
    pub fn passed(found: impl Into<String>) -> Self {
        Self { found: found.into(), outcome: Outcome::Passed, hint: None, documentation: None }
    }

    /// Something is otherwise, what to do about it, and where more is told.
    #[must_use]
    pub fn otherwise(
        outcome: Outcome,
        found: impl Into<String>,
        hint: impl Into<String>,
        documentation: &'static str,
    ) -> Self {
        let hint = Some(hint.into()).filter(|hint| !hint.is_empty());
        Self { found: found.into(), outcome, hint, documentation: Some(documentation) }
    }
}

impl Group {
    /// Checks under one name.
    #[must_use]
    pub const fn new(name: &'static str, checks: Vec<Check>) -> Self {
        Self { name, checks }
    }
}

impl Report {
    /// What came of these.
    #[must_use]
    pub const fn new(groups: Vec<Group>) -> Self {
        Self { groups }
    }

    /// Whether a check has failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.checks().any(|check| check.outcome == Outcome::Failed)
    }

    fn checks(&self) -> impl Iterator<Item = &Check> {
        self.groups.iter().flat_map(|group| &group.checks)
    }

    /// For a person.
    #[must_use]
    pub fn draw(&self, width: usize) -> String {
        let mut text = String::new();
        for group in &self.groups {
            text.extend([paint(Tone::Strong, group.name).as_str(), "\n"]);
            text += &group.checks.iter().map(|check| line(check, width)).collect::<String>();
        }
        let number = |outcome| self.checks().filter(|check| check.outcome == outcome).count();
        let [failed, warnings, unknown] = [Outcome::Failed, Outcome::Warning, Outcome::Unknown].map(number);
        text + &format!("\n{failed} failed, {warnings} warnings, {unknown} unknown\n")
    }
}

fn line(check: &Check, width: usize) -> String {
    let tone = check.outcome.tone();
    let found = format!("{}{}", check.outcome.word(), check.found);
    let line = hanging(&format!("  {} ", paint(tone, tone.sign())), &found, width);
    let advice = match (&check.hint, check.documentation) {
        (Some(hint), Some(documentation)) => format!("{hint} ({documentation})"),
        (None, Some(documentation)) => format!("see {documentation}"),
        (Some(hint), None) => hint.clone(),
        (None, None) => return line,
    };
    line + &hanging("      → ", &advice, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_tells_what_was_found_and_what_to_do() {
        let lead = Check::otherwise(Outcome::Failed, "no controller leads", "see its log", "docs/alerts.md");
        let report = Report::new(vec![Group::new("controller", vec![Check::passed("it runs"), lead])]);
        let expected = "\
controller
  ✔ it runs
  ✘ failed: no controller leads
      → see its log (docs/alerts.md)

1 failed, 0 warnings, 0 unknown
";
        assert_eq!(anstream::adapter::strip_str(&report.draw(80)).to_string(), expected);
        assert!(report.has_failed());
    }
}
