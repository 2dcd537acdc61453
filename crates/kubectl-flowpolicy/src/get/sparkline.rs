use crate::page::{Step, steps};
use crate::terminal::{Tone, paint};
use flow_page::ObjectiveHistory;

/// How many characters it has.
const COLUMNS: i64 = 30;
/// How long each stands for, in milliseconds: ten minutes together.
const COLUMN: i64 = 20_000;
/// Where nothing was measured.
const UNKNOWN: char = '·';
/// How far the height of what is within the bound rises beyond its first step, and in how many parts.
const PARTS: u8 = 6;

/// The last ten minutes of an objective until `at`, the worst of each twenty seconds. What is beyond a bound has heights
/// of its own: the two highest or, where values are to stay above it, the two lowest; of a range the highest and the
/// lowest. None where nothing was measured.
pub(super) fn sparkline(objective: &ObjectiveHistory, at: i64) -> Option<String> {
    let bounds = Bounds::of(objective);
    let columns: Vec<_> =
        (0..COLUMNS).map(|column| worst(objective, bounds, at - (COLUMNS - column) * COLUMN)).collect();
    if columns.iter().all(Option::is_none) {
        return None;
    }
    let is_beyond = |value: &Option<f64>| value.is_some_and(|value| bounds.are_broken_by(value));
    let drawn = columns.chunk_by(|one, next| is_beyond(one) == is_beyond(next)).map(|run| {
        let marks: String =
            run.iter().map(|value| value.map_or(UNKNOWN, |value| bounds.mark(value))).collect();
        if run.iter().any(is_beyond) { paint(Tone::Bad, &marks) } else { marks }
    });
    let drawn: String = drawn.collect();
    let legend =
        if columns.iter().any(is_beyond) { format!(" ({} beyond)", bounds.beyond()) } else { String::new() };
    Some(format!("{drawn} in 10m{legend}"))
}

/// The worst value of the column that begins at `from`.
fn worst(objective: &ObjectiveHistory, bounds: Bounds, from: i64) -> Option<f64> {
    let is_in = |step: &Step| step.begin < from.saturating_add(COLUMN) && step.end > from;
    let values = steps(&objective.values).filter(is_in).filter_map(|step| step.value);
    values.reduce(|one, other| if bounds.excess(other) > bounds.excess(one) { other } else { one })
}

/// Between which values an objective holds.
#[derive(Clone, Copy)]
enum Bounds {
    AtMost(f64),
    AtLeast(f64),
    Within(f64, f64),
}

impl Bounds {
    fn of(&ObjectiveHistory { bound, at_least, other_bound, .. }: &ObjectiveHistory) -> Self {
        match (other_bound, at_least) {
            (Some(other), _) => Self::Within(bound.min(other), bound.max(other)),
            (None, true) => Self::AtLeast(bound),
            (None, false) => Self::AtMost(bound),
        }
    }

    /// How far beyond them `value` is; negative within.
    fn excess(self, value: f64) -> f64 {
        match self {
            Self::AtMost(bound) => value - bound,
            Self::AtLeast(bound) => bound - value,
            Self::Within(low, high) => (low - value).max(value - high),
        }
    }

    fn are_broken_by(self, value: f64) -> bool {
        self.excess(value) > 0.0
    }

    fn mark(self, value: f64) -> char {
        match self {
            Self::AtMost(bound) if value <= bound => height(['▁', '▂', '▃', '▄', '▅', '▆'], value / bound),
            Self::AtMost(bound) => {
                if value < 2.0 * bound {
                    '▇'
                } else {
                    '█'
                }
            }
            Self::AtLeast(bound) if value >= bound => {
                height(['▃', '▄', '▅', '▆', '▇', '█'], (value - bound) / bound.abs())
            }
            Self::AtLeast(bound) => {
                if value < bound / 2.0 {
                    '▁'
                } else {
                    '▂'
                }
            }
            Self::Within(low, _) if value < low => '▁',
            Self::Within(_, high) if value > high => '█',
            Self::Within(low, high) => height(['▂', '▃', '▄', '▅', '▆', '▇'], (value - low) / (high - low)),
        }
    }

    /// The marks of what is beyond them.
    fn beyond(self) -> &'static str {
        match self {
            Self::AtMost(_) => "▇█",
            Self::AtLeast(_) => "▁▂",
            Self::Within(..) => "▁█",
        }
    }
}

