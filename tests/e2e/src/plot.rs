//! The plot of a recording: jitter above, limit and best-effort rate below, over one axis of time.
//!
//! It reads without colour: lines differ in kind, and each is labelled where it stands.

use crate::recording::{Recording, Span, TotalLimit};
use crate::report::whole_jitter;
use crate::{Error, Result};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::fmt::Display;
use std::ops::Range;

const SIZE: (u32, u32) = (960, 600);
const FONT: &str = "sans-serif";
const LINE: RGBColor = RGBColor(20, 60, 130);
const OTHER: RGBColor = RGBColor(190, 90, 20);
const SHADE: RGBColor = RGBColor(236, 236, 236);

/// The tallest jitter that is shown, in bounds.
const TALLEST_BOUNDS: f64 = 12.0;

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'b, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Draws `recording` as an SVG image.
pub fn svg(recording: &Recording, bound_us: f64) -> Result<String> {
    let mut image = String::new();
    draw(recording, bound_us, SVGBackend::with_string(&mut image, SIZE))?;
    Ok(image)
}

fn draw(recording: &Recording, bound_us: f64, backend: SVGBackend) -> Result<()> {
    let root = backend.into_drawing_area();
    root.fill(&WHITE).map_err(failed)?;
    let (above, below) = root.split_vertically(SIZE.1 / 2);
    let to_s = recording.phases.last().map_or(1.0, |last| last.to_s);
    let from_s = recording.phases.first().map_or(0.0, |first| first.from_s);
    draw_jitter(&above, recording, bound_us, from_s..to_s)?;
    draw_rates(&below, recording, from_s..to_s)?;
    root.present().map_err(failed)
}

fn failed(error: impl Display) -> Error {
    Error::Plot(error.to_string())
}

fn draw_jitter(panel: &Panel, recording: &Recording, bound_us: f64, time: Range<f64>) -> Result<()> {
    let jitter = whole_jitter(recording);
    let height = bound_us / 1e3;
    // Higher peaks are cut off, or the bound would be lost at the bottom.
    let top = height * TALLEST_BOUNDS;
    let jitter: Vec<_> = jitter.iter().map(|point| (point.at_s, (point.value / 1e3).min(top))).collect();
    let most = jitter.iter().map(|(_, ms)| *ms).fold(height, f64::max);
    let bound = [(time.start, height), (time.end, height)];
    let at_end = (time.end, height);
    let mut chart = chart(panel, "jitter, ms", time, most * 1.15, &recording.phases)?;
    name_phases(&mut chart, most * 1.06, &recording.phases)?;
    chart.draw_series(LineSeries::new(jitter, LINE.stroke_width(2))).map_err(failed)?;
    chart.draw_series(DashedLineSeries::new(bound, 8, 5, BLACK.stroke_width(1))).map_err(failed)?;
    label(&mut chart, at_end, &format!("bound {height} ms"), HPos::Right)
}

fn draw_rates(panel: &Panel, recording: &Recording, time: Range<f64>) -> Result<()> {
    let limits = recording.total_limits();
    let sent: Vec<(f64, f64)> = recording.sent_mbps.iter().map(|point| (point.at_s, point.value)).collect();
    let rates = sent.iter().map(|(_, mbps)| *mbps).chain(limits.iter().filter_map(|limit| limit.mbps));
    let most = rates.fold(100.0, f64::max);
    let end_s = time.end;
    let mut chart = chart(panel, "Mbit/s", time.clone(), most * 1.25, &recording.phases)?;
    chart.draw_series(DashedLineSeries::new(sent, 3, 3, OTHER.stroke_width(2))).map_err(failed)?;
    let steps = steps(&limits, end_s).into_iter().map(|step| PathElement::new(step, LINE.stroke_width(3)));
    chart.draw_series(steps).map_err(failed)?;
    legend(&mut chart, &time, most * 1.12)
}

/// One line for each time that a limit held: along it, and up or down to the next.
fn steps(limits: &[TotalLimit], end_s: f64) -> Vec<Vec<(f64, f64)>> {
    let end = TotalLimit { at_s: end_s, mbps: None };
    let next = limits.iter().skip(1).chain([&end]);
    let step = |(from, to): (&TotalLimit, &TotalLimit)| {
        let mbps = from.mbps?;
        let along = [(from.at_s, mbps), (to.at_s, mbps)];
        Some(along.into_iter().chain(to.mbps.map(|next| (to.at_s, next))).collect())
    };
    limits.iter().zip(next).filter_map(step).collect()
}

