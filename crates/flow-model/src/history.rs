use crate::trace::Glimpse;
use std::collections::BTreeMap;

/// A point in time, in seconds, and a value.
pub type Point = (f64, f64);

/// How a run went.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What the first link carries, in Mbit/s.
    pub capacity: Vec<Point>,
    /// What all pods may send together, in Mbit/s.
    pub limit: Vec<Point>,
    /// What the first policy's pods send, in Mbit/s, where somebody tells.
    pub sent: Vec<Point>,
    /// How long a packet waits at the first link, in milliseconds.
    pub wait: Vec<Point>,
    /// From which queueing delay on the first policy cuts, in milliseconds, where probes tell of it.
    pub allowed_ms: Option<f64>,
    /// What the pods of each policy may send.
    together: BTreeMap<usize, f64>,
}

impl History {
    /// Takes in one look.
    pub fn take(&mut self, glimpse: &Glimpse) {
        let at_s = glimpse.elapsed.as_secs_f64();
        self.together.insert(glimpse.policy, glimpse.together / 1e6);
        hold(&mut self.capacity, (at_s, glimpse.capacity / 1e6));
        hold(&mut self.limit, (at_s, self.together.values().sum()));
        if glimpse.policy == 0 {
            self.sent.extend(glimpse.sent.map(|sent| (at_s, sent / 1e6)));
            self.wait.push((at_s, glimpse.wait.as_secs_f64() * 1e3));
            let queueing = glimpse.observations.iter().filter_map(|seen| seen.queueing);
            let allowed = queueing.map(|queueing| queueing.allowed.as_secs_f64() * 1e3);
            self.allowed_ms = allowed.reduce(f64::min).or(self.allowed_ms);
        }
    }

    /// How long it went, in seconds.
    #[must_use]
    pub fn length_s(&self) -> f64 {
        self.wait.last().map_or(1.0, |last| last.0)
    }
}

/// Adds a value that holds until the next one: only where it changes, and at the end.
fn hold(line: &mut Vec<Point>, (at_s, value): Point) {
    let same = |point: Option<&Point>| point.is_some_and(|point| point.1.to_bits() == value.to_bits());
    let earlier = line.len().checked_sub(2).and_then(|position| line.get(position));
    if same(line.last()) && same(earlier) {
        line.pop();
    } else if let Some((_, before)) = line.last().copied().filter(|_| !same(line.last())) {
        line.push((at_s, before));
    }
    line.push((at_s, value));
}
