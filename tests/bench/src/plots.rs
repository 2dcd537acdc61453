//! Delay, limit, capacity and goodput over time, of two runs side by side.
//!
//! It reads without colour: lines differ in kind, and each is labelled.

use crate::plan::BOUND_US;
use crate::recording::Recording;
use flow_e2e::{Error, Result};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use std::fmt::Display;

const SIZE: (u32, u32) = (1200, 620);
const FONT: &str = "sans-serif";
const LIMIT: RGBColor = RGBColor(20, 60, 130);
const SENT: RGBColor = RGBColor(190, 90, 20);
const DELAY: RGBColor = RGBColor(20, 60, 130);
/// Delays are drawn as the highest of so long a time, in seconds.
const STEP_S: f64 = 0.2;
/// The range of the delay's axis, which is logarithmic, in milliseconds.
const DELAY_MS: std::ops::Range<f64> = 0.05..300.0;
const HIGHEST_MBPS: f64 = 130.0;

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Line = Vec<(f64, f64)>;

/// A run with a title.
pub(crate) type Titled<'a> = (&'a str, &'a Recording);

/// Draws both runs, of `length_s` seconds each.
pub(crate) fn svg(runs: [Titled<'_>; 2], length_s: f64) -> Result<String> {
    let mut image = String::new();
    {
        let root = SVGBackend::with_string(&mut image, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        let halves = root.split_horizontally(SIZE.0 / 2);
        for (half, (title, run)) in [halves.0, halves.1].iter().zip(runs) {
            let (above, below) = half.split_vertically(SIZE.1 / 2);
            delays(&above, title, run, length_s)?;
            rates(&below, run, length_s)?;
        }
        root.present().map_err(failed)?;
    }
    Ok(image)
}

fn failed(error: impl Display) -> Error {
    Error::Plot(error.to_string())
}

fn delays(panel: &Panel<'_>, title: &str, run: &Recording, length_s: f64) -> Result<()> {
    let mut chart = ChartBuilder::on(panel)
        .caption(title, (FONT, 17))
        .margin(10)
        .x_label_area_size(34)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..length_s, DELAY_MS.log_scale())
        .map_err(failed)?;
    let mesh = &mut chart.configure_mesh();
    mesh.disable_x_mesh().light_line_style(TRANSPARENT).label_style((FONT, 13));
    mesh.x_desc("seconds").y_desc("delay, ms (highest of 0.2 s)").draw().map_err(failed)?;
    chart
        .draw_series(LineSeries::new(highest_delays(run, length_s), DELAY.stroke_width(1)))
        .map_err(failed)?;
    let bound = bound_ms(run);
    let dashes = DashedLineSeries::new([(0.0, bound), (length_s, bound)], 8, 5, BLACK.stroke_width(1));
    chart.draw_series(dashes).map_err(failed)?;
    let text = Text::new("empty link + bound".to_owned(), (length_s * 0.01, bound * 1.1), (FONT, 13));
    chart.draw_series([text]).map_err(failed)?;
    Ok(())
}

/// The delay on the empty link, and the bound on top, in milliseconds.
fn bound_ms(run: &Recording) -> f64 {
    let quiet: Vec<f64> =
        run.probes(f64::NEG_INFINITY, 0.0).iter().filter_map(|probe| probe.rtt_us).collect();
    (flow_e2e::statistics::median(&quiet).unwrap_or_default() + BOUND_US) / 1e3
}

/// A lost probe is as high as the axis.
fn highest_delays(run: &Recording, length_s: f64) -> Line {
    let starts = (0u32..).map(|step| f64::from(step) * STEP_S).take_while(|start| *start < length_s);
    let highest = |start: f64| {
        let delays = run.probes(start, start + STEP_S).iter();
        let delays = delays.map(|probe| probe.rtt_us.map_or(DELAY_MS.end, |us| us / 1e3));
        delays.reduce(f64::max).map(|ms| (start, ms.clamp(DELAY_MS.start, DELAY_MS.end)))
    };
    starts.filter_map(highest).collect()
}

fn rates(panel: &Panel<'_>, run: &Recording, length_s: f64) -> Result<()> {
    let mut chart = ChartBuilder::on(panel)
        .margin(10)
        .x_label_area_size(34)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..length_s, 0.0..HIGHEST_MBPS)
        .map_err(failed)?;
    let mesh = &mut chart.configure_mesh();
    mesh.disable_x_mesh().light_line_style(TRANSPARENT).label_style((FONT, 13));
    mesh.x_desc("seconds").y_desc("Mbit/s").draw().map_err(failed)?;
    let limits: Vec<(f64, f64)> = run.totals.iter().map(|total| (total.at_s, total.mbps)).collect();
    let capacity: Vec<(f64, f64)> = run.capacity.iter().map(|step| (step.at_s, step.mbps)).collect();
    let dashed = |line, size, colour: ShapeStyle| DashedLineSeries::new(line, size, 4, colour);
    chart.draw_series(dashed(steps(&capacity, length_s), 10, BLACK.stroke_width(1))).map_err(failed)?;
    chart.draw_series(LineSeries::new(steps(&limits, length_s), LIMIT.stroke_width(2))).map_err(failed)?;
    chart.draw_series(dashed(sent(run, length_s), 3, SENT.stroke_width(2))).map_err(failed)?;
    legend(&mut chart, length_s)
}

