//! With measurements that are noisy.

use super::*;

/// Noise between -1 and 1, always the same.
fn noise(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    f64::from(u32::try_from(*seed >> 32).unwrap()) / f64::from(u32::MAX) * 2.0 - 1.0
}

#[test]
fn noise_does_not_hold_limits_down_for_nothing() {
    for seed in 0..20 {
        let mut dice = seed;
        let mut looped = Loop::from(100);
        let limits = looped.run(4 * (RETRY + CUTS + AFTER + RAISES), |_| 2.0 + noise(&mut dice) * 0.8);
        let sum: u64 = limits.iter().sum();
        let mean = sum / u64::try_from(limits.len()).unwrap();
        assert!(mean > 80, "{mean} Mbit/s with seed {seed}");
    }
}

#[test]
fn noise_hardly_gives_back_limits_that_help() {
    for seed in 0..20 {
        let mut dice = seed;
        let mut looped = Loop::from(100);
        let limits = looped.run(10 * RETRY, |limit| {
            let limit = f64::from(u32::try_from(limit).unwrap());
            1.2 + limit / 25.0 + noise(&mut dice) * 0.4
        });
        let raised = limits[20..].iter().filter(|limit| **limit > 10).count();
        assert!(raised * 100 < limits.len(), "raised for {raised} s with seed {seed}");
    }
}
