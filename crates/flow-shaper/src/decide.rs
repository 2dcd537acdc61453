//! What to do about a pod, from what it asks for and what its interface has. No I/O.

use flow_control::Bandwidth;

use crate::interface::{Root, Seen};
use crate::tbf::Tbf;

/// What a pod asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// No annotation.
    #[default]
    Nothing,
    /// A limit.
    Limit(Bandwidth),
    /// An annotation that cannot be read, and the last limit that could.
    Unreadable(Option<Bandwidth>),
}

impl Wanted {
    /// The limit to hold the pod to. A text that cannot be read never means "no limit": the last one stays.
    pub(crate) fn limit(self) -> Option<Bandwidth> {
        match self {
            Self::Nothing => None,
            Self::Limit(limit) => Some(limit),
            Self::Unreadable(last) => last,
        }
    }
}

/// What to do with a pod's interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing; somebody else's discipline stays as it is.
    Leave,
    /// Set this filter.
    Set(Tbf),
    /// Take our filter away.
    Remove,
}

/// `asserted` is the filter that this agent has set itself. The kernel does not show all of a filter, so one that is
/// taken over from an agent before is set once more; that keeps its queue.
pub(crate) fn decide(wanted: Wanted, seen: &Seen, asserted: Option<Tbf>) -> Action {
    let Some(limit) = wanted.limit() else {
        return match (wanted, &seen.root) {
            (Wanted::Nothing, Root::Ours(..)) => Action::Remove,
            _ => Action::Leave,
        };
    };
    let tbf = Tbf::new(limit, seen.mtu);
    match &seen.root {
        Root::Foreign { .. } => Action::Leave,
        Root::Ours(shown, _) if shown.is(&tbf) && asserted == Some(tbf) => Action::Leave,
        Root::Ours(..) | Root::Default => Action::Set(tbf),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::Counters;
    use crate::tbf::NO_PEAK;
    use crate::wire::Shown;

    fn limit(mbps: u64) -> Bandwidth {
        Bandwidth::from_bps(mbps * 1_000_000)
    }

    fn tbf(mbps: u64) -> Tbf {
        Tbf::new(limit(mbps), 1500)
    }

    fn ours(mbps: u64) -> Root {
        let tbf = tbf(mbps);
        let burst_ticks = u32::try_from(u64::from(tbf.burst) * 1_000_000_000 / tbf.rate / 64).unwrap();
        let shown = Shown { rate: tbf.rate, peak: NO_PEAK, queue: tbf.queue, burst_ticks };
        Root::Ours(shown, Counters::default())
    }

    fn foreign() -> Root {
        Root::Foreign { kind: "htb".into(), major: 1 }
    }

    fn action(wanted: Wanted, root: Root, asserted: Option<Tbf>) -> Action {
        decide(wanted, &Seen { index: 2, mtu: 1500, root }, asserted)
    }

    #[test]
    fn every_wish_meets_every_root() {
        use Action::{Leave, Remove, Set};
        let unreadable = |last: Option<u64>| Wanted::Unreadable(last.map(limit));
        for (wanted, root, asserted, expected) in [
            (Wanted::Nothing, Root::Default, None, Leave),
            (Wanted::Nothing, foreign(), None, Leave),
            (Wanted::Nothing, ours(10), None, Remove),
            (Wanted::Nothing, ours(10), Some(tbf(10)), Remove),
            (Wanted::Limit(limit(10)), Root::Default, None, Set(tbf(10))),
            (Wanted::Limit(limit(10)), Root::Default, Some(tbf(10)), Set(tbf(10))),
            (Wanted::Limit(limit(10)), foreign(), None, Leave),
            (Wanted::Limit(limit(10)), foreign(), Some(tbf(10)), Leave),
            (Wanted::Limit(limit(10)), ours(10), Some(tbf(10)), Leave),
            (Wanted::Limit(limit(10)), ours(10), None, Set(tbf(10))),
            (Wanted::Limit(limit(10)), ours(20), Some(tbf(20)), Set(tbf(10))),
            (Wanted::Limit(limit(10)), ours(20), Some(tbf(10)), Set(tbf(10))),
            (unreadable(Some(10)), Root::Default, Some(tbf(10)), Set(tbf(10))),
            (unreadable(Some(10)), ours(10), Some(tbf(10)), Leave),
            (unreadable(Some(10)), foreign(), None, Leave),
            (unreadable(None), Root::Default, None, Leave),
            (unreadable(None), ours(10), None, Leave),
            (unreadable(None), foreign(), None, Leave),
        ] {
            let found = action(wanted, root.clone(), asserted);
            assert_eq!(found, expected, "{wanted:?}, {root:?}, {asserted:?}");
        }
    }

    #[test]
    fn another_mtu_asks_for_another_filter() {
        let seen = Seen { index: 2, mtu: 9000, root: ours(10) };
        let expected = Tbf::new(limit(10), 9000);
        assert_eq!(decide(Wanted::Limit(limit(10)), &seen, Some(tbf(10))), Action::Set(expected));
    }
}