fn legend(chart: &mut Chart, time: &Range<f64>, y: f64) -> Result<()> {
    let at = |share: f64| time.start + (time.end - time.start) * share;
    let sample = |from: f64| [(at(from), y), (at(from + 0.04), y)];
    chart.draw_series(LineSeries::new(sample(0.02), LINE.stroke_width(3))).map_err(failed)?;
    label(chart, (at(0.065), y), "limits of all best-effort pods together", HPos::Left)?;
    chart.draw_series(DashedLineSeries::new(sample(0.45), 3, 3, OTHER.stroke_width(2))).map_err(failed)?;
    label(chart, (at(0.495), y), "what they really send", HPos::Left)
}

fn chart<'a, 'b>(
    panel: &'b Panel<'a>,
    unit: &str,
    time: Range<f64>,
    most: f64,
    phases: &[Span],
) -> Result<Chart<'a, 'b>> {
    let mut chart = ChartBuilder::on(panel)
        .margin(10)
        .margin_right(28)
        .x_label_area_size(34)
        .y_label_area_size(56)
        .build_cartesian_2d(time, 0.0..most)
        .map_err(failed)?;
    shade(&mut chart, most, phases)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .label_style((FONT, 14))
        .x_desc("seconds")
        .y_desc(unit)
        .draw()
        .map_err(failed)?;
    Ok(chart)
}

/// Shades every second phase.
fn shade(chart: &mut Chart, most: f64, phases: &[Span]) -> Result<()> {
    let shaded = phases.iter().skip(1).step_by(2);
    let areas = shaded.map(|span| Rectangle::new([(span.from_s, 0.0), (span.to_s, most)], SHADE.filled()));
    chart.draw_series(areas).map_err(failed)?;
    Ok(())
}

/// Writes each phase's name at its beginning.
fn name_phases(chart: &mut Chart, y: f64, phases: &[Span]) -> Result<()> {
    phases.iter().try_for_each(|span| label(chart, (span.from_s, y), span.name, HPos::Left))
}

fn label(chart: &mut Chart, at: (f64, f64), text: &str, side: HPos) -> Result<()> {
    let style = (FONT, 14).into_font().into_text_style(&SIZE).pos(Pos::new(side, VPos::Bottom));
    chart.draw_series([Text::new(text.to_owned(), at, style)]).map_err(failed)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::RoundTrip;
    use crate::recording::{LimitPoint, Point};

    /// Forty seconds: quiet, congested, protected by a limit that saws, and released.
    fn recording() -> Recording {
        let trip = |position: u32| {
            let sent_s = f64::from(position) / 50.0;
            let congested = (10.0..20.0).contains(&sent_s);
            RoundTrip {
                sent_s,
                rtt_us: if congested {
                    f64::from(position * 7919 % 5_000)
                } else {
                    f64::from(200 + position * 7919 % 200)
                },
            }
        };
        let limit = |at_s: u32| LimitPoint {
            at_s: f64::from(at_s),
            pod: "a".into(),
            mbps: (at_s < 38).then(|| f64::from(80 + at_s % 5 * 4)),
        };
        let rate = |at_s: u32| Point {
            at_s: f64::from(at_s),
            value: if (10..30).contains(&at_s) { f64::from(70 + at_s) } else { 0.0 },
        };
        let names = ["quiet", "congested", "protected", "released"];
        let phases = (0u32..).zip(names).map(|(n, name)| Span {
            name,
            from_s: f64::from(n * 10),
            to_s: f64::from(n * 10 + 10),
        });
        Recording {
            round_trips: (0..2000).map(trip).collect(),
            limits: (20..=38).map(limit).collect(),
            sent_mbps: (0..40).map(rate).collect(),
            phases: phases.collect(),
            ..Recording::default()
        }
    }

    #[test]
    fn a_plot_names_its_phases_its_bound_and_its_lines() {
        let image = svg(&recording(), 500.0).unwrap();
        for text in
            ["quiet", "congested", "protected", "released", "bound 0.5 ms", "limits of all", "really send"]
        {
            assert!(image.contains(text), "{text}");
        }
    }

    #[test]
    fn a_limit_is_drawn_until_the_next_and_not_where_there_is_none() {
        let total = |at_s, mbps| TotalLimit { at_s, mbps };
        let limits = [total(1.0, Some(80.0)), total(2.0, Some(64.0)), total(4.0, None)];
        assert_eq!(
            steps(&limits, 9.0),
            [vec![(1.0, 80.0), (2.0, 80.0), (2.0, 64.0)], vec![(2.0, 64.0), (4.0, 64.0)]]
        );
    }
}
