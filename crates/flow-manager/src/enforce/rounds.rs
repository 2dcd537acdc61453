//! Which shapers there are, and whose turn it is. Each has a pace of its own, so that none waits for another.

use super::pace::{CALM, Pace, is_in_a_hurry};
use flow_control::Moment;
use std::collections::{BTreeMap, HashMap};

/// How many shapers may be asked at the same time.
const CONCURRENCY: usize = 256;

/// The shapers by their addresses.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    nodes: HashMap<String, Node>,
    hurried: Option<Moment>,
    under_way: usize,
}

/// The shaper of one node.
#[derive(Debug, Default)]
struct Node {
    name: String,
    written: Option<Moment>,
    asked: Option<Moment>,
    under_way: bool,
    /// Whether it answered the last time.
    answered: Option<bool>,
}

impl Rounds {
    /// Takes over which shapers there are, each by its address, with the name of its node.
    pub(super) fn survey(&mut self, present: BTreeMap<String, String>) {
        self.nodes.retain(|address, node| present.get(address).is_some_and(|name| *name == node.name));
        for (address, name) in present {
            self.nodes.entry(address).or_insert_with(|| Node { name, ..Node::default() });
        }
    }

    /// Notes that the limit of a pod of this node was written.
    pub(super) fn wrote(&mut self, node: &str, now: Moment) {
        for node in self.nodes.values_mut().filter(|shaper| shaper.name == node) {
            node.written = Some(now);
        }
    }

    /// Notes that a policy is in a hurry. Returns whether that is new.
    pub(super) fn hurry(&mut self, now: Moment) -> bool {
        let is_new = !is_in_a_hurry(self.hurried, now);
        if is_new {
            self.hurried = Some(now);
        }
        is_new
    }

    /// When the next question is due; `None` while none can be.
    pub(super) fn next(&self, watched: bool) -> Option<Moment> {
        self.due(watched).map(|(due, _)| due).min().filter(|_| self.under_way < CONCURRENCY)
    }

    /// Takes the addresses that are due, those that have waited longest first.
    pub(super) fn take(&mut self, watched: bool, now: Moment) -> Vec<String> {
        let mut due: Vec<_> = self.due(watched).filter(|(due, _)| *due <= now).collect();
        due.sort_unstable();
        let free = CONCURRENCY.saturating_sub(self.under_way);
        let taken: Vec<_> = due.into_iter().take(free).map(|(_, address)| address.to_owned()).collect();
        for address in &taken {
            if let Some(node) = self.nodes.get_mut(address) {
                (node.asked, node.under_way) = (Some(now), true);
            }
        }
        self.under_way += taken.len();
        taken
    }

    /// Notes that a question is over, and whether it was answered.
    pub(super) fn settle(&mut self, address: &str, answered: bool) {
        self.under_way = self.under_way.saturating_sub(1);
        if let Some(node) = self.nodes.get_mut(address) {
            (node.answered, node.under_way) = (Some(answered), false);
        }
    }

    /// How many shapers answered when last asked, and how many did not.
    pub(super) fn up_and_down(&self) -> (usize, usize) {
        let count = |answered| self.nodes.values().filter(|node| node.answered == Some(answered)).count();
        (count(true), count(false))
    }

    fn due(&self, watched: bool) -> impl Iterator<Item = (Moment, &str)> {
        let idle = self.nodes.iter().filter(|(_, node)| !node.under_way);
        idle.map(move |(address, node)| (node.due(self.hurried, watched), address.as_str()))
    }
}

impl Node {
    /// A shaper that does not answer is asked seldom, since each question takes long.
    fn due(&self, hurried: Option<Moment>, watched: bool) -> Moment {
        match self.asked {
            None => Moment::default(),
            Some(asked) if self.answered == Some(false) => asked + CALM,
            Some(asked) => Pace { written: self.written, hurried, watched }.due(asked),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(ms: u64) -> Moment {
        Moment::after_epoch(Duration::from_millis(ms))
    }

    fn rounds(nodes: usize) -> Rounds {
        let mut rounds = Rounds::default();
        rounds.survey((0..nodes).map(|node| (format!("10.0.0.{node}"), format!("node-{node}"))).collect());
        rounds
    }

    /// Who is asked at so many milliseconds. All answer at once but those that are `silent`.
    fn asked(rounds: &mut Rounds, ms: u64, silent: &str) -> Vec<String> {
        let asked = rounds.take(false, at(ms));
        for address in asked.iter().filter(|address| *address != silent) {
            rounds.settle(address, true);
        }
        asked
    }

    #[test]
    fn a_shaper_that_takes_its_time_holds_up_no_other() {
        let mut rounds = rounds(2);
        assert_eq!(asked(&mut rounds, 0, "10.0.0.0").len(), 2);
        for second in 1..4 {
            assert_eq!(rounds.next(false), Some(at(second * 1_000)));
            assert_eq!(asked(&mut rounds, second * 1_000, "10.0.0.0"), ["10.0.0.1"]);
        }
        rounds.settle("10.0.0.0", false);
        assert_eq!((rounds.next(false), rounds.up_and_down()), (Some(at(1_000)), (1, 1)));
    }

    #[test]
    fn only_the_node_of_the_pod_that_was_changed_is_asked_soon() {
        let mut rounds = rounds(2);
        asked(&mut rounds, 0, "");
        rounds.wrote("node-1", at(100));
        assert_eq!(rounds.next(false), Some(at(160)));
        assert_eq!(asked(&mut rounds, 160, ""), ["10.0.0.1"]);
        rounds.wrote("node-7", at(170));
        assert_eq!(rounds.next(false), Some(at(260)));
    }

    #[test]
    fn a_hurry_is_one_for_all_and_told_once() {
        let mut rounds = rounds(2);
        asked(&mut rounds, 0, "");
        assert!(rounds.hurry(at(10)) && !rounds.hurry(at(20)));
        assert_eq!(asked(&mut rounds, 250, "").len(), 2);
        assert!(rounds.hurry(at(300)), "it goes on");
    }

    #[test]
    fn a_shaper_that_does_not_answer_is_asked_no_oftener_than_each_second() {
        let mut rounds = rounds(1);
        rounds.take(true, at(0));
        rounds.settle("10.0.0.0", false);
        rounds.hurry(at(10));
        rounds.wrote("node-0", at(20));
        assert_eq!(rounds.next(true), Some(at(1_000)));
    }

    #[test]
    fn no_more_are_asked_at_once_than_may_be_and_those_first_that_waited_longest() {
        let mut rounds = rounds(CONCURRENCY + 2);
        let first = rounds.take(false, at(0));
        assert_eq!((first.len(), rounds.next(false)), (CONCURRENCY, None));
        assert!(rounds.take(false, at(5_000)).is_empty());
        for address in &first {
            rounds.settle(address, true);
        }
        let second = rounds.take(false, at(5_000));
        let waited: Vec<_> = second.iter().take(2).collect();
        assert!(waited.iter().all(|address| !first.contains(address)), "{waited:?}");
    }

    #[test]
    fn who_comes_is_asked_at_once_and_who_goes_no_more() {
        let mut rounds = rounds(2);
        asked(&mut rounds, 0, "");
        rounds
            .survey(BTreeMap::from([("10.0.0.1".into(), "node-1".into()), ("10.0.0.9".into(), "x".into())]));
        assert_eq!(asked(&mut rounds, 10, ""), ["10.0.0.9"]);
        assert_eq!(asked(&mut rounds, 1_010, ""), ["10.0.0.1", "10.0.0.9"]);
    }
}
