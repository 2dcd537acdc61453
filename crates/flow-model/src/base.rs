use flow_control::Moment;
use std::collections::VecDeque;
use std::time::Duration;

/// How long a bucket lasts, and how many of them are looked back on: ten minutes in all.
const BUCKET: Duration = Duration::from_mins(1);
const BUCKETS: usize = 10;

/// The round-trip time of a path when nothing queues: the least that was seen lately.
#[derive(Clone, Debug, Default)]
pub(crate) struct Base {
    /// When each began, and the least in it.
    buckets: VecDeque<(Moment, Duration)>,
}

impl Base {
    pub(crate) fn observe(&mut self, rtt: Duration, now: Moment) {
        match self.buckets.back_mut() {
            Some((began, least)) if now.since(*began) < BUCKET => *least = rtt.min(*least),
            _ => self.buckets.push_back((now, rtt)),
        }
        if self.buckets.len() > BUCKETS {
            self.buckets.pop_front();
        }
    }

    pub(crate) fn get(&self) -> Option<Duration> {
        self.buckets.iter().map(|(_, least)| *least).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_is_the_least_of_ten_minutes() {
        let mut base = Base::default();
        let mut see = |minute: u64, ms| {
            base.observe(Duration::from_millis(ms), Moment::after_epoch(Duration::from_secs(minute * 60)));
            base.get().unwrap_or_default().as_millis()
        };
        assert_eq!((see(0, 5), see(1, 2), see(2, 7)), (5, 2, 2));
        assert_eq!((3..=10).map(|minute| see(minute, 7)).max(), Some(2));
        assert_eq!(see(11, 7), 7);
    }
}
