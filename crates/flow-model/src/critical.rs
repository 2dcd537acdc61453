use crate::clock::Every;
use crate::dice::Dice;
use crate::indicator::Indicator;
use crate::link::Link;
use crate::spec::{Fault, ObjectiveSpec};
use flow_control::{Judgement, Moment, Sample, Selection, Window};
use std::time::Duration;

/// How often the application sends a packet.
const PACKETS: Duration = Duration::from_millis(10);
/// Over how long users judge, and how many packets that are.
const JUDGED: Duration = Duration::from_secs(1);
const JUDGED_PACKETS: usize = 100;

/// The way of a critical flow: its link, and what befalls it elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    pub(crate) link: usize,
    faults: Vec<Fault>,
    dice: Dice,
}

impl Path {
    pub(crate) fn new(spec: &ObjectiveSpec, dice: Dice) -> Self {
        Self { link: spec.link, faults: spec.faults.clone(), dice }
    }

    /// The round-trip time of a packet that is sent now; `None` if it is lost.
    pub(crate) fn send(&mut self, links: &[Link], now: Moment) -> Option<Duration> {
        let link = links.get(self.link)?;
        let mut rtt = link.rtt();
        let mut lost = self.dice.chance(link.dropped());
        for fault in self.faults.iter().filter(|fault| fault.covers(now)) {
            rtt += fault.delay.0 + fault.jitter.0.mul_f64(self.dice.uniform());
            lost |= self.dice.chance(fault.loss);
        }
        (!lost).then_some(rtt)
    }
}

impl Fault {
    fn covers(&self, now: Moment) -> bool {
        crate::spec::During { from: self.from, lasts: self.lasts }.covers(now)
    }
}

/// The users of a critical flow: what they get is the truth, whatever probes say.
#[derive(Clone, Debug)]
pub(crate) struct Users {
    path: Path,
    indicator: Indicator,
    window: Window,
    packets: Every,
    judges: Every,
    /// Seconds judged, and those in which the objective was broken.
    pub(crate) seconds: u32,
    pub(crate) broken: u32,
}

impl Users {
    pub(crate) fn new(spec: &ObjectiveSpec, dice: Dice, judged_from: Duration) -> Self {
        Self {
            path: Path::new(spec, dice),
            indicator: Indicator::new(spec.asks),
            window: Window::new(JUDGED_PACKETS),
            packets: Every::new(PACKETS),
            judges: Every::after(judged_from + JUDGED, JUDGED),
            seconds: 0,
            broken: 0,
        }
    }

    /// Goes one step on, and returns whether a packet was sent that breaks the bound.
    pub(crate) fn step(&mut self, links: &[Link], now: Moment) -> bool {
        if self.judges.is_due(now) {
            self.judge(now);
        }
        if !self.packets.is_due(now) {
            return false;
        }
        let rtt = self.path.send(links, now);
        self.window.push(Sample { sent: now, rtt });
        links.get(self.path.link).is_some_and(|link| self.indicator.breaks(rtt, link.base()))
    }

    /// Where so few packets arrive that nothing can be told, the objective is broken as well.
    fn judge(&mut self, now: Moment) {
        let reading = self.indicator.read(&mut self.window, Selection::newest(JUDGED_PACKETS, now, JUDGED));
        self.seconds += 1;
        self.broken += u32::from(self.indicator.bound.judge(reading) != Judgement::Met);
    }
}
