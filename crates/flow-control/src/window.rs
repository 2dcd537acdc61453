use crate::quantile::nearest_rank;
use crate::{Finite, JitterMethod, Moment, Reading, Unknown};
use std::collections::VecDeque;
use std::time::Duration;

/// One probe of a path: when it was sent, and its round-trip time, or `None` if it was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When the probe was sent.
    pub sent: Moment,
    /// The round-trip time; `None` if no answer came in time.
    pub rtt: Option<Duration>,
}

/// The newest samples of one path, up to a fixed number, and the indicators they give.
///
/// Each indicator looks at the newest `samples` of its kind, and is [`Unknown::Stale`] once the newest of
/// them is older than `max_age`: an old calm says nothing about now.
#[derive(Clone, Debug)]
pub struct Window {
    samples: VecDeque<Sample>,
    capacity: usize,
    scratch: Vec<Duration>,
}

/// Which samples an indicator looks at: the newest so many that count, if the newest of them is recent enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    now: Moment,
    samples: usize,
    max_age: Duration,
    since: Moment,
    known_after: Duration,
}

impl Selection {
    /// The newest `samples`, as long as the newest of all was sent no longer than `max_age` before `now`.
    #[must_use]
    pub const fn newest(samples: usize, now: Moment, max_age: Duration) -> Self {
        let since = Moment::EPOCH;
        Self { now, samples, max_age, since, known_after: Duration::ZERO }
    }

    /// Of those, only the ones sent at that moment or later.
    #[must_use]
    pub const fn sent_since(self, since: Moment) -> Self {
        Self { since, ..self }
    }

    /// Of those, only the ones sent at least so long ago: a share of lost probes says too little while those that were
    /// answered are known, and those that are lost are not.
    #[must_use]
    pub const fn known_after(self, known_after: Duration) -> Self {
        Self { known_after, ..self }
    }

    fn counts(&self, sample: &Sample) -> bool {
        sample.sent >= self.since && self.now.since(sample.sent) >= self.known_after
    }
}

impl Window {
    /// The fewest samples that say anything; the predecessor's minimum.
    pub const MIN_SAMPLES: usize = 5;

