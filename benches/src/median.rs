use crate::Ready;
use flow_control::step;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// How many decisions are timed at once: far more than reading the clock takes.
const BATCH: u32 = 64;
/// How many batches the median is of.
const BATCHES: usize = 501;

/// The middle one; `None` of none.
#[must_use]
pub fn median<T: Ord + Copy>(samples: &[T]) -> Option<T> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

/// How many nanoseconds the decision takes, typically.
#[must_use]
pub fn median_nanos(ready: &Ready) -> u128 {
    let times: Vec<_> = (0..BATCHES).map(|_| batch(ready)).collect();
    median(&times).unwrap_or_default().as_nanos() / u128::from(BATCH)
}

/// What a decision begins with is made before, and what it ends with is released afterwards.
fn batch(ready: &Ready) -> Duration {
    let states: Vec<_> = (0..BATCH).map(|_| ready.state.clone()).collect();
    let mut decided = Vec::with_capacity(states.len());
    let began = Instant::now();
    for state in states {
        decided.push(step(black_box(&ready.params), state, black_box(&ready.observations), ready.now));
    }
    let elapsed = began.elapsed();
    drop(black_box(decided));
    elapsed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_whatever_the_order() {
        assert_eq!(median(&[9, 1, 5]), Some(5));
        assert_eq!(median::<u32>(&[]), None);
    }
}
