//! What differs from run to run of the same commands.

use regex::{Captures, Regex};
use std::sync::LazyLock;

/// A word of this form, and what stands for it.
struct Kind {
    form: Regex,
    stand_in: &'static str,
}

static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    // The letters and digits of the names that Kubernetes makes up: k8s.io/apimachinery/pkg/util/rand.
    let made_up = "[bcdfghjklmnpqrstvwxz2456789]";
    let kinds = [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z".to_owned(), "<time>"),
        (r"(\d+(\.\d+)?(ns|us|µs|ms|s|m|h|d|y))+".to_owned(), "<duration>"),
        // One that is no round number is told to the bit.
        (r"\d+(\.\d+)?(k|M|G|T|Ki|Mi|Gi)|\d{5,}".to_owned(), "<bandwidth>"),
        (r"\d+\.\d+".to_owned(), "<number>"),
        ("[▁▂▃▄▅▆▇█·]+".to_owned(), "<line>"),
        (format!("(?<name>.+)-{made_up}{{8,10}}-{made_up}{{5}}"), "<hash>"),
    ];
    let kind = |(form, stand_in): (String, _)| Kind { form: whole(&form), stand_in };
    kinds.into_iter().map(kind).collect()
});

/// A word that is said to be `form`, in whatever marks it stands.
fn whole(form: &str) -> Regex {
    // The patterns are ours, and a test uses each.
    #[expect(clippy::unwrap_used, reason = "a constant")]
    Regex::new(&format!(r"^(?<before>[(\[]*)(?:{form})(?<after>[)\].,;:]*)$")).unwrap()
}

/// The words of a text, each on a line of its own, with a stand-in for each measured value, age, time and made-up name.
/// Bounds stay, since they are not measured. How lines are broken and drawn does not matter.
pub(crate) fn measured(text: &str, varies: &[Regex]) -> String {
    let mut text = words(text).collect::<Vec<_>>().join(" ");
    for one in varies {
        text = one.replace_all(&text, "<varies>").into_owned();
    }
    let mut before = "";
    let mut redacted = String::new();
    for word in text.split(' ') {
        let is_bound = matches!(before.trim_start_matches('('), "<=" | ">=" | "within");
        redacted += &if is_bound { word.to_owned() } else { stand_in(word) };
        redacted.push('\n');
        before = word;
    }
    redacted
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_drawn = |letter: char| ('─'..='╿').contains(&letter) || letter.is_whitespace();
    text.split(is_drawn).filter(|word| !word.is_empty())
}

fn stand_in(word: &str) -> String {
    for kind in KINDS.iter() {
        if let Some(found) = kind.form.captures(word) {
            return [part(&found, "before"), part(&found, "name"), kind.stand_in, part(&found, "after")]
                .concat();
        }
    }
    word.to_owned()
}

fn part<'a>(found: &Captures<'a>, name: &str) -> &'a str {
    found.name(name).map_or("", |part| part.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(text: &str) -> String {
        measured(text, &[]).trim_end().replace('\n', " ")
    }

    #[test]
    fn what_is_measured_gets_a_stand_in() {
        let cases = [
            ("Violated for 12s: 412us,", "Violated for <duration>: <duration>,"),
            ("2m5s 15.233us (1h)", "<duration> <duration> (<duration>)"),
            ("limit raised to 41M.", "limit raised to <bandwidth>."),
            ("limit cut to 50897679", "limit cut to <bandwidth>"),
            ("Time: 2026-11-24T10:36:04Z", "Time: <time>"),
            ("Value: 0.466", "Value: <number>"),
            ("jitter ▁▁·▂▇█", "jitter <line>"),
            ("pod/upload-7d9f8c6b5-x2x4z: 64M", "pod/upload<hash>: <bandwidth>"),
        ];
        for (text, expected) in cases {
            assert_eq!(redacted(text), expected, "{text}");
        }
    }

    #[test]
    fn words_states_counts_and_bounds_stay() {
        let cases = [
            "✘ ObjectivesMet False Violated: command-jitter (<= 300us)",
            "bound <= 5ms, >= 50M",
            "within 10M",
            "in force on 1 of 2 pods",
            "robot-control Kubernetes v1.31.2 e2e 198.18.2.2:5201",
        ];
        for text in cases {
            assert_eq!(redacted(text), text);
        }
    }

    #[test]
    fn how_lines_are_broken_and_drawn_does_not_matter() {
        let (wide, narrow) = ("├─ targets in\n│  force", "└─ targets\n   │  in\n\n      force ");
        assert_eq!(redacted(wide), redacted(narrow));
    }

    #[test]
    fn what_a_page_says_to_vary_is_left_out_in_words() {
        let varies = [Regex::new("change .+? targets").unwrap()];
        let text = "last change 3s ago,\n  Increase: it is calm\n├─ targets";
        assert_eq!(measured(text, &varies), "last\n<varies>\n");
    }
}