    /// A window that keeps the newest `capacity` samples, at least [`Self::MIN_SAMPLES`].
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(Self::MIN_SAMPLES);
        Self { samples: VecDeque::with_capacity(capacity), capacity, scratch: Vec::with_capacity(capacity) }
    }

    /// Adds a sample, dropping the oldest one if the window is full.
    pub fn push(&mut self, sample: Sample) {
        if self.samples.len() == self.capacity {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// The jitter in seconds of the selected round-trip times.
    ///
    /// The sampling error of an interquartile range is 1.49/√n of the value: a third at 20 samples, a seventh at 100.
    pub fn jitter(&mut self, of: Selection, method: JitterMethod) -> Reading {
        self.take(of)?;
        let jitter = method.of(&mut self.scratch).ok_or(Unknown::NoData)?;
        Finite::new(jitter).map_err(|_| Unknown::NotFinite)
    }

    /// The round-trip time in seconds that `permille` thousandths of the selected ones do not exceed.
    pub fn latency(&mut self, of: Selection, permille: u16) -> Reading {
        self.take(of)?;
        self.scratch.sort_unstable();
        nearest_rank(&self.scratch, permille).map(Finite::seconds).ok_or(Unknown::NoData)
    }

    /// The share of the selected probes that were lost, 0 to 1.
    pub fn loss(&self, of: Selection) -> Reading {
        let newest = || self.samples.iter().rev().filter(|sample| of.counts(sample)).take(of.samples);
        fresh(newest().next(), of)?;
        let have = enough(newest().count())?;
        let lost = newest().filter(|sample| sample.rtt.is_none()).count();
        ratio(lost, have)
    }

    /// When the newest sample was sent, answered or not.
    #[must_use]
    pub fn newest(&self) -> Option<Moment> {
        self.samples.iter().map(|sample| sample.sent).max()
    }

    /// Takes the selected round-trip times, the newest first.
    fn take(&mut self, of: Selection) -> Result<(), Unknown> {
        let counts = |sample: &&Sample| sample.rtt.is_some() && of.counts(sample);
        let answered = || self.samples.iter().rev().filter(counts);
        fresh(answered().next(), of)?;
        self.scratch.clear();
        self.scratch.extend(answered().take(of.samples).filter_map(|sample| sample.rtt));
        enough(self.scratch.len()).map(drop)
    }
}

fn fresh(newest: Option<&Sample>, of: Selection) -> Result<(), Unknown> {
    let age = of.now.since(newest.ok_or(Unknown::NoData)?.sent);
    if age > of.max_age { Err(Unknown::Stale { age }) } else { Ok(()) }
}

const fn enough(have: usize) -> Result<usize, Unknown> {
    let need = Window::MIN_SAMPLES;
    if have < need { Err(Unknown::TooFewSamples { have, need }) } else { Ok(have) }
}

fn ratio(part: usize, whole: usize) -> Reading {
    let count = |n: usize| u32::try_from(n).map_or(f64::MAX, f64::from);
    Finite::new(count(part) / count(whole)).map_err(|_| Unknown::NotFinite)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGE: Duration = Duration::from_secs(1);
    const IQR: JitterMethod = JitterMethod::InterquartileRange;

    fn at(ms: u64) -> Moment {
        Moment::after_epoch(Duration::from_millis(ms))
    }

    /// A window of samples sent every millisecond; 0 stands for a lost one.
    fn window(rtts_ms: &[u64]) -> Window {
        let mut window = Window::new(100);
        for (sent, &rtt) in (0..).zip(rtts_ms) {
            let rtt = (rtt > 0).then(|| Duration::from_millis(rtt));
            window.push(Sample { sent: at(sent), rtt });
        }
        window
    }

    fn newest(samples: usize, now: Moment) -> Selection {
        Selection::newest(samples, now, AGE)
    }

    fn seconds(reading: Reading) -> f64 {
        reading.unwrap().get()
    }

    #[test]
    fn jitter_is_the_interquartile_range_of_the_newest_samples() {
        let mut window = window(&[900, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert!((seconds(window.jitter(newest(8, at(10)), IQR)) - 0.004).abs() < 1e-9);
    }

    #[test]
    fn jitter_of_too_few_samples_is_unknown_and_not_zero() {
        let reading = window(&[1, 1, 1, 1]).jitter(newest(20, at(10)), IQR);
        assert_eq!(reading, Err(Unknown::TooFewSamples { have: 4, need: 5 }));
    }

    #[test]
    fn jitter_without_any_sample_is_unknown() {
        assert_eq!(Window::new(20).jitter(newest(20, at(0)), IQR), Err(Unknown::NoData));
    }

    #[test]
    fn old_samples_are_stale_however_calm_they_were() {
        let reading = window(&[1; 20]).jitter(newest(20, at(1_019 + 1)), IQR);
        assert_eq!(reading, Err(Unknown::Stale { age: Duration::from_millis(1_001) }));
    }

    #[test]
    fn samples_are_fresh_for_as_long_as_is_allowed() {
        assert!(window(&[1; 20]).jitter(newest(20, at(1_019)), IQR).is_ok());
    }

    #[test]
    fn the_newest_sample_is_the_one_sent_last_answered_or_not() {
        assert_eq!(Window::new(5).newest(), None);
        assert_eq!(window(&[1, 1, 0]).newest(), Some(at(2)));
    }

    #[test]
    fn lost_probes_do_not_count_as_fast_ones() {
        let mut window = window(&[0, 9, 0, 9, 0, 9, 9, 9, 0]);
        assert!((seconds(window.latency(newest(20, at(9)), 0)) - 0.009).abs() < 1e-9);
        assert!((seconds(window.loss(newest(20, at(9)))) - 4.0 / 9.0).abs() < 1e-9);
    }

    #[test]
    fn a_path_that_loses_everything_has_loss_but_no_latency() {
        let mut window = window(&[0; 10]);
        assert!((seconds(window.loss(newest(20, at(10)))) - 1.0).abs() < 1e-9);
        assert_eq!(window.latency(newest(20, at(10)), 500), Err(Unknown::NoData));
    }

    #[test]
    fn a_latency_is_one_of_the_samples_whatever_their_order() {
        let mut window = window(&[5, 1, 4, 2, 3]);
        assert!((seconds(window.latency(Selection::newest(5, at(5), AGE), 500)) - 0.003).abs() < 1e-9);
    }

    #[test]
    fn each_latency_is_that_of_the_newest_samples_asked_for() {
        let mut window = window(&[9, 9, 9, 9, 9, 1, 1, 1, 1, 1]);
        for (samples, expected) in [(10, 0.009), (5, 0.001)] {
            let latency = seconds(window.latency(Selection::newest(samples, at(10), AGE), 1000));
            assert!((latency - expected).abs() < 1e-9, "{samples}: {latency}");
        }
    }

    #[test]
    fn loss_of_old_samples_of_too_few_or_of_none_is_unknown() {
        let stale = Unknown::Stale { age: Duration::from_millis(1_001) };
        assert_eq!(window(&[0; 5]).loss(Selection::newest(5, at(1_004 + 1), AGE)), Err(stale));
        let few = Unknown::TooFewSamples { have: 4, need: 5 };
        assert_eq!(window(&[0; 4]).loss(Selection::newest(5, at(4), AGE)), Err(few));
        assert_eq!(Window::new(5).loss(Selection::newest(5, at(0), AGE)), Err(Unknown::NoData));
    }

    #[test]
    fn loss_is_that_of_the_newest_samples() {
        let window = window(&[0, 0, 0, 0, 0, 1, 1, 1, 1, 0]);
        assert!((seconds(window.loss(Selection::newest(5, at(10), AGE))) - 0.2).abs() < 1e-9);
    }

    #[test]
    fn no_window_is_too_small_to_say_anything() {
        let mut window = Window::new(1);
        for ms in 0..5 {
            window.push(Sample { sent: at(ms), rtt: None });
        }
        assert!((seconds(window.loss(Selection::newest(5, at(5), AGE))) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_window_forgets_the_oldest_samples() {
        let mut window = Window::new(5);
        for ms in 0..50 {
            window.push(Sample {
                sent: at(ms),
                rtt: Some(Duration::from_millis(if ms < 45 { 500 } else { 1 })),
            });
        }
        assert!((seconds(window.latency(newest(100, at(50)), 1000)) - 0.001).abs() < 1e-9);
    }

    #[test]
    fn what_was_sent_before_a_moment_says_nothing_of_what_came_after() {
        let mut window = window(&[9, 9, 9, 9, 9, 9, 9, 9, 1, 1, 1, 1, 1]);
        let settled = |since| newest(20, at(13)).sent_since(at(since));
        assert!(
            (seconds(window.latency(settled(8), 1000)) - 0.001).abs() < 1e-9,
            "the moment itself is after it"
        );
        assert!(seconds(window.latency(settled(7), 1000)) > 0.008);
        assert!(seconds(window.jitter(settled(0), IQR)) > seconds(window.jitter(settled(8), IQR)));
    }

    #[test]
    fn too_few_samples_after_a_moment_are_unknown_and_not_calm() {
        let mut window = window(&[1; 20]);
        let settled = |since| newest(20, at(20)).sent_since(at(since));
        let few = Err(Unknown::TooFewSamples { have: 4, need: 5 });
        assert_eq!([window.jitter(settled(16), IQR), window.latency(settled(16), 500)], [few, few]);
        assert_eq!(window.loss(settled(16)), few);
        assert_eq!(window.jitter(settled(20), IQR), Err(Unknown::NoData), "before any was sent");
        assert!(window.jitter(settled(15), IQR).is_ok());
    }

    #[test]
    fn probes_whose_loss_cannot_be_known_yet_do_not_count_as_arrived() {
        let window = window(&[0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
        let settled = newest(20, at(12)).sent_since(at(0));
        assert!((seconds(window.loss(settled)) - 0.5).abs() < 1e-9);
        assert!((seconds(window.loss(settled.known_after(Duration::from_millis(8)))) - 1.0).abs() < 1e-9);
        let unknown = window.loss(settled.known_after(Duration::from_millis(9)));
        assert_eq!(unknown, Err(Unknown::TooFewSamples { have: 4, need: 5 }));
    }
}