type Rates<'a, 'b> = ChartContext<'b, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

fn legend(chart: &mut Rates<'_, '_>, length_s: f64) -> Result<()> {
    let sample = |share: f64| vec![(share * length_s, 123.0), ((share + 0.05) * length_s, 123.0)];
    let dashed = |share, size, colour: ShapeStyle| DashedLineSeries::new(sample(share), size, 4, colour);
    chart.draw_series(dashed(0.02, 10, BLACK.stroke_width(1))).map_err(failed)?;
    chart.draw_series(LineSeries::new(sample(0.29), LIMIT.stroke_width(2))).map_err(failed)?;
    chart.draw_series(dashed(0.70, 3, SENT.stroke_width(2))).map_err(failed)?;
    let labels = [(0.08, "capacity"), (0.35, "limits, all pods together"), (0.76, "on the link")];
    let text = |(share, text): (f64, &str)| Text::new(text.to_owned(), (share * length_s, 126.0), (FONT, 13));
    chart.draw_series(labels.map(text)).map_err(failed)?;
    Ok(())
}

/// A value that holds until the next, within the panel; higher ones run along its upper edge.
fn steps(points: &[(f64, f64)], length_s: f64) -> Line {
    let ends = points.iter().skip(1).map(|next| next.0).chain([length_s]);
    let spans = points.iter().zip(ends).filter(|((from_s, _), end_s)| *end_s > 0.0 && *from_s < length_s);
    spans
        .flat_map(|((from_s, mbps), end_s)| {
            let mbps = mbps.min(HIGHEST_MBPS * 0.9);
            [(from_s.max(0.0), mbps), (end_s.min(length_s), mbps)]
        })
        .collect()
}

/// What the link carried in each half second.
fn sent(run: &Recording, length_s: f64) -> Line {
    let starts = (0u32..).map(|half| f64::from(half) / 2.0).take_while(|start| start + 0.5 <= length_s);
    starts
        .filter_map(|start| Some((start + 0.25, run.link_mbps(start, start + 0.6)?.min(HIGHEST_MBPS))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::Capacity;
    use crate::limits::Total;
    use crate::recording::tests::probed;

    #[test]
    fn both_runs_are_drawn_with_their_titles_and_lines() {
        let mut run = probed(40, |at_s| (at_s < 30.0).then_some(400.0));
        run.capacity = vec![Capacity { at_s: 0.0, mbps: 100.0 }, Capacity { at_s: 12.0, mbps: 60.0 }];
        run.totals = vec![Total { at_s: -1.0, mbps: f64::INFINITY }, Total { at_s: 1.0, mbps: 90.0 }];
        let image = svg([("ours", &run), ("predecessor", &run)], 40.0).unwrap();
        for text in ["ours", "predecessor", "capacity", "limits, all pods together", "empty link + bound"] {
            assert!(image.contains(text), "{text}");
        }
    }

    #[test]
    fn a_value_holds_until_the_next_and_none_is_higher_than_the_panel() {
        let points = [(-1.0, f64::INFINITY), (2.0, 50.0), (9.0, 40.0)];
        assert_eq!(steps(&points, 5.0), [(0.0, 117.0), (2.0, 117.0), (2.0, 50.0), (5.0, 50.0)]);
    }

    #[test]
    fn a_lost_probe_is_as_high_as_can_be() {
        let run = probed(1, |at_s| (at_s < 0.2).then_some(400.0));
        assert_eq!(highest_delays(&run, 0.4), [(0.0, 0.4), (0.2, 300.0)]);
    }
}
