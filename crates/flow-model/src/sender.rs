use crate::clock::STEP_SECONDS;
use crate::dice::Dice;
use crate::spec::{PodSpec, Sends};
use crate::tcp::{PACKET, Tcp};
use flow_control::Moment;
use std::time::Duration;

/// A pod that sends over a link, within its limit.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    spec: PodSpec,
    number: u32,
    /// `None` while it sends nothing.
    connection: Option<Tcp>,
    /// Bits per second that its token bucket lets through.
    limit: f64,
    dice: Dice,
    /// What it offered in this step, in bits.
    offered: f64,
    /// What has arrived so far, in bits.
    delivered: f64,
    /// What it has sent so far, in bits: arrived or not.
    sent: f64,
}

impl Sender {
    /// The pod of this number among its equals.
    pub(crate) fn new(spec: &PodSpec, number: u32, dice: Dice) -> Self {
        Self {
            spec: spec.clone(),
            number,
            connection: None,
            limit: f64::MAX,
            dice,
            offered: 0.0,
            delivered: 0.0,
            sent: 0.0,
        }
    }

    pub(crate) const fn link(&self) -> usize {
        self.spec.link
    }

    /// The limit in force, in bits per second.
    pub(crate) const fn limit(&self) -> f64 {
        self.limit
    }

    pub(crate) const fn set_limit(&mut self, bps: f64) {
        self.limit = bps;
    }

    /// Whether there is such a pod now.
    pub(crate) fn is_there(&self, now: Moment) -> bool {
        !self.spec.joins || self.spec.busy.holds(self.number, now)
    }

    /// Its connections are cut, as when another pod takes its place.
    pub(crate) fn restart(&mut self) {
        self.connection = None;
    }

    pub(crate) const fn delivered(&self) -> f64 {
        self.delivered
    }

    pub(crate) const fn sent(&self) -> f64 {
        self.sent
    }

    /// The most that it would send now without a limit, in bits per second.
    pub(crate) fn demand(&self, now: Moment) -> f64 {
        let most = self.spec.demand.map_or(f64::MAX, super::units::Rate::bps);
        match self.spec.sends {
            _ if !self.spec.busy.holds(self.number, now) => 0.0,
            Sends::Tcp => most,
            Sends::Udp(rate) => rate.bps().min(most),
        }
    }

    /// The bits that it sends in this step, over a link of this round-trip time.
    pub(crate) fn offer(&mut self, rtt: Duration, now: Moment) -> f64 {
        let allowed = self.demand(now).min(self.limit);
        self.offered = match self.spec.sends {
            _ if allowed <= 0.0 => {
                self.connection = None;
                0.0
            }
            Sends::Udp(_) => allowed * STEP_SECONDS,
            Sends::Tcp => {
                let tcp = self.connection.get_or_insert_with(|| Tcp::connect(now));
                tcp.rate(rtt + self.spec.rtt.0).min(allowed) * STEP_SECONDS
            }
        };
        self.offered
    }

    /// Learns that this share of what it sent in this step was dropped.
    pub(crate) fn settle(&mut self, dropped: f64, rtt: Duration, now: Moment) {
        let arrived = self.offered * (1.0 - dropped);
        self.delivered += arrived;
        self.sent += self.offered;
        let allowed = self.demand(now).min(self.limit);
        let Some(tcp) = &mut self.connection else { return };
        let rtt = rtt + self.spec.rtt.0;
        let packets_lost = self.offered * dropped / PACKET;
        if self.dice.chance(1.0 - (-packets_lost).exp()) {
            tcp.lose(now, rtt);
        }
        tcp.acknowledge(arrived, allowed, rtt, now);
    }
}
