use crate::history::Point;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;

const SIZE: (u32, u32) = (800, 440);
const FONT: &str = "sans-serif";
const FIRST: RGBColor = RGBColor(20, 60, 130);
const SECOND: RGBColor = RGBColor(190, 90, 20);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'b, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Drawn<T> = Result<T, DrawingAreaErrorKind<std::io::Error>>;

/// Two panels over one axis of time. It reads without colour: lines differ in kind, and each is labelled.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The unit of time.
    pub time: &'static str,
    /// How far the axis of time goes, from 0 on.
    pub length: f64,
    /// The upper panel, which is the higher one.
    pub above: Panel,
    /// The lower panel.
    pub below: Panel,
}

/// Lines over one vertical axis.
#[derive(Clone, Debug, Default)]
pub struct Panel {
    /// What the vertical axis counts.
    pub unit: String,
    /// How far it goes, from 0 on.
    pub top: f64,
    /// The lines, the lowest first.
    pub lines: Vec<Line>,
    /// What is written over them.
    pub labels: Vec<Label>,
}

/// A line through points.
#[derive(Clone, Debug)]
pub struct Line {
    /// The points, in the units of the axes.
    pub points: Vec<Point>,
    /// How it is drawn.
    pub stroke: Stroke,
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug)]
pub enum Stroke {
    /// Two pixels.
    Bold,
    /// One pixel.
    Thin,
    /// One pixel of another colour.
    Other,
    /// Dashes of so many pixels.
    Dashed(u32),
}

/// Words beside a point.
#[derive(Clone, Debug)]
pub struct Label {
    /// What is written.
    pub text: String,
    /// Beside which point, in the units of the axes.
    pub at: Point,
    /// How many pixels above it.
    pub above: i32,
}

/// Why a picture cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[error("the picture cannot be drawn: {0}")]
pub struct PictureError(#[from] DrawingAreaErrorKind<std::io::Error>);

impl Picture {
    /// Draws it as an SVG image.
    pub fn svg(&self) -> Result<String, PictureError> {
        let mut image = String::new();
        {
            let root = SVGBackend::with_string(&mut image, SIZE).into_drawing_area();
            root.fill(&WHITE)?;
            let (above, below) = root.split_vertically(SIZE.1 * 3 / 5);
            self.draw(&self.above, &above)?;
            self.draw(&self.below, &below)?;
            root.present()?;
        }
        Ok(image)
    }

    fn draw(&self, panel: &Panel, area: &Area<'_>) -> Drawn<()> {
        let mut chart = self.axes(panel, area)?;
        for Line { points, stroke } in &panel.lines {
            line(&mut chart, points, *stroke)?;
        }
        panel.labels.iter().try_for_each(|label| write(&mut chart, label))
    }

    fn axes<'a, 'b>(&self, panel: &Panel, area: &'b Area<'a>) -> Drawn<Chart<'a, 'b>> {
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .margin_right(20)
            .x_label_area_size(32)
            .y_label_area_size(52)
            .build_cartesian_2d(0.0..self.length, 0.0..panel.top)?;
        let mesh = &mut chart.configure_mesh();
        mesh.disable_x_mesh().light_line_style(TRANSPARENT).label_style((FONT, 13)).y_labels(6);
        mesh.x_desc(self.time).y_desc(&panel.unit).draw()?;
        Ok(chart)
    }
}

fn line(chart: &mut Chart<'_, '_>, points: &[Point], stroke: Stroke) -> Drawn<()> {
    let points = points.iter().copied();
    let style = match stroke {
        Stroke::Bold => FIRST.stroke_width(2),
        Stroke::Thin => FIRST.stroke_width(1),
        Stroke::Other => SECOND.stroke_width(1),
        Stroke::Dashed(size) => {
            chart.draw_series(DashedLineSeries::new(points, size, 4, BLACK.stroke_width(1)))?;
            return Ok(());
        }
    };
    chart.draw_series(LineSeries::new(points, style))?;
    Ok(())
}

fn write(chart: &mut Chart<'_, '_>, label: &Label) -> Drawn<()> {
    let words = Text::new(label.text.clone(), (0, -label.above), (FONT, 13));
    chart.draw_series([EmptyElement::at(label.at) + words])?;
    Ok(())
}

/// The highest value of each part of so long.
pub(crate) fn thinned(points: &[Point], part: f64) -> Vec<Point> {
    let mut thin: Vec<Point> = Vec::new();
    for (at, value) in points.iter().copied() {
        match thin.last_mut() {
            Some((from, highest)) if at < *from + part => *highest = highest.max(value),
            _ => thin.push((at, value)),
        }
    }
    thin
}
