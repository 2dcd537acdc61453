use crate::input::text;
use flow_control::{Bandwidth, Manual};
use flow_policy::Overrides;
use flow_policy::names::{LIMIT, PAUSE_REASON, PAUSED, PAUSED_UNTIL};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The annotations of a policy by which a person pauses it or pins its limits, one a line: the first letter names it,
/// and the rest is its value.
///
/// What cannot be understood holds; nothing is pinned beyond what a policy may say; a pause goes on until its end.
pub fn overrides(data: &[u8]) {
    let annotations: BTreeMap<_, _> = text(data).lines().filter_map(annotation).collect();
    let overrides = Overrides::of(&annotations);
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let manual = overrides.manual(now);
    if let Some(Manual::Pin(limit)) = manual {
        let allowed = Bandwidth::from_bps(8_000)..=Bandwidth::from_mbps(1_000_000);
        assert!(allowed.contains(&limit) && annotations.contains_key(LIMIT), "{limit}");
    }
    if let Some(problem) = overrides.problem() {
        assert!(manual.is_some(), "{problem} lets the policy go on");
        assert!(annotations.keys().any(|name| problem.field.contains(name)), "{problem}");
    }
    let paused = annotations.get(PAUSED).is_some_and(|value| value.trim() != "false");
    assert!(!paused || manual.is_some(), "a pause was overlooked");
    if let Some(until) = overrides.until() {
        assert!(now >= until || manual.is_some(), "paused until {until}");
    }
    if annotations.keys().all(|name| name == PAUSE_REASON) {
        assert_eq!(manual, None);
    }
}

fn annotation(line: &str) -> Option<(String, String)> {
    let names = [("p", PAUSED), ("u", PAUSED_UNTIL), ("r", PAUSE_REASON), ("l", LIMIT)];
    let (letter, name) = names.into_iter().find(|(letter, _)| line.starts_with(letter))?;
    Some((name.to_owned(), line.strip_prefix(letter)?.to_owned()))
}
