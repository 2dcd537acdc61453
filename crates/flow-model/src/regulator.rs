use crate::bits::count;
use crate::clock::{Every, STEP, elapsed};
use crate::contender::{Contender, Control};
use crate::dice::Dice;
use crate::feed::Feed;
use crate::in_force::InForce;
use crate::link::Link;
use crate::sender::Sender;
use crate::spec::{PolicySpec, Scope, TrafficSpec};
use crate::trace::Glimpse;
use crate::traffic::Meter;
use crate::world::World;
use flow_control::{Effect, Law, Moment, Observation, Params, Range, State, Traffic, step};
use std::time::Duration;

/// The shortest time between two decisions.
const SHORTEST: Duration = Duration::from_millis(50);

/// The control loop of one policy.
#[derive(Clone, Debug)]
pub(crate) struct Regulator {
    position: usize,
    contender: Contender,
    targets: Vec<Target>,
    feeds: Vec<Feed>,
    params: Params,
    state: State,
    in_force: InForce,
    /// The limits that are in force, in bits per second.
    held: Vec<f64>,
    ticks: Every,
    ticked: Moment,
    hurry: bool,
    /// Whether nothing is told of what pods send before they have a limit.
    knows_limited_only: bool,
    /// When the limits of how many targets changed.
    pub(crate) changes: Vec<(Moment, usize)>,
    pub(crate) ineffective: Option<Moment>,
}

#[derive(Clone, Debug)]
struct Target {
    scope: Scope,
    pods: std::ops::Range<usize>,
    meter: Option<Meter>,
}

impl Target {
    /// How many of its pods there are.
    fn present(&self, world: &World, now: Moment) -> usize {
        world.of(self.pods.clone()).iter().filter(|pod| pod.is_there(now)).count()
    }

    /// What its pods send, as far as that is known.
    fn told(&self, world: &World, now: Moment) -> Option<Traffic> {
        let pods = world.of(self.pods.clone());
        self.meter.as_ref()?.told(|pod| pods.get(pod).is_some_and(|pod| pod.is_there(now)))
    }
}

impl Regulator {
    /// That of the policy at `position`, whose pods are the senders from `first` on.
    pub(crate) fn new(
        spec: &PolicySpec,
        position: usize,
        first: usize,
        contender: Contender,
        seed: u64,
    ) -> Self {
        let targets = targets(spec, first);
        let ranges: Vec<_> =
            spec.targets.iter().map(|target| Range { min: target.min.0, max: target.max.0 }).collect();
        let initial = spec.targets.iter().map(|target| target.initial.unwrap_or(target.max).0);
        let Control { law, effect_check, no_data } = contender.control(spec);
        let dice = |objective| Dice::new(seed, &format!("probes {position} {objective}"));
        let feeds = spec.objectives.iter().enumerate();
        Self {
            position,
            contender,
            feeds: feeds.map(|(number, objective)| Feed::new(objective, dice(number))).collect(),
            state: State::resume(initial.collect()),
            params: Params {
                law,
                no_data,
                traffic: vec![None; targets.len()],
                ranges,
                effect_check,
                manual: None,
                effect: Effect::Possible,
            },
            targets,
            held: Vec::new(),
            in_force: InForce::new(spec.backend.delay.0, spec.backend.tells),
            ticks: Every::after(spec.interval.0, spec.interval.0),
            ticked: Moment::default(),
            hurry: false,
            knows_limited_only: matches!(spec.traffic, TrafficSpec::ShaperOnceLimited),
            changes: Vec::new(),
            ineffective: None,
        }
    }

    /// Holds the pods to the limits to begin with.
    pub(crate) fn begin(&mut self, world: &mut World) {
        self.held = self.limits();
        self.hold(world, Moment::default());
    }

    /// The limit of each target, in bits per second.
    pub(crate) fn limits(&self) -> Vec<f64> {
        self.state.limits.iter().map(|limit| limit.bps_f64()).collect()
    }

    /// What all pods may send together, in bits per second.
    fn together(&self, world: &World, now: Moment) -> f64 {
        let limited = self.targets.iter().zip(self.limits());
        let all = limited.map(|(target, limit)| match target.scope {
            Scope::Pod => limit * count(target.present(world, now)),
            Scope::Target => limit,
        });
        all.sum()
    }

    /// The senders that it limits.
    pub(crate) fn pods(&self) -> std::ops::Range<usize> {
        let ends = |target: Option<&Target>| target.map(|target| target.pods.clone()).unwrap_or_default();
        ends(self.targets.first()).start..ends(self.targets.last()).end
    }

