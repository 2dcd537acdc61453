mod snapshot;

use super::effect::effect;
use super::effective::{Effective, not_yet, unseen};
use super::memory;
use super::plan::Plan;
use super::registry::Services;
use super::rollout;
use super::settled::Settled;
use super::traffic::TrafficFeeds;
use crate::cluster::PolicyId;
use crate::enforce::{Backend, Confirmed};
use crate::observe::Feed;
use crate::report::{Change, Ineffective, Tally};
use flow_control::{
    Action, Bandwidth, Decision, Effect, Hindrance, Law, Moment, Observation, Params, State, step,
};
use flow_policy::spec::Mode;
use flow_policy::{Policy, Scope, Strategy};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// The longest time between two reports of a policy about which nothing was decided.
pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// The time between two looks at whether limits can take effect: there may be many pods.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The control loop of one policy, without its timer.
pub(super) struct Regulator {
    services: Arc<Services>,
    id: PolicyId,
    plan: Arc<Plan>,
    feeds: Vec<Feed>,
    /// Rings when it should not wait for the next tick.
    bell: Arc<Notify>,
    traffic: TrafficFeeds,
    params: Params,
    state: State,
    /// When the policy was taken up, by this spec: its limits may have changed with it.
    taken_up: Moment,
    effective: Effective,
    /// Whether limits were needed since the policy was taken up, or its spec changed.
    needed: bool,
    last_change: Option<Arc<Change>>,
    decisions: Tally,
    measured_since: Timestamp,
    reported: Option<Moment>,
    /// What there is to say of each target. Which of two policies is the lower one may change several times a second.
    said: Vec<Settled<Option<String>>>,
    looked: Option<Moment>,
    ineffective: Option<Arc<Ineffective>>,
}

impl Regulator {
    /// Takes up a policy, and claims the limits to go on from.
    pub(super) fn new(services: Arc<Services>, id: PolicyId, plan: Arc<Plan>) -> Self {
        let feeds = feeds(&services, &id.namespace, &plan.policy);
        let traffic = TrafficFeeds::open(&services, &id.namespace, &plan.policy);
        let (params, state) = (params(&plan.policy), State::resume(present_limits(&plan)));
        let (measured_since, taken_up) = (Timestamp::now(), services.clock.now());
        let bell = bell(&plan.policy, &feeds);
        let mut regulator = Self {
            services,
            id,
            plan,
            feeds,
            bell,
            traffic,
            params,
            state,
            taken_up,
            effective: Effective::default(),
            needed: false,
            last_change: None,
            decisions: Tally::default(),
            measured_since,
            reported: None,
            said: Vec::new(),
            looked: None,
            ineffective: None,
        };
        regulator.count_pods();
        regulator.claim();
        regulator
    }

    /// Takes these limits for good, which were so before it was taken up.
    pub(super) fn remember(&mut self, safe: &[Option<Bandwidth>]) {
        self.state = State::remembering(std::mem::take(&mut self.state.limits), safe);
        self.count_pods();
    }

    /// Where each pod has the limit, what the link was found to carry is for all that there are now.
    fn count_pods(&mut self) {
        for (position, planned) in self.plan.targets.iter().enumerate() {
            if planned.target.scope == Scope::Pod {
                self.state.has_pods(position, planned.limitable().count());
            }
        }
    }

    /// Goes on by another plan. Limits carry over where the target is the same and was limited before. Returns whether
    /// somebody has changed the policy itself, which then is not to wait for its next decision.
    pub(super) fn adopt(&mut self, plan: Arc<Plan>) -> bool {
        let is_changed = (plan.generation, &plan.overrides) != (self.plan.generation, &self.plan.overrides);
        if plan.policy.objectives != self.plan.policy.objectives
            || plan.policy.interval != self.plan.policy.interval
        {
            self.feeds = feeds(&self.services, &self.id.namespace, &plan.policy);
            self.measured_since = Timestamp::now();
        }
        if plan.policy != self.plan.policy {
            self.bell = bell(&plan.policy, &self.feeds);
            self.params = params(&plan.policy);
            self.taken_up = self.services.clock.now();
            let safe = memory::carried(&plan, &self.plan, self.state.safe_limits());
            self.state = State::remembering(self.carried_limits(&plan), &safe);
            self.traffic = TrafficFeeds::open(&self.services, &self.id.namespace, &plan.policy);
            self.needed = false;
            self.said.clear();
        }
        self.plan = plan;
        self.count_pods();
        self.claim();
        (self.reported, self.looked) = (None, None);
        is_changed
    }

