use crate::cluster::PolicyId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_mins(1);

/// How often each policy failed in a row: one that fails waits longer and longer, and no other with it.
#[derive(Debug, Default)]
pub(super) struct Retries {
    failures: Mutex<HashMap<PolicyId, u32>>,
}

impl Retries {
    /// Counts a failure and returns how long to wait.
    pub(super) fn failed(&self, id: PolicyId) -> Duration {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(id).or_default();
        *count = count.saturating_add(1);
        backoff(*count)
    }

    /// Forgets the failures of a policy.
    pub(super) fn succeeded(&self, id: &PolicyId) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

fn backoff(failures: u32) -> Duration {
    FIRST.saturating_mul(2u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> PolicyId {
        PolicyId::new("factory", name)
    }

    #[test]
    fn a_policy_that_keeps_failing_waits_longer_up_to_a_minute() {
        let retries = Retries::default();
        let waits: Vec<_> = (0..10).map(|_| retries.failed(id("a"))).collect();
        assert_eq!(waits[..3], [FIRST, FIRST * 2, FIRST * 4]);
        assert_eq!(waits[9], LONGEST);
        assert_eq!(retries.failed(id("b")), FIRST);
    }

    #[test]
    fn success_starts_anew() {
        let retries = Retries::default();
        retries.failed(id("a"));
        retries.succeeded(&id("a"));
        assert_eq!(retries.failed(id("a")), FIRST);
    }
}
