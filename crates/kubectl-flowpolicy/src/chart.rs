//! Plots of characters that read without colour, at most [`WIDTH`] columns wide.

/// The widest line.
pub const WIDTH: usize = 80;
/// What stands left of a plot: the value, a space and the axis.
const LABEL: usize = 9;
/// How many columns of values a plot has.
pub const COLUMNS: usize = WIDTH - LABEL - 2;
/// A time below a plot that is longer leaves room for fewer of them.
const SHORT: usize = 8;

/// A point in time and a value.
pub type Point = (f64, f64);

/// What stands for all values of a column.
#[derive(Clone, Copy, Debug)]
pub enum Pick {
    /// The highest.
    Highest,
    /// The lowest.
    Lowest,
    /// Their mean.
    Mean,
}

/// A line of a plot.
#[derive(Clone, Debug)]
pub struct Series {
    /// What it is drawn with.
    pub mark: char,
    /// The value of each column, where there is one.
    pub values: Vec<Option<f64>>,
}

/// Lines over one vertical axis. What is above it runs along its upper edge.
pub struct Chart<'a> {
    /// How far the vertical axis goes, from 0 on.
    pub top: f64,
    /// Its length in lines.
    pub rows: usize,
    /// How a value is written beside it, in at most eight characters.
    pub label: &'a dyn Fn(f64) -> String,
    /// The lines, the lowest first.
    pub series: Vec<Series>,
}

impl Chart<'_> {
    /// The plot, without an axis of time.
    #[must_use]
    pub fn text(&self) -> String {
        (0..self.rows).rev().map(|row| self.row(row)).collect()
    }

    fn row(&self, row: usize) -> String {
        let highest = self.rows.saturating_sub(1);
        let is_labelled = row == 0 || row == highest || row == highest / 2;
        let value = self.top * count(row) / count(highest.max(1));
        let label = if is_labelled { (self.label)(value) } else { String::new() };
        let marks: String = (0..COLUMNS).map(|column| self.mark(row, column)).collect();
        format!("{label:>LABEL$} │{marks}").trim_end().to_owned() + "\n"
    }

    fn mark(&self, row: usize, column: usize) -> char {
        let is_here = |series: &&Series| {
            let value = series.values.get(column).copied().flatten();
            value.is_some_and(|value| self.row_of(value) == row)
        };
        self.series.iter().rev().find(is_here).map_or(' ', |series| series.mark)
    }

    fn row_of(&self, value: f64) -> usize {
        let highest = self.rows.saturating_sub(1);
        whole((value / self.top * count(highest)).round()).min(highest)
    }
}

/// The axis of time below a plot, whose columns are `length` long together, and the times on it.
#[must_use]
pub fn axis(length: f64, label: &dyn Fn(f64) -> String) -> String {
    let mut times = vec![' '; WIDTH];
    let parts = if label(length).chars().count() > SHORT { 2 } else { 4 };
    for number in 0..=parts {
        let share = count(number) / count(parts);
        let text = label(share * length);
        let at = LABEL + 2 + whole((share * count(COLUMNS - 1)).round());
        let at = at.min(WIDTH.saturating_sub(text.chars().count()));
        times.iter_mut().skip(at).zip(text.chars()).for_each(|(place, letter)| *place = letter);
    }
    let times: String = times.into_iter().collect();
    format!("{:>LABEL$} └{}\n{}\n", "", "─".repeat(COLUMNS), times.trim_end())
}

/// A line of marks below a plot, each at its time; a later one covers an earlier one in its column.
#[must_use]
pub fn marks(name: &str, marks: &[(f64, char)], length: f64) -> String {
    let mut line = vec![' '; COLUMNS];
    for (at, mark) in marks {
        if let Some(place) = line.get_mut(column(*at, length)) {
            *place = *mark;
        }
    }
    let line: String = line.into_iter().collect();
    format!("{name:>LABEL$}  {line}").trim_end().to_owned() + "\n"
}