    /// Passes on how things stand, without a decision.
    pub(super) fn tell(&mut self) {
        self.inherit();
        let now = self.services.clock.now();
        let settled_since = self.settled_since(now);
        let views = self.feeds.iter_mut().map(|feed| feed.read(now, settled_since).1).collect();
        self.reported = Some(now);
        self.report(views, now);
    }

    /// Goes on from lower limits that were set by who led before, and of which this one did not know as it started.
    fn inherit(&mut self) {
        let Services { enforcer, rollouts, .. } = &*self.services;
        let targets = &self.plan.targets;
        let pods = targets.iter().flat_map(|planned| &planned.found.pods).map(|pod| &pod.id);
        let workloads = targets.iter().filter_map(|planned| Some(&planned.template.as_ref()?.workload));
        let (pods, templates) = (enforcer.inherited(&self.id, pods), rollouts.inherited(&self.id, workloads));
        if pods.is_empty() && templates.is_empty() {
            return;
        }
        for (planned, limit) in targets.iter().zip(&mut self.state.limits) {
            *limit = planned.lowered(*limit, &pods, &templates);
        }
        self.claim();
        enforcer.heard(&self.id, &pods);
        rollouts.heard(&self.id, &templates);
    }

    /// Observes, decides, and passes on what was decided; so `late` where that was due at a time.
    pub(super) fn tick(&mut self, late: Option<Duration>) {
        if let Some(late) = late {
            self.services.metrics.late(late);
        }
        self.inherit();
        let now = self.services.clock.now();
        let settled_since = self.settled_since(now);
        let readings = self.feeds.iter_mut().map(|feed| feed.read(now, settled_since));
        let (observations, views): (Vec<_>, Vec<_>) = readings.unzip();
        self.params.manual = self.plan.overrides.manual(Timestamp::now());
        self.look(&observations, now);
        self.params.traffic = self.traffic.read(&self.services.enforcer, &self.plan, &observations, now);
        let decision = self.decide(&observations, now);
        self.decisions.count(&decision);
        self.ineffective =
            Ineffective::next(self.ineffective.as_ref(), self.state.no_effect(), now, Timestamp::now());
        if decision.action != Action::Hold {
            let pods = self.plan.targets.iter().map(|planned| planned.found.pods.len());
            let limits: Vec<_> = self.state.limits.iter().copied().zip(pods).collect();
            let change = Change::new(&self.plan.policy, decision, &views, &limits, Timestamp::now());
            self.last_change = Some(Arc::new(change));
        }
        if decision.action != Action::Hold || self.is_report_due(now) {
            self.reported = Some(now);
            self.report(views, now);
        } else {
            self.services.reporter.measured(&self.id, &views);
        }
        self.services.reporter.decided(&self.id, decision);
    }

