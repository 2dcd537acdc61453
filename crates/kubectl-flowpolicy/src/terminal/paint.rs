use anstyle::{AnsiColor, Style};

/// What a word is to whoever reads it. Each has a sign of its own, so that nothing is told by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Nobody can tell, or somebody should look.
    Unsure,
    /// Not as usual, since a person has asked for it.
    Wanted,
    /// A heading.
    Strong,
    /// Beside the point.
    Quiet,
}

impl Tone {
    /// The sign before a line.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Good => "✔",
            Self::Bad => "✘",
            Self::Unsure => "?",
            Self::Wanted => "!",
            Self::Strong | Self::Quiet => " ",
        }
    }

    const fn style(self) -> Style {
        match self {
            Self::Good => Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green))),
            Self::Bad => Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red))),
            Self::Unsure | Self::Wanted => {
                Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow)))
            }
            Self::Strong => Style::new().bold(),
            Self::Quiet => Style::new().dimmed(),
        }
    }
}

/// `text` in the colour of its tone.
#[must_use]
pub fn paint(tone: Tone, text: &str) -> String {
    let style = tone.style();
    format!("{style}{text}{style:#}")
}

/// The tone of a condition's status that should be `True`.
#[must_use]
pub fn of_truth(status: &str) -> Tone {
    match status {
        "True" => Tone::Good,
        "False" => Tone::Bad,
        _ => Tone::Unsure,
    }
}