/// What stands for the points of each column.
#[must_use]
pub fn columns(points: &[Point], length: f64, pick: Pick) -> Vec<Option<f64>> {
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); COLUMNS];
    for (at, value) in points {
        if let Some(column) = values.get_mut(column(*at, length)) {
            column.push(*value);
        }
    }
    values.iter().map(|values| picked(values, pick)).collect()
}

/// The same where a value holds until the next one.
#[must_use]
pub fn held(points: &[Point], length: f64, pick: Pick) -> Vec<Option<f64>> {
    let mut last = None;
    let fill = |value: Option<f64>| {
        last = value.or(last);
        last
    };
    columns(points, length, pick).into_iter().map(fill).collect()
}

fn picked(values: &[f64], pick: Pick) -> Option<f64> {
    match pick {
        Pick::Highest => values.iter().copied().reduce(f64::max),
        Pick::Lowest => values.iter().copied().reduce(f64::min),
        Pick::Mean => (!values.is_empty()).then(|| values.iter().sum::<f64>() / count(values.len())),
    }
}

fn column(at: f64, length: f64) -> usize {
    whole(at / length * count(COLUMNS)).min(COLUMNS - 1)
}

/// The next of the numbers 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 and their tenfolds, for the top of an axis.
#[must_use]
pub fn round_up(value: f64) -> f64 {
    let tenfold = 10f64.powf(value.max(f64::MIN_POSITIVE).log10().floor());
    let steps = [1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * tenfold).find(|step| *step >= value).unwrap_or(value)
}

/// A small number to calculate with.
#[must_use]
pub fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}

/// A number without its fraction; 0 for a negative one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::as_conversions,
    reason = "a float is cut off at the ends of the integer's range"
)]
const fn whole(number: f64) -> usize {
    number as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_its_lines_one_over_the_other_and_what_is_too_high_at_its_edge() {
        let length = count(COLUMNS);
        let ramp: Vec<_> = (0..COLUMNS).map(|at| (count(at) + 0.5, count(at) / 10.0)).collect();
        let chart = Chart {
            top: 4.0,
            rows: 5,
            label: &|value| format!("{value:.0} Mbit"),
            series: vec![
                Series { mark: '┄', values: held(&[(0.0, 2.0)], length, Pick::Mean) },
                Series { mark: '•', values: columns(&ramp, length, Pick::Highest) },
            ],
        };
        let expected = "   4 Mbit │                                   ••••••••••••••••••••••••••••••••••
          │                         ••••••••••
   2 Mbit │┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄••••••••••┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
          │     ••••••••••
   0 Mbit │•••••
          └─────────────────────────────────────────────────────────────────────
           0 s              17 s             34 s             52 s          69 s
  decided  v                                 ^                                 v
";
        let below = axis(length, &|at| format!("{at:.0} s"));
        let marks = marks("decided", &[(0.0, '^'), (0.2, 'v'), (34.5, '^'), (69.0, 'v')], length);
        assert_eq!(format!("{}{below}{marks}", chart.text()), expected);
        assert!(expected.lines().all(|line| line.chars().count() <= WIDTH));
    }

    #[test]
    fn a_column_without_a_point_is_empty_unless_values_hold() {
        let points = [(0.0, 1.0), (0.1, 3.0), (68.9, 5.0)];
        let mean = columns(&points, 69.0, Pick::Mean);
        assert_eq!((mean[0], mean[1], mean[68]), (Some(2.0), None, Some(5.0)));
        assert_eq!(columns(&points, 69.0, Pick::Lowest)[0], Some(1.0));
        assert_eq!(held(&points, 69.0, Pick::Highest)[67], Some(3.0));
    }

    #[test]
    fn an_axis_ends_at_a_round_number() {
        for (value, top) in [(105.0, 120.0), (100.0, 100.0), (0.0003, 0.0003), (9.1, 10.0)] {
            assert!((round_up(value) - top).abs() < top * 1e-9, "{value}: {}", round_up(value));
        }
    }
}