    /// What rings when the next tick should come early: at the first sign of a violation on a path.
    pub(super) fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.bell)
    }

    /// How long to wait from one tick to the next.
    pub(super) fn interval(&self) -> Duration {
        self.plan.policy.interval
    }

    /// Since when the limits as they are have been in effect, which may be yet to come.
    fn settled_since(&mut self, now: Moment) -> Moment {
        let changed = self.state.changed().unwrap_or(self.taken_up);
        if let (Strategy::Rollout { .. }, true) = (self.plan.policy.strategy, self.plan.enforces()) {
            let rolled_out = rollout::free_since(&self.services, &self.plan, now);
            return rolled_out.map_or_else(|| not_yet(now), |since| since.max(changed));
        }
        let mut effective = self.effective;
        let since = effective.since(changed, now, || self.confirmed(changed, now));
        self.effective = effective;
        since
    }

    /// The moment at which the limits that were `changed` then are known to be in force.
    fn confirmed(&self, changed: Moment, now: Moment) -> Option<Moment> {
        let enforcer = &self.services.enforcer;
        if !self.plan.enforces() || enforcer.backend() != Backend::Shaper {
            return Some(unseen(changed));
        }
        let pods = self.plan.targets.iter().flat_map(|planned| &planned.found.pods);
        match enforcer.confirmed(pods.map(|pod| &pod.id), now) {
            Confirmed::Since(at) => Some(at),
            Confirmed::NotYet | Confirmed::Unwitnessed => None,
        }
    }

    fn decide(&mut self, observations: &[Observation], now: Moment) -> Decision {
        let before = std::mem::replace(&mut self.state, State::resume(Vec::new()));
        let was_released = before.released;
        let (state, decision) = step(&self.params, before, observations, now);
        let was_needed = self.needed;
        self.needed =
            !state.released && (self.needed || rollout::are_limits_needed(&decision, &self.plan.policy));
        let claims_change =
            decision.action != Action::Hold || (state.released, self.needed) != (was_released, was_needed);
        self.state = state;
        if claims_change {
            self.claim();
        }
        decision
    }

    /// Looks whether limits can take effect now. In mode Observe none does, and none is meant to.
    fn look(&mut self, observations: &[Observation], now: Moment) {
        if !self.plan.enforces() {
            return;
        }
        match self.plan.policy.strategy {
            Strategy::Rollout { .. } => self.params.effect = self.effect_of_rollouts(observations, now),
            Strategy::Live if self.looked.is_none_or(|looked| now.since(looked) >= LOOK_INTERVAL) => {
                self.looked = Some(now);
                self.params.effect = self.effect_on_running_pods(now);
            }
            Strategy::Live => {}
        }
    }

    fn effect_of_rollouts(&self, observations: &[Observation], now: Moment) -> Effect {
        if self.plan.targets.iter().all(|planned| planned.found.pods.is_empty()) {
            Effect::Impossible(Hindrance::NoPods)
        } else if rollout::can_take_effect(&self.services, &self.plan, observations, now) {
            Effect::Possible
        } else {
            Effect::Impossible(Hindrance::RollingOut)
        }
    }

    fn effect_on_running_pods(&self, now: Moment) -> Effect {
        let enforcer = &self.services.enforcer;
        if !enforcer.backend().limits_running_pods() {
            return Effect::Impossible(Hindrance::OnlyAtCreation);
        }
        let pods = self.plan.targets.iter().flat_map(|planned| &planned.found.pods);
        enforcer.in_force(&self.id, pods.map(|pod| &pod.id), now, |pods| effect(pods))
    }

    fn claim(&self) {
        let (enforcer, rollouts) = (&self.services.enforcer, &self.services.rollouts);
        let writes = self.plan.enforces() && !self.state.released;
        match self.plan.policy.strategy {
            Strategy::Live if writes => enforcer.claim(&self.id, self.plan.limits(&self.state.limits)),
            Strategy::Live | Strategy::Rollout { .. } => enforcer.withdraw(&self.id),
        }
        let asks = rollout::asks(&self.plan, &self.state.limits, self.needed);
        rollouts.ask(&self.id, if writes { asks } else { Vec::new() });
    }

    fn is_report_due(&self, now: Moment) -> bool {
        self.reported.is_none_or(|reported| now.since(reported) >= REPORT_INTERVAL)
    }

    /// The limits to go on from by another plan.
    fn carried_limits(&self, next: &Plan) -> Vec<Bandwidth> {
        next.carry_over(&self.plan, &self.state.limits)
    }
}

fn feeds(services: &Services, namespace: &str, policy: &Policy) -> Vec<Feed> {
    let feed = |objective| services.sources.feed(namespace, objective, policy.interval);
    policy.objectives.iter().map(feed).collect()
}

/// What rings at the first sign that an objective will be violated, for a law that goes by it.
fn bell(policy: &Policy, feeds: &[Feed]) -> Arc<Notify> {
    let bell = Arc::default();
    if let Law::Adaptive(_) = policy.law {
        for feed in feeds {
            feed.ring(&bell);
        }
    }
    bell
}

fn params(policy: &Policy) -> Params {
    Params {
        law: policy.law,
        no_data: policy.no_data,
        ranges: policy.targets.iter().map(|target| target.range).collect(),
        // Limits that are not written teach nothing.
        effect_check: policy.effect_check.filter(|_| policy.mode == Mode::Enforce),
        manual: None,
        effect: Effect::Possible,
        traffic: Vec::new(),
    }
}

fn present_limits(plan: &Plan) -> Vec<Bandwidth> {
    plan.targets.iter().map(super::PlannedTarget::present_limit).collect()
}

#[cfg(test)]
mod tests;
