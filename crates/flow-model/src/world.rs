use crate::dice::Dice;
use crate::link::Link;
use crate::scenario::Scenario;
use crate::sender::Sender;
use flow_control::Moment;
use std::ops::Range;

/// The links, and the pods that send over them.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) links: Vec<Link>,
    pub(crate) senders: Vec<Sender>,
}

impl World {
    /// The senders stand in the order of the policies, their targets and their pods.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let mut dice = Dice::new(scenario.seed, "links");
        let links = scenario.links.iter().map(|link| Link::new(link, scenario.lasts.0, &mut dice)).collect();
        let targets = scenario.policies.iter().flat_map(|policy| &policy.targets);
        let mut senders = Vec::new();
        for pods in targets.flat_map(|target| &target.pods) {
            for number in (0..).take(pods.count) {
                let dice = Dice::new(scenario.seed, &format!("sender {}", senders.len()));
                senders.push(Sender::new(pods, number, dice));
            }
        }
        Self { links, senders }
    }

    /// These of the senders.
    pub(crate) fn of(&self, senders: Range<usize>) -> &[Sender] {
        self.senders.get(senders).unwrap_or_default()
    }

    /// Goes one step on.
    pub(crate) fn step(&mut self, now: Moment) {
        let mut offered = vec![0.0; self.links.len()];
        let rtts: Vec<_> = self.links.iter().map(Link::rtt).collect();
        for sender in &mut self.senders {
            let link = sender.link();
            if let (Some(offered), Some(rtt)) = (offered.get_mut(link), rtts.get(link)) {
                *offered += sender.offer(*rtt, now);
            }
        }
        let dropped: Vec<_> =
            self.links.iter_mut().zip(offered).map(|(link, bits)| link.carry(bits, now)).collect();
        for sender in &mut self.senders {
            let link = sender.link();
            if let (Some(dropped), Some(rtt)) = (dropped.get(link), rtts.get(link)) {
                sender.settle(*dropped, *rtt, now);
            }
        }
    }
}
