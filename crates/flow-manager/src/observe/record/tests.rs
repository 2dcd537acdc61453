//! What a path says of what happened to its probes.

use super::*;
use flow_control::{Bound, Finite, JitterMethod};
use futures::FutureExt;

const JITTER: Indicator = Indicator::Jitter { samples: 20, method: JitterMethod::InterquartileRange };
const LOSS: Indicator = Indicator::Loss { samples: 20 };

const MAX_AGE: Duration = Duration::from_millis(500);

/// The record of a path, and when it began.
struct Stage {
    record: Record,
    began: Instant,
    now: Moment,
}

impl Stage {
    fn set() -> Self {
        let (clock, began) = (Clock::start(), Instant::now());
        Self { record: Record::new(clock, MAX_AGE), began, now: clock.moment(began) }
    }

    fn at(&self, ms: u64) -> Moment {
        self.now + Duration::from_millis(ms)
    }

    /// Probes sent every 20 ms from `from` on, in milliseconds, by what each took; 0 for a lost one.
    fn probes(&self, from: u64, took_ms: &[u64]) {
        for (number, took) in (0..).zip(took_ms) {
            let sent_at = self.began + Duration::from_millis(from + 20 * number);
            self.record.record(match took {
                0 => Event::Lost { sent_at },
                took => Event::Answered { sent_at, rtt: Duration::from_millis(*took), reordered: false },
            });
        }
    }

    fn read(&self, indicator: Indicator, now: u64, settled_since: u64) -> Seen {
        let sign = FirstSign::of(indicator, Bound::AtMost(Finite::new(0.002).unwrap()));
        self.record.read(indicator, sign, self.at(now), self.at(settled_since), &mut LastQueued::default())
    }
}

fn ms(reading: Reading) -> f64 {
    (reading.unwrap().get() * 1e6).round() / 1e3
}

#[test]
fn what_was_sent_before_the_limits_took_effect_counts_for_users_and_not_as_settled() {
    let stage = Stage::set();
    stage.probes(0, &[1, 1, 1, 1, 9, 9, 9, 9, 9, 9, 9, 9, 1, 1, 1, 1]);
    let seen = stage.read(JITTER, 400, 240);
    assert!((ms(seen.reading) - 8.0).abs() < 1e-9);
    assert_eq!(seen.settled, Err(Unknown::TooFewSamples { have: 4, need: 5 }));
    stage.probes(320, &[1]);
    assert!(ms(stage.read(JITTER, 400, 240).settled).abs() < 1e-9);
    assert_eq!(stage.read(JITTER, 400, 500).settled, Err(Unknown::NoData), "they have yet to take effect");
}

#[test]
fn an_address_that_may_not_be_probed_is_told_at_once_whatever_was_measured_before() {
    let stage = Stage::set();
    stage.probes(0, &[1; 20]);
    assert!(stage.read(JITTER, 400, 0).reading.is_ok());
    let address = [169, 254, 169, 254].into();
    let problem = Problem::Forbidden { host: "robot".into(), address };
    stage.record.record(Event::Failed { at: stage.began, problem });
    let seen = stage.read(JITTER, 400, 0);
    assert_eq!(
        (seen.reading, seen.settled, seen.measured),
        (Err(Unknown::NotAllowed), Err(Unknown::NotAllowed), None)
    );
    let problem = seen.problem.unwrap();
    assert!(problem.contains("169.254.169.254") && problem.contains("administrator"), "{problem}");
    stage.probes(400, &[1; 20]);
    assert!(stage.read(JITTER, 800, 0).reading.is_ok());
}

#[test]
fn the_queue_is_what_the_newest_probes_waited_and_settled_with_the_oldest_of_them() {
    let stage = Stage::set();
    stage.probes(0, &[1, 1, 1, 8, 8]);
    assert_eq!(stage.read(JITTER, 100, 0).queueing.unwrap().delay, Duration::ZERO);
    stage.probes(100, &[7]);
    let queueing = |settled| {
        let (delay, allowed) = (Duration::from_millis(6), Duration::from_millis(5));
        Some(Queueing { delay, allowed, growth_percent: 0, settled, answered: true })
    };
    assert_eq!(stage.read(JITTER, 120, 20).queueing, queueing(true));
    assert_eq!(stage.read(JITTER, 120, 21).queueing, queueing(false));
    assert_eq!(stage.read(LOSS, 120, 0).queueing, None);
}

#[test]
fn a_path_that_is_dead_has_a_queue_as_long_as_its_timeout_and_one_that_is_silent_none() {
    let stage = Stage::set();
    stage.probes(0, &[1, 1, 1, 1, 1]);
    stage.probes(100, &[0, 0, 0]);
    let delay = Duration::from_millis(999);
    assert_eq!(stage.read(JITTER, 1_140, 0).queueing.unwrap().delay, delay);
    let (known, over) = (140 + 1_000, 140 + 1_000 + 500);
    assert!(
        stage.read(JITTER, known, 0).queueing.is_some() && stage.read(JITTER, over, 0).queueing.is_some()
    );
    assert_eq!(stage.read(JITTER, over + 1, 0).queueing, None, "nothing is known of now");
}

#[test]
fn no_queue_is_known_on_a_path_that_never_answered() {
    let stage = Stage::set();
    stage.probes(0, &[0; 10]);
    assert_eq!(stage.read(JITTER, 1_200, 0).queueing, None);
}

#[test]
fn a_settled_loss_waits_for_the_timeout_of_those_that_may_be_lost() {
    let stage = Stage::set();
    stage.probes(0, &[1; 10]);
    let seen = stage.read(LOSS, 200, 0);
    assert_eq!((seen.reading.is_ok(), seen.settled), (true, Err(Unknown::NoData)));
    stage.probes(200, &[0; 5]);
    assert!((ms(stage.read(LOSS, 1_280, 0).settled) - 333.333).abs() < 1e-9);
}

#[test]
fn a_bell_rings_at_a_faint_queue_and_when_it_has_grown_beyond_the_first_sign() {
    let (stage, bell) = (Stage::set(), Arc::new(Notify::new()));
    let has_rung = || bell.notified().now_or_never().is_some();
    stage.record.ring(FirstSign::Fixed(Duration::from_millis(5)), &bell);
    stage.probes(0, &[1, 1, 1, 1, 1, 7, 7]);
    assert!(!has_rung(), "two late ones are no queue");
    stage.probes(140, &[4]);
    assert!(has_rung(), "3 ms are more than 40 % of 5 ms");
    stage.probes(160, &[7]);
    assert!(has_rung());
    stage.probes(180, &[9, 9, 9]);
    assert!(!has_rung(), "it has not crossed it again");
}

#[test]
fn why_a_path_cannot_be_probed_is_told_while_nothing_is_known() {
    let stage = Stage::set();
    let problem = Problem::Refused { endpoint: "robot:9".to_owned() };
    stage.record.record(Event::Failed { at: stage.began, problem: problem.clone() });
    assert_eq!(stage.read(JITTER, 0, 0).problem, Some(problem.to_string()));
    stage.record.record(Event::Failed { at: stage.began, problem });
    stage.probes(0, &[0, 0, 0, 0, 0]);
    assert_eq!(stage.read(LOSS, 100, 0).problem, None);
}
