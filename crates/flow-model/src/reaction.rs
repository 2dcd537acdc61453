use flow_control::Moment;
use std::time::Duration;

/// How long no packet is too late before the next one counts anew.
const CALM: Duration = Duration::from_secs(1);

/// How long it takes from the first packet that is too late to a lower limit in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reaction {
    episode: Episode,
    newest: Moment,
    taken: Vec<Duration>,
}

#[derive(Clone, Debug, Default)]
enum Episode {
    #[default]
    None,
    Open {
        since: Moment,
        limits: f64,
    },
    Answered,
}

impl Reaction {
    /// Takes in whether a packet was too late, and the sum of the limits in force.
    pub(crate) fn step(&mut self, late: bool, limits: f64, now: Moment) {
        if late {
            self.newest = now;
        }
        match self.episode {
            Episode::None if late => self.episode = Episode::Open { since: now, limits },
            Episode::Open { since, limits: before } if limits < before * 0.999 => {
                self.taken.push(now.since(since));
                self.episode = Episode::Answered;
            }
            Episode::Open { .. } | Episode::Answered if now.since(self.newest) >= CALM => {
                self.episode = Episode::None;
            }
            _ => {}
        }
    }

    pub(crate) fn taken(&self) -> impl Iterator<Item = Duration> {
        self.taken.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_once_for_each_time_that_packets_are_late() {
        let mut reaction = Reaction::default();
        let limit = |ms| if ms < 1_150 { 100.0 } else { 80.0 };
        for ms in 1_000..5_000 {
            let late = (1_100..1_400).contains(&ms) || ms == 4_000;
            reaction.step(late, limit(ms), Moment::after_epoch(Duration::from_millis(ms)));
        }
        assert_eq!(reaction.taken().collect::<Vec<_>>(), [Duration::from_millis(50)]);
    }
}