    /// Goes one step on.
    pub(crate) fn step(&mut self, world: &mut World, now: Moment, watch: &mut dyn FnMut(&Glimpse)) {
        self.measure(world, now);
        if let Some(limits) = self.in_force.arrived(now) {
            self.held = limits;
            self.hold(world, now);
            if self.contender.replaces_pods() {
                world.senders.get_mut(self.pods()).into_iter().flatten().for_each(Sender::restart);
            }
        }
        let early = self.hurry && self.hurries() && now.since(self.ticked) >= SHORTEST;
        if self.ticks.is_due(now) || early {
            (self.ticked, self.hurry) = (now, false);
            self.tick(world, now, watch);
        }
    }

    /// Whether a queue on the way makes it decide at once.
    const fn hurries(&self) -> bool {
        matches!(self.params.law, Law::Adaptive(_))
    }

    fn measure(&mut self, world: &World, now: Moment) {
        for feed in &mut self.feeds {
            self.hurry |= feed.step(&world.links, now);
        }
        for target in &mut self.targets {
            let (first, senders) = (target.pods.start, &world.senders);
            if let Some(meter) = &mut target.meter {
                let there = |pod| senders.get(first + pod).filter(|sender: &&Sender| sender.is_there(now));
                meter.step(|pod| there(pod).map(Sender::sent), now);
            }
        }
    }

    fn tick(&mut self, world: &mut World, now: Moment, watch: &mut dyn FnMut(&Glimpse)) {
        let knows = !self.knows_limited_only || !self.changes.is_empty();
        let told = |target: &Target| knows.then(|| target.told(world, now)).flatten();
        self.params.traffic = self.targets.iter().map(told).collect();
        self.count_pods(world, now);
        let settled = self.in_force.settled_since(now);
        let observations: Vec<_> = self.feeds.iter_mut().map(|feed| feed.observe(settled, now)).collect();
        let decision = self.decide(&observations, now);
        let sent = self.params.traffic.iter().map(|traffic| Some((*traffic)?.sent.bps_f64()));
        watch(&Glimpse {
            elapsed: elapsed(now),
            policy: self.position,
            capacity: world.links.first().map_or(0.0, Link::capacity),
            wait: world.links.first().map(Link::wait).unwrap_or_default(),
            limits: self.limits(),
            together: self.together(world, now),
            sent: sent.sum(),
            delivered: world.of(self.pods()).iter().map(Sender::delivered).sum(),
            observations: &observations,
            decision,
        });
    }

    /// Takes in how many pods there are: what a limit of each was learnt of is of all, and what all share is of those.
    fn count_pods(&mut self, world: &mut World, now: Moment) {
        for (position, target) in self.targets.iter().enumerate() {
            if target.scope == Scope::Pod {
                self.state.has_pods(position, target.present(world, now));
            }
        }
        self.hold(world, now);
    }

    fn decide(&mut self, observations: &[Observation], now: Moment) -> flow_control::Decision {
        let before = self.state.clone();
        let (state, decision) = step(&self.params, before.clone(), observations, now);
        let moved = state.limits.iter().zip(&before.limits).filter(|(after, before)| after != before).count();
        self.state = state;
        if moved > 0 {
            self.changes.push((now, moved));
            self.in_force.write(self.limits(), now + STEP);
        }
        if self.state.no_effect().is_some() && self.ineffective.is_none() {
            self.ineffective = Some(now);
        }
        decision
    }

    /// Holds the pods that there are to the limits that are in force now.
    fn hold(&self, world: &mut World, now: Moment) {
        for (target, limit) in self.targets.iter().zip(&self.held) {
            let share = match target.scope {
                Scope::Pod => *limit,
                Scope::Target => limit / count(target.present(world, now)).max(1.0),
            };
            let senders = world.senders.get_mut(target.pods.clone()).into_iter().flatten();
            senders.for_each(|sender| sender.set_limit(share));
        }
    }
}

fn targets(spec: &PolicySpec, first: usize) -> Vec<Target> {
    let (mut targets, mut next) = (Vec::new(), first);
    for target in &spec.targets {
        let pods: usize = target.pods.iter().map(|pods| pods.count).sum();
        let meter = Meter::new(spec.traffic, target.scope, pods);
        targets.push(Target { scope: target.scope, pods: next..next + pods, meter });
        next += pods;
    }
    targets
}
