use crate::bits::count;
use crate::clock::{Every, STEP};
use crate::contender::Contender;
use crate::critical::Users;
use crate::dice::Dice;
use crate::figures::{Figures, Varying, quantile_ms};
use crate::oracle::govern;
use crate::reaction::Reaction;
use crate::regulator::Regulator;
use crate::scenario::Scenario;
use crate::sender::Sender;
use crate::spec::PolicySpec;
use crate::trace::Glimpse;
use crate::world::World;
use flow_control::Moment;
use std::time::Duration;

/// How often the limits are looked at for how much they vary.
const LOOKS: Duration = Duration::from_millis(200);

/// A run, and what came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Who set the limits.
    pub contender: Contender,
    /// What came of it.
    pub figures: Figures,
    /// How each objective fared with its users, in the order of the policies and their objectives.
    pub judged: Vec<Judged>,
}

/// How an objective fared with its users, after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Seconds judged.
    pub seconds: u32,
    /// Those of them in which the objective was broken.
    pub broken: u32,
}

/// Runs `scenario` with `contender`; `watch` sees each decision.
pub fn run(scenario: &Scenario, contender: Contender, watch: &mut dyn FnMut(&Glimpse)) -> Outcome {
    let mut run = Run::new(scenario, contender);
    let mut now = Moment::default();
    let end = Moment::after_epoch(scenario.lasts.0);
    while now < end {
        run.step(now, watch);
        now = now + STEP;
    }
    Outcome { contender, figures: run.figures(), judged: run.judged().collect() }
}

struct Run<'a> {
    scenario: &'a Scenario,
    contender: Contender,
    world: World,
    controls: Vec<Control>,
    looks: Every,
    /// What was delivered before the warm-up was over, in bits.
    before: f64,
}

/// A policy's loop, and what is measured of it.
struct Control {
    regulator: Regulator,
    users: Vec<Users>,
    reaction: Reaction,
    varying: Vec<Varying>,
}

impl<'a> Run<'a> {
    fn new(scenario: &'a Scenario, contender: Contender) -> Self {
        let (mut world, mut controls, mut first) = (World::new(scenario), Vec::new(), 0);
        for (position, policy) in scenario.policies.iter().enumerate() {
            let mut control = Control::new(scenario, (position, policy), first, contender);
            first = control.regulator.pods().end;
            control.regulator.begin(&mut world);
            controls.push(control);
        }
        if contender == Contender::Static {
            hold_for_ever(&mut world);
        }
        let looks = Every::after(scenario.settled_from(), LOOKS);
        Self { scenario, contender, world, controls, looks, before: 0.0 }
    }

    fn step(&mut self, now: Moment, watch: &mut dyn FnMut(&Glimpse)) {
        if now == Moment::after_epoch(self.scenario.warm_up.0) {
            self.before = self.delivered();
        }
        if self.contender == Contender::Oracle {
            govern(&mut self.world, now);
        }
        self.world.step(now);
        let look = self.looks.is_due(now);
        for control in &mut self.controls {
            control.step(self.contender, &mut self.world, now, watch);
            if look {
                control.look();
            }
        }
    }

    fn judged(&self) -> impl Iterator<Item = Judged> {
        let users = self.controls.iter().flat_map(|control| &control.users);
        users.map(|users| Judged { seconds: users.seconds, broken: users.broken })
    }

    fn delivered(&self) -> f64 {
        self.world.senders.iter().map(Sender::delivered).sum()
    }

    fn figures(&self) -> Figures {
        let seconds = self.scenario.judged().as_secs_f64();
        let broken =
            self.judged().map(|users| 100.0 * f64::from(users.broken) / f64::from(users.seconds.max(1)));
        let targets: usize = self.controls.iter().map(|control| control.varying.len()).sum();
        let varying = self.controls.iter().flat_map(|control| &control.varying);
        let reactions: Vec<_> = self.controls.iter().flat_map(|control| control.reaction.taken()).collect();
        Figures {
            violated_percent: broken.fold(0.0, f64::max),
            goodput_mbps: (self.delivered() - self.before) / seconds / 1e6,
            changes_per_minute: self.changes() / count(targets).max(1.0) / (seconds / 60.0),
            variation_percent: varying.map(Varying::percent).sum::<f64>().max(0.0) / count(targets).max(1.0),
            reaction_ms: quantile_ms(reactions.clone(), 50),
            slow_reaction_ms: quantile_ms(reactions, 95),
            ineffective_after: self.ineffective_after(),
        }
    }

    /// How often the limit of a target changed after the warm-up.
    fn changes(&self) -> f64 {
        let from = Moment::after_epoch(self.scenario.warm_up.0);
        let all = self.controls.iter().flat_map(|control| &control.regulator.changes);
        all.filter(|(at, _)| *at >= from).map(|(_, targets)| count(*targets)).sum::<f64>().max(0.0)
    }

    fn ineffective_after(&self) -> Option<f64> {
        let first = self.controls.iter().filter_map(|control| control.regulator.ineffective).min()?;
        Some(first.since(Moment::after_epoch(self.scenario.fault_from())).as_secs_f64())
    }
}

impl Control {
    fn new(
        scenario: &Scenario,
        (position, policy): (usize, &PolicySpec),
        first: usize,
        contender: Contender,
    ) -> Self {
        let spec = contender.adapt(policy);
        let regulator = Regulator::new(&spec, position, first, contender, scenario.seed);
        let dice = |objective| Dice::new(scenario.seed, &format!("users {position} {objective}"));
        let objectives = spec.objectives.iter().enumerate();
        let users =
            objectives.map(|(number, objective)| Users::new(objective, dice(number), scenario.warm_up.0));
        let varying = vec![Varying::default(); spec.targets.len()];
        Self { regulator, users: users.collect(), reaction: Reaction::default(), varying }
    }

    fn step(
        &mut self,
        contender: Contender,
        world: &mut World,
        now: Moment,
        watch: &mut dyn FnMut(&Glimpse),
    ) {
        let mut late = false;
        for users in &mut self.users {
            late |= users.step(&world.links, now);
        }
        if contender.decides() {
            self.regulator.step(world, now, watch);
        }
        let limits = world.of(self.regulator.pods()).iter().map(Sender::limit).sum();
        self.reaction.step(late, limits, now);
    }

    fn look(&mut self) {
        for (varying, limit) in self.varying.iter_mut().zip(self.regulator.limits()) {
            varying.take(limit);
        }
    }
}

/// Nine tenths of what each link carries at first, in equal shares.
fn hold_for_ever(world: &mut World) {
    let World { links, senders } = world;
    for (position, link) in links.iter().enumerate() {
        let budget = link.spare() - 0.1 * link.capacity();
        let pods = senders.iter().filter(|sender| sender.link() == position).count();
        let senders = senders.iter_mut().filter(|sender| sender.link() == position);
        senders.for_each(|sender| sender.set_limit(budget / count(pods)));
    }
}
