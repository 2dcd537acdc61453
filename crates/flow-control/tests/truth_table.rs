//! What is decided in every situation, held against the table in `truth_table.txt`, and what holds in all of them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use flow_control::{
    Action, Aimd, Bandwidth, Bound, Effect, EffectCheck, Finite, Hindrance, Law, Manual, Moment, NoData,
    NoDataAction, Observation, Params, Range, Reading, Role, State, Unknown, step,
};
use std::time::Duration;

const TABLE: &str = include_str!("truth_table.txt");
const ALL: &str = "*";
const NO_DATA_AFTER: u64 = 5;

/// Everything that a decision may depend on, one word of the table for each column.
type Situation = [&'static str; 8];

/// The words of each column.
const COLUMNS: [&[&str]; 8] = [
    &["none", "paused", "pinned"],
    &["violated", "both", "unknown", "roomy", "tight", "none"],
    &["old", "new"],
    &["short", "long"],
    &["Hold", "Minimum", "Release"],
    &["no", "?"],
    &["no", "yes"],
    &["min", "mid", "max"],
];

const UNKNOWN: [Unknown; 7] = [
    Unknown::NoData,
    Unknown::TooFewSamples { have: 1, need: 5 },
    Unknown::Stale { age: Duration::from_secs(9) },
    Unknown::NoSeries,
    Unknown::Ambiguous { series: 2 },
    Unknown::NotFinite,
    Unknown::SourceFailed,
];

struct Line {
    situation: Vec<&'static str>,
    action: &'static str,
    reason: &'static str,
    limit: &'static str,
}

fn lines() -> Vec<Line> {
    let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
    let line = |row: &'static str| {
        let (situation, decided) = row.split_once("->").unwrap();
        let decided: Vec<_> = decided.split_whitespace().collect();
        let situation: Vec<_> = situation.split_whitespace().collect();
        assert_eq!((situation.len(), decided.len()), (COLUMNS.len(), 3), "{row}");
        Line { situation, action: decided[0], reason: decided[1], limit: decided[2] }
    };
    rows.map(line).collect()
}

impl Line {
    fn fits(&self, situation: &Situation) -> bool {
        self.situation.iter().zip(situation).all(|(asked, is)| *asked == ALL || asked == is)
    }
}

fn situations() -> Vec<Situation> {
    let mut all = vec![[""; 8]];
    for (column, words) in COLUMNS.iter().enumerate() {
        let with = |situation: &Situation| {
            let mut situation = *situation;
            words.iter().map(move |word| {
                situation[column] = word;
                situation
            })
        };
        all = all.iter().flat_map(with).collect();
    }
    all
}

fn number(value: f64) -> Finite {
    Finite::new(value).unwrap()
}

fn mbps(mbps: u64) -> Bandwidth {
    Bandwidth::from_mbps(mbps)
}

fn at(second: u64) -> Moment {
    Moment::after_epoch(Duration::from_secs(second))
}

/// An objective of at most 1.
fn objective(role: Role, reading: Reading) -> Observation {
    Observation::new(role, 100, Bound::AtMost(number(1.0)), reading, None)
}

const VIOLATED: f64 = 2.0;
const TIGHT: f64 = 0.7;
const ROOMY: f64 = 0.1;

/// Sets of objectives that are all what the table calls `word`, in different ways.
fn objectives(word: &str) -> Vec<Vec<Observation>> {
    let decides = |value| objective(Role::Control, Ok(number(value)));
    let watches = |value| objective(Role::Watch, Ok(number(value)));
    let unknown = |role| UNKNOWN.map(|why| objective(role, Err(why)));
    let beside = |other: Observation| move |one: Observation| [vec![one, other], vec![other, one]];
    match word {
        "violated" => [vec![decides(VIOLATED)], vec![decides(VIOLATED), decides(VIOLATED)]]
            .into_iter()
            .chain([TIGHT, ROOMY].into_iter().flat_map(|other| beside(decides(other))(decides(VIOLATED))))
            .chain(unknown(Role::Watch).into_iter().flat_map(beside(decides(VIOLATED))))
            .collect(),
        "both" => unknown(Role::Control).into_iter().flat_map(beside(decides(VIOLATED))).collect(),
        "unknown" => unknown(Role::Control)
            .into_iter()
            .flat_map(|one| {
                let others = [decides(TIGHT), decides(ROOMY), watches(VIOLATED), one];
                others.into_iter().flat_map(move |other| beside(other)(one)).chain([vec![one]])
            })
            .collect(),
        "tight" => [vec![decides(TIGHT)], vec![decides(TIGHT), watches(VIOLATED)]]
            .into_iter()
            .chain(beside(decides(ROOMY))(decides(TIGHT)))
            .collect(),
        "roomy" => [vec![decides(ROOMY)], vec![decides(ROOMY), decides(ROOMY)]]
            .into_iter()
            .chain(beside(watches(VIOLATED))(decides(ROOMY)))
            .chain(unknown(Role::Watch).into_iter().flat_map(beside(decides(ROOMY))))
            .collect(),
        _ => vec![vec![], vec![watches(VIOLATED)], vec![watches(ROOMY)]],
    }
}

