//! What to do about a target that answers nothing.

use std::time::{Duration, Instant};

/// After this long without an answer the name is looked up anew, and again each time.
const LOOK_UP: Duration = Duration::from_secs(1);
/// After this long without an answer a new socket is used, and again each time: a router or a service proxy
/// may have bound the old one's port to an address that is no more.
const REOPEN: Duration = Duration::from_secs(5);

/// How long there has been no answer.
#[derive(Debug)]
pub(crate) struct Silence {
    look_up_after: Instant,
    reopen_after: Instant,
}

impl Silence {
    pub(crate) fn starting(now: Instant) -> Self {
        Self { look_up_after: now + LOOK_UP, reopen_after: now + REOPEN }
    }

    /// An answer came.
    pub(crate) fn broken(&mut self, now: Instant) {
        *self = Self::starting(now);
    }

    /// Whether to look the name up anew; at most once a second.
    pub(crate) fn is_time_to_look_up(&mut self, now: Instant) -> bool {
        let due = now >= self.look_up_after;
        if due {
            self.look_up_after = now + LOOK_UP;
        }
        due
    }

    /// Whether to open a new socket; at most once in five seconds.
    pub(crate) fn is_time_to_reopen(&mut self, now: Instant) -> bool {
        let due = now >= self.reopen_after;
        if due {
            self.reopen_after = now + REOPEN;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_up_each_second_of_silence_and_reopens_each_five() {
        let start = Instant::now();
        let mut silence = Silence::starting(start);
        let at = |n: u64| start + Duration::from_millis(100 * n);
        let look_ups = (0..=100).filter(|n| silence.is_time_to_look_up(at(*n))).collect::<Vec<_>>();
        let reopens = (0..=100).filter(|n| silence.is_time_to_reopen(at(*n))).collect::<Vec<_>>();
        assert_eq!(look_ups, (10..=100).step_by(10).collect::<Vec<_>>());
        assert_eq!(reopens, [50, 100]);
    }

    #[test]
    fn answer_ends_the_silence() {
        let start = Instant::now();
        let mut silence = Silence::starting(start);
        silence.broken(start + Duration::from_secs(4));
        assert!(!silence.is_time_to_look_up(start + Duration::from_millis(4900)));
        assert!(!silence.is_time_to_reopen(start + Duration::from_secs(8)));
        assert!(silence.is_time_to_reopen(start + Duration::from_secs(9)));
    }
}
