use crate::chart::Point;
use flow_control::{Action, Decision, Reason};
use flow_model::Glimpse;

/// How a run went.
#[derive(Default)]
pub(super) struct Course {
    /// What the link carries, in Mbit/s.
    pub(super) capacity: Vec<Point>,
    /// What all pods may send together, in Mbit/s.
    pub(super) limit: Vec<Point>,
    /// What they deliver, in Mbit/s.
    pub(super) delivered: Vec<Point>,
    /// What each objective reads, in its base unit, where it reads anything.
    pub(super) readings: Vec<Vec<Point>>,
    /// Each change of limits.
    pub(super) changes: Vec<Change>,
    /// When the last look was, and what had been delivered by then, in bits.
    before: (f64, f64),
}

/// A change of limits.
pub(super) struct Change {
    pub(super) at_s: f64,
    pub(super) decision: Decision,
    /// What all pods may send together from then on, in Mbit/s.
    pub(super) limit_mbps: f64,
}

/// Changes of one kind, one after the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stretch {
    pub(super) from_s: f64,
    pub(super) to_s: f64,
    pub(super) action: Action,
    pub(super) reason: Reason,
    pub(super) objective: Option<usize>,
    pub(super) times: u32,
    /// What all pods may send together at its end, in Mbit/s.
    pub(super) limit_mbps: f64,
}

impl Course {
    pub(super) fn take(&mut self, glimpse: &Glimpse) {
        let at_s = glimpse.elapsed.as_secs_f64();
        let limit_mbps = glimpse.together / 1e6;
        self.capacity.push((at_s, glimpse.capacity / 1e6));
        self.limit.push((at_s, limit_mbps));
        let (before_s, before_bits) = std::mem::replace(&mut self.before, (at_s, glimpse.delivered));
        self.delivered.push((at_s, (glimpse.delivered - before_bits) / (at_s - before_s) / 1e6));
        self.readings.resize(glimpse.observations.len(), Vec::new());
        for (readings, seen) in self.readings.iter_mut().zip(glimpse.observations) {
            readings.extend(seen.reading.ok().map(|value| (at_s, value.get())));
        }
        if glimpse.decision.action != Action::Hold {
            self.changes.push(Change { at_s, decision: glimpse.decision, limit_mbps });
        }
    }

    /// The changes, with those of one kind in a row taken together.
    pub(super) fn stretches(&self) -> Vec<Stretch> {
        let mut stretches: Vec<Stretch> = Vec::new();
        for Change { at_s, decision, limit_mbps } in &self.changes {
            match stretches.last_mut() {
                Some(last) if (last.action, last.reason) == (decision.action, decision.reason) => {
                    last.times += 1;
                    (last.to_s, last.limit_mbps) = (*at_s, *limit_mbps);
                }
                _ => stretches.push(Stretch {
                    from_s: *at_s,
                    to_s: *at_s,
                    action: decision.action,
                    reason: decision.reason,
                    objective: decision.objective,
                    times: 1,
                    limit_mbps: *limit_mbps,
                }),
            }
        }
        stretches
    }
}
