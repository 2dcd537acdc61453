//! How a policy stands, as its regulator sees it.

use super::super::rollout::{self, Seen};
use super::super::settled::Settled;
use super::Regulator;
use crate::enforce::{InForce, held_sentence};
use crate::regulator::PlannedTarget;
use crate::report::{ObjectiveView, Snapshot, Standing, TargetView};
use flow_control::{Bandwidth, Moment};
use flow_policy::Strategy;
use std::sync::Arc;

impl Regulator {
    /// Passes on how things stand.
    pub(super) fn report(&mut self, mut objectives: Vec<ObjectiveView>, now: Moment) {
        // They stay until the next report.
        objectives.shrink_to_fit();
        let targets = self.target_views(now);
        let standing = Standing::Running(Snapshot {
            generation: self.plan.generation,
            namespace: self.id.namespace.clone(),
            policy: Arc::clone(&self.plan.policy),
            overrides: Arc::clone(&self.plan.overrides),
            measured_since: self.measured_since,
            objectives,
            targets,
            backend: self.services.enforcer.backend(),
            last_change: self.last_change.clone(),
            taken_up: self.taken_up,
            failed: self.state.failed(self.params.law),
            decisions: self.decisions.clone(),
            released: self.state.released,
            ineffective: self.ineffective.clone(),
            strategy_allowed: self.plan.policy.strategy == Strategy::Live
                || self.services.rollouts.are_allowed(),
            traffic_refused: self.traffic.refused().to_vec(),
        });
        self.services.reporter.report(&self.id, standing);
    }

    pub(super) fn target_views(&mut self, now: Moment) -> Vec<TargetView> {
        let targets = self.plan.targets.iter().zip(&self.state.limits);
        let mut views: Vec<_> =
            targets.map(|(planned, limit)| self.target_view(planned, *limit, now)).collect();
        let known = self.state.safe_limits().zip(self.state.too_much());
        let known = known.zip(self.state.goals(&self.params.traffic, now));
        for (view, ((safe, too_much), goal)) in views.iter_mut().zip(known) {
            (view.safe, view.too_much, view.goal) = (safe, too_much, goal);
        }
        self.said.resize_with(views.len(), Settled::default);
        for (view, said) in views.iter_mut().zip(&mut self.said) {
            view.message = said.look(view.message.take(), now);
        }
        views
    }

    fn target_view(&self, planned: &PlannedTarget, limit: Bandwidth, now: Moment) -> TargetView {
        let seen = rollout::seen(&self.services, planned, now).unwrap_or_else(|| self.live(planned, now));
        let mut view = TargetView {
            consents: planned.found.consents,
            found: planned.found.exists,
            limit,
            safe: None,
            too_much: None,
            goal: None,
            pods: planned.found.pods.len(),
            enforced: 0,
            unverified: 0,
            awaiting: seen.awaiting,
            problem: seen.problem,
            faulty: None,
            message: seen.message,
            sent: None,
        };
        for (pod, in_force) in seen.pods {
            match in_force {
                InForce::Yes { sent } => {
                    view.enforced += 1;
                    view.sent = sent.map(|sent| view.sent.unwrap_or_default().plus(sent)).or(view.sent);
                }
                InForce::Written => view.unverified += 1,
                InForce::No { reason } if view.problem.is_none() => {
                    view.problem = Some(format!("pod {}: {reason}", pod.name));
                    view.faulty = Some(pod.clone());
                }
                InForce::Coming | InForce::No { .. } => {}
            }
        }
        view
    }

    fn live(&self, planned: &PlannedTarget, now: Moment) -> Seen {
        let (enforcer, pods) = (&self.services.enforcer, planned.found.pods.iter().map(|pod| &pod.id));
        let message = held_sentence(&enforcer.held(&self.id, pods.clone()));
        let pods =
            enforcer.in_force(&self.id, pods.clone(), now, |in_force| pods.cloned().zip(in_force).collect());
        Seen { message, pods, ..Seen::default() }
    }
}
