use crate::history::{History, Point};
use crate::picture::{Label, Line, Panel, Picture, Stroke, thinned};

/// Of so many parts of the time, the highest value is drawn of each.
const PARTS: f64 = 500.0;

/// Capacity, limit and what is sent above, how long packets queue below.
#[must_use]
pub fn plot(history: &History) -> Picture {
    Picture {
        time: "seconds",
        length: history.length_s(),
        above: rates(history, history.length_s()),
        below: waits(history, history.length_s()),
    }
}

fn rates(history: &History, length_s: f64) -> Panel {
    let top = 1.35 * history.capacity.iter().map(|point| point.1).fold(0.0, f64::max);
    let within =
        |line: &[Point]| line.iter().map(|(at, mbps)| (*at, mbps.min(top * 0.86))).collect::<Vec<_>>();
    let sample = |share: f64| vec![(share * length_s, top * 0.94), ((share + 0.05) * length_s, top * 0.94)];
    let lines = [
        (within(&thinned(&history.sent, length_s / PARTS)), Stroke::Other),
        (within(&history.capacity), Stroke::Dashed(10)),
        (within(&history.limit), Stroke::Bold),
        (sample(0.01), Stroke::Dashed(10)),
        (sample(0.25), Stroke::Bold),
        (sample(0.62), Stroke::Other),
    ];
    let labels =
        [(0.07, "link's capacity"), (0.31, "limits of all pods together"), (0.68, "what they send, as told")];
    let label = |(share, text): (f64, &str)| Label {
        text: text.to_owned(),
        at: (share * length_s, top * 0.94),
        above: 7,
    };
    Panel {
        unit: "Mbit/s".to_owned(),
        top,
        lines: lines.into_iter().map(|(points, stroke)| Line { points, stroke }).collect(),
        labels: labels.into_iter().map(label).collect(),
    }
}

fn waits(history: &History, length_s: f64) -> Panel {
    let highest = history.wait.iter().map(|point| point.1).fold(1.0, f64::max);
    let mut panel = Panel {
        unit: "queueing, ms".to_owned(),
        top: 1.15 * highest.max(history.allowed_ms.unwrap_or(0.0)),
        lines: vec![Line { points: thinned(&history.wait, length_s / PARTS), stroke: Stroke::Thin }],
        labels: Vec::new(),
    };
    if let Some(ms) = history.allowed_ms {
        panel.lines.push(Line { points: vec![(0.0, ms), (length_s, ms)], stroke: Stroke::Dashed(4) });
        let text = "first sign".to_owned();
        panel.labels.push(Label { text, at: (length_s * 0.93, ms), above: 15 });
    }
    panel
}