fn params([hand, _, _, _, no_data, _, possible, _]: &Situation) -> Params {
    Params {
        manual: match *hand {
            "paused" => Some(Manual::Hold),
            "pinned" => Some(Manual::Pin(mbps(40))),
            _ => None,
        },
        no_data: NoData {
            after: Duration::from_secs(NO_DATA_AFTER),
            action: match *no_data {
                "Minimum" => NoDataAction::Minimum,
                "Release" => NoDataAction::Release,
                _ => NoDataAction::Hold,
            },
        },
        effect: if *possible == "no" { Effect::Impossible(Hindrance::NotInForce) } else { Effect::Possible },
        ..plain()
    }
}

fn plain() -> Params {
    Params {
        law: Law::Aimd(Aimd::default()),
        no_data: NoData { after: Duration::from_secs(NO_DATA_AFTER), action: NoDataAction::Hold },
        ranges: vec![Range { min: mbps(10), max: mbps(100) }],
        effect_check: Some(EffectCheck {
            after: Duration::from_secs(30),
            retry_after: Duration::from_mins(10),
        }),
        manual: None,
        effect: Effect::Possible,
        traffic: Vec::new(),
    }
}

/// A state whose limits have last changed at `changed`, and in which lower limits are known not to help, or not.
fn state(effect: &str) -> (State, u64) {
    let mut state = State::resume(vec![mbps(if effect == "no" { 100 } else { 10 })]);
    let value = if effect == "no" { VIOLATED } else { ROOMY };
    for second in 0.. {
        let now = at(second);
        let seen = Observation { measured: Some(now), ..objective(Role::Control, Ok(number(value))) };
        let decision;
        (state, decision) = step(&plain(), state, &[seen], now);
        if decision.action == Action::Increase {
            assert_eq!(state.no_effect().is_some(), effect == "no");
            return (state, second);
        }
    }
    unreachable!("limits rise in the end")
}

/// What is decided in `situation` about each set of objectives that is like that, with the states before and after.
fn decided(situation: &Situation) -> Vec<(State, State, flow_control::Decision)> {
    let [_, word, measured, unknown, _, effect, _, limit] = situation;
    let (mut before, changed) = state(effect);
    before.limits = vec![mbps(match *limit {
        "min" => 10,
        "max" => 100,
        _ => 50,
    })];
    let decide = |mut seen: Vec<Observation>| {
        let mut before = before.clone();
        let paused = Params { manual: Some(Manual::Hold), ..plain() };
        let began = if *unknown == "long" { changed + 1 } else { changed + 9 };
        (before, _) = step(&paused, before, &seen, at(began));
        for observation in &mut seen {
            observation.measured = Some(at(if *measured == "new" { changed + 10 } else { changed }));
        }
        let now = at(changed + 10);
        let (after, decision) = step(&params(situation), before.clone(), &seen, now);
        assert_eq!(step(&params(situation), before.clone(), &seen, now), (after.clone(), decision));
        (before, after, decision)
    };
    objectives(word).into_iter().map(decide).collect()
}

#[test]
fn every_situation_is_decided_as_the_table_says() {
    let table = lines();
    for situation in situations() {
        let line = table.iter().find(|line| line.fits(&situation));
        let line = line.unwrap_or_else(|| unreachable!("no line for {situation:?}"));
        for (before, after, decision) in decided(&situation) {
            let found = (format!("{:?}", decision.action), format!("{:?}", decision.reason));
            assert_eq!(found, (line.action.to_owned(), line.reason.to_owned()), "{situation:?}");
            let limit =
                if line.limit == "same" { before.limits[0] } else { mbps(line.limit.parse().unwrap()) };
            assert_eq!(after.limits, [limit], "{situation:?}");
            assert_eq!(after.released, decision.action == Action::Release, "{situation:?}");
        }
    }
}

#[test]
fn no_line_of_the_table_is_there_for_nothing() {
    let (table, situations) = (lines(), situations());
    for (number, line) in table.iter().enumerate() {
        let first = |situation: &Situation| {
            line.fits(situation) && !table[..number].iter().any(|other| other.fits(situation))
        };
        assert!(situations.iter().any(first), "{:?} -> {} {}", line.situation, line.action, line.reason);
    }
}

#[test]
fn in_no_situation_a_limit_is_raised_on_the_unknown_or_changed_by_a_hold() {
    for situation in situations() {
        let [hand, word, _, _, no_data, ..] = situation;
        for (before, after, decision) in decided(&situation) {
            let unknown = ["both", "unknown"].contains(&word);
            let rises = after.limits > before.limits && hand != "pinned";
            assert!(!rises || !unknown || decision.action == Action::Release, "{situation:?}");
            let changes = after.limits != before.limits || after.released != before.released;
            assert_eq!(changes, decision.action != Action::Hold, "{situation:?}");
            assert!(!after.released || no_data == "Release", "{situation:?}");
            assert!(hand != "paused" || !changes, "{situation:?}");
            assert!((mbps(10)..=mbps(100)).contains(&after.limits[0]), "{situation:?}");
        }
    }
}