/// The mark of a share: the first for nearly nothing, the last for nearly one and more.
fn height(marks: [char; 6], share: f64) -> char {
    let [lowest, above @ ..] = marks;
    let mut reached = (1..PARTS).zip(above).filter(|(part, _)| share >= f64::from(*part) / f64::from(PARTS));
    reached.next_back().map_or(lowest, |(_, mark)| mark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_page::{Series, State, Unit};

    fn drawn(at_least: bool, bound: f64, step: i64, values: Vec<Option<f64>>) -> Option<String> {
        drawn_between(at_least, bound, None, step, values)
    }

    fn drawn_between(
        at_least: bool,
        bound: f64,
        other_bound: Option<f64>,
        step: i64,
        values: Vec<Option<f64>>,
    ) -> Option<String> {
        let start = 600_000 - step * i64::try_from(values.len()).unwrap();
        let values = Series { start, step, values };
        let name = "commands".to_owned();
        let (unit, state) = (Unit::Number, State::Met);
        let (measured, queue) = (None, None);
        let objective =
            ObjectiveHistory { name, unit, bound, at_least, other_bound, state, measured, queue, values };
        let text = sparkline(&objective, 600_000)?;
        Some(anstream::adapter::strip_str(&text).to_string())
    }

    fn some(values: &[f64]) -> Vec<Option<f64>> {
        values.iter().copied().map(Some).collect()
    }

    #[test]
    fn the_two_highest_marks_are_beyond_an_upper_bound_alone() {
        let text = drawn(false, 6.0, 20_000, some(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 6.1, 11.9, 12.0]));
        let unknown = "·".repeat(20);
        assert_eq!(text.unwrap(), format!("{unknown}▁▂▃▄▅▆▆▇▇█ in 10m (▇█ beyond)"));
        let within = drawn(false, 6.0, 20_000, some(&[6.0; 30])).unwrap();
        assert_eq!(within, format!("{} in 10m", "▆".repeat(30)));
    }

    #[test]
    fn the_two_lowest_marks_are_beyond_a_lower_bound_alone() {
        let text = drawn(true, 6.0, 20_000, some(&[0.0, 2.9, 3.0, 5.9, 6.0, 7.0, 9.0, 11.0, 40.0]));
        let unknown = "·".repeat(21);
        assert_eq!(text.unwrap(), format!("{unknown}▁▁▂▂▃▄▆██ in 10m (▁▂ beyond)"));
    }

    #[test]
    fn a_range_has_a_mark_beyond_each_of_its_ends() {
        let values = some(&[1.9, 2.0, 4.9, 5.0, 8.0, 8.1]);
        let text = drawn_between(false, 8.0, Some(2.0), 20_000, values.clone()).unwrap();
        assert_eq!(text, format!("{}▁▂▄▅▇█ in 10m (▁█ beyond)", "·".repeat(24)));
        assert_eq!(drawn_between(true, 2.0, Some(8.0), 20_000, values).unwrap(), text);
        let fine = drawn_between(false, 8.0, Some(2.0), 5_000, some(&[5.0, 1.0, 9.5, 5.0])).unwrap();
        assert!(fine.contains("·█ in"), "the worse end is drawn: {fine}");
    }

    #[test]
    fn a_bound_of_zero_is_kept_by_zero_alone() {
        assert!(drawn(false, 0.0, 20_000, some(&[0.0, 0.1])).unwrap().contains("▁█"));
    }

    #[test]
    fn the_worst_of_a_column_is_drawn_and_a_long_step_fills_its_columns() {
        let fine: Vec<_> = some(&[0.0, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0, 0.0]);
        assert!(drawn(false, 6.0, 5_000, fine).unwrap().contains("·▇▁ in"));
        assert!(drawn(false, 6.0, 60_000, some(&[1.0])).unwrap().contains("·▂▂▂ in"));
    }

    #[test]
    fn what_was_not_measured_is_no_zero_and_what_is_long_past_is_not_drawn() {
        let gap = drawn(false, 6.0, 20_000, vec![Some(0.0), None, Some(0.0)]).unwrap();
        assert!(gap.contains("·▁·▁ in"), "{gap}");
        let mut past = some(&[1.0]);
        past.extend([None; 31]);
        assert_eq!(drawn(false, 6.0, 20_000, past), None);
        assert_eq!(drawn(false, 6.0, 20_000, vec![]), None);
    }
}
