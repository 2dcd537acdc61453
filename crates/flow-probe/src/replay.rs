//! Which probes were answered before.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::packet::Identity;

/// How many sessions are remembered: 200 kB at most. Only who has the key can begin one.
const SESSIONS: usize = 4096;
/// How far a probe may be behind the newest of its session, in probes.
const BEHIND: u64 = 128;

/// Tells probes that are seen for the first time, by a sliding window for each session (as RFC 4303, section 3.4.3).
///
/// A recorded probe so gets no second answer, unless the session is forgotten: when the reflector starts again, or more
/// sessions than can be remembered were newer.
#[derive(Debug, Default)]
pub(crate) struct Replays {
    sessions: HashMap<u64, Window>,
    taken: u64,
}

#[derive(Debug)]
struct Window {
    newest: u64,
    /// Bit n: whether the one n before the newest was seen.
    seen: u128,
    /// How many probes of all sessions were taken before.
    used: u64,
}

impl Replays {
    /// Takes a probe, and says whether it is seen for the first time.
    pub(crate) fn is_new(&mut self, Identity { session, sequence }: Identity) -> bool {
        self.taken += 1;
        if self.sessions.len() >= SESSIONS && !self.sessions.contains_key(&session) {
            self.forget_one();
        }
        match self.sessions.entry(session) {
            Entry::Vacant(place) => {
                place.insert(Window { newest: sequence, seen: 1, used: self.taken });
                true
            }
            Entry::Occupied(mut place) => {
                place.get_mut().used = self.taken;
                place.get_mut().is_new(sequence)
            }
        }
    }

    fn forget_one(&mut self) {
        let oldest = self.sessions.iter().min_by_key(|(_, window)| window.used).map(|(session, _)| *session);
        if let Some(oldest) = oldest {
            self.sessions.remove(&oldest);
        }
    }
}

impl Window {
    fn is_new(&mut self, sequence: u64) -> bool {
        if let Some(ahead) = sequence.checked_sub(self.newest).filter(|ahead| *ahead > 0) {
            self.seen = if ahead < BEHIND { (self.seen << ahead) | 1 } else { 1 };
            self.newest = sequence;
            return true;
        }
        let behind = self.newest - sequence;
        let bit = if behind < BEHIND { 1 << behind } else { 0 };
        let is_new = bit != 0 && self.seen & bit == 0;
        self.seen |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn probe(session: u64, sequence: u64) -> Identity {
        Identity { session, sequence }
    }

    #[test]
    fn probe_that_is_late_is_new_once_unless_it_is_much_too_late() {
        let mut replays = Replays::default();
        assert!(replays.is_new(probe(1, 200)));
        assert!(!replays.is_new(probe(1, 200)));
        assert!(replays.is_new(probe(1, 73)));
        assert!(!replays.is_new(probe(1, 73)));
        assert!(!replays.is_new(probe(1, 72)), "nobody knows any more");
        assert!(replays.is_new(probe(1, u64::MAX)));
        assert!(!replays.is_new(probe(1, 200)));
        assert!(replays.is_new(probe(2, 200)), "of another session");
    }

    #[test]
    fn memory_is_bounded_and_the_session_used_last_is_kept() {
        let mut replays = Replays::default();
        assert!(replays.is_new(probe(0, 7)));
        for session in 1..10_000 {
            assert!(replays.is_new(probe(session, 1)));
            assert!(!replays.is_new(probe(0, 7)), "{session}");
        }
        assert_eq!(replays.sessions.len(), SESSIONS);
    }

    proptest! {
        #[test]
        fn nothing_is_new_twice(probes in vec((0..3_u64, 0..300_u64), 0..500)) {
            let (mut replays, mut seen) = (Replays::default(), HashSet::new());
            for (session, sequence) in probes {
                let is_first = seen.insert((session, sequence));
                prop_assert!(!replays.is_new(probe(session, sequence)) || is_first);
            }
        }

        #[test]
        fn whatever_comes_in_order_is_new(mut sequences in vec(any::<u64>(), 0..100)) {
            sequences.sort_unstable();
            sequences.dedup();
            let mut replays = Replays::default();
            for sequence in sequences {
                prop_assert!(replays.is_new(probe(1, sequence)));
            }
        }
    }
}
