//! Capacity, limit and what is sent above, how long packets queue below, over one axis of time.
//!
//! It reads without colour: lines differ in kind, and each is labelled.

use super::history::{History, Point};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;

const SIZE: (u32, u32) = (800, 440);
const FONT: &str = "sans-serif";
const LIMIT: RGBColor = RGBColor(20, 60, 130);
const SENT: RGBColor = RGBColor(190, 90, 20);
/// Of so many parts of the time, the highest value is drawn of each.
const PARTS: f64 = 500.0;

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'b, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Draws `history` as an SVG image.
pub(crate) fn svg(history: &History) -> Result<String> {
    let mut image = String::new();
    {
        let root = SVGBackend::with_string(&mut image, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let (above, below) = root.split_vertically(SIZE.1 * 3 / 5);
        rates(&above, history)?;
        waits(&below, history)?;
        root.present()?;
    }
    Ok(image)
}

fn rates(panel: &Panel<'_>, history: &History) -> Result<()> {
    let top = 1.35 * history.capacity.iter().map(|point| point.1).fold(0.0, f64::max);
    let within =
        |line: &[Point]| line.iter().map(|(at, mbps)| (*at, mbps.min(top * 0.86))).collect::<Vec<_>>();
    let mut chart = chart(panel, "Mbit/s", history.length_s(), top)?;
    let sent = thinned(&history.sent, history.length_s() / PARTS);
    chart.draw_series(LineSeries::new(within(&sent), SENT.stroke_width(1)))?;
    dashed(&mut chart, within(&history.capacity), 10)?;
    chart.draw_series(LineSeries::new(within(&history.limit), LIMIT.stroke_width(2)))?;
    legend(&mut chart, history.length_s(), top)
}

fn waits(panel: &Panel<'_>, history: &History) -> Result<()> {
    let (length_s, allowed) = (history.length_s(), history.allowed_ms);
    let highest = history.wait.iter().map(|point| point.1).fold(1.0, f64::max);
    let mut chart = chart(panel, "queueing, ms", length_s, 1.15 * highest.max(allowed.unwrap_or(0.0)))?;
    let waits = thinned(&history.wait, length_s / PARTS);
    chart.draw_series(LineSeries::new(waits, LIMIT.stroke_width(1)))?;
    if let Some(ms) = allowed {
        dashed(&mut chart, vec![(0.0, ms), (length_s, ms)], 4)?;
        text(&mut chart, "first sign", (length_s * 0.93, ms), 15)?;
    }
    Ok(())
}

fn chart<'a, 'b>(panel: &'b Panel<'a>, unit: &str, length_s: f64, top: f64) -> Result<Chart<'a, 'b>> {
    let mut chart = ChartBuilder::on(panel)
        .margin(8)
        .margin_right(20)
        .x_label_area_size(32)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..length_s, 0.0..top)?;
    let mesh = &mut chart.configure_mesh();
    mesh.disable_x_mesh().light_line_style(TRANSPARENT).label_style((FONT, 13)).y_labels(6);
    mesh.x_desc("seconds").y_desc(unit).draw()?;
    Ok(chart)
}

fn legend(chart: &mut Chart<'_, '_>, length_s: f64, top: f64) -> Result<()> {
    let sample = |share: f64| vec![(share * length_s, top * 0.94), ((share + 0.05) * length_s, top * 0.94)];
    dashed(chart, sample(0.01), 10)?;
    chart.draw_series(LineSeries::new(sample(0.25), LIMIT.stroke_width(2)))?;
    chart.draw_series(LineSeries::new(sample(0.62), SENT.stroke_width(1)))?;
    let labels =
        [(0.07, "link's capacity"), (0.31, "limits of all pods together"), (0.68, "what they send, as told")];
    for (share, label) in labels {
        text(chart, label, (share * length_s, top * 0.94), 7)?;
    }
    Ok(())
}

fn dashed(chart: &mut Chart<'_, '_>, line: Vec<Point>, size: u32) -> Result<()> {
    chart.draw_series(DashedLineSeries::new(line, size, 4, BLACK.stroke_width(1)))?;
    Ok(())
}

/// Writes `label` so many pixels above a point.
fn text(
    chart: &mut Chart<'_, '_>,
    label: &str,
    at: Point,
    above: i32,
) -> std::result::Result<(), DrawingAreaErrorKind<std::io::Error>> {
    let words = Text::new(label.to_owned(), (0, -above), (FONT, 13));
    chart.draw_series([EmptyElement::at(at) + words])?;
    Ok(())
}

/// The highest value of each part of so many seconds.
fn thinned(line: &[Point], part_s: f64) -> Vec<Point> {
    let mut thin: Vec<Point> = Vec::new();
    for (at_s, value) in line.iter().copied() {
        match thin.last_mut() {
            Some((from_s, highest)) if at_s < *from_s + part_s => *highest = highest.max(value),
            _ => thin.push((at_s, value)),
        }
    }
    thin
}
