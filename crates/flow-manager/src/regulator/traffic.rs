//! What the targets of a policy really send: as the shapers say, or where they do not, as a query does.

mod load;
mod query;

use super::plan::{Plan, PlannedTarget};
use super::registry::Services;
use crate::enforce::{Attention, Enforcer};
use flow_control::{Bandwidth, Judgement, Law, Moment, Observation, Role, Traffic, Unknown};
use flow_policy::spec::Mode;
use flow_policy::{Policy, Target, TrafficQuery};
use load::Load;
use query::TrafficFeed;
use std::sync::Arc;
use std::time::Duration;

/// How long what a shaper says may be taken for the present: it measures four times a second, and is asked twice.
const SHAPER_FRESH: Duration = Duration::from_secs(1);

/// What tells of the traffic of a policy's targets, for as long as this is held. Nothing does where its law does not
/// ask for it.
#[derive(Default)]
pub(super) struct TrafficFeeds {
    /// A query for each target that has one, in the policy's order. Most have none.
    queries: Vec<Option<Box<TrafficFeed>>>,
    /// Why others are not asked, also as sentences.
    refused: Vec<(Unknown, String)>,
    /// Whether what shapers say is of this policy: its limits are not written in mode Observe.
    writes: bool,
    /// Lets shapers be asked often.
    _attention: Option<Attention>,
}

impl TrafficFeeds {
    /// Begins to ask what `policy` in `namespace` has to know.
    pub(super) fn open(services: &Services, namespace: &str, policy: &Policy) -> Self {
        if !matches!(policy.law, Law::Adaptive(_)) {
            return Self::default();
        }
        let mut refused = Vec::new();
        let query = |target: &Arc<Target>| {
            let opened = ask(services, namespace, target, target.traffic.as_ref()?, policy.interval);
            opened.map_err(|why| refused.push(why)).ok().map(Box::new)
        };
        let (queries, writes) = (policy.targets.iter().map(query).collect(), policy.mode == Mode::Enforce);
        Self { queries, refused, writes, _attention: services.enforcer.attention().filter(|_| writes) }
    }

    /// Why queries are not asked, also as sentences.
    pub(super) fn refused(&self) -> &[(Unknown, String)] {
        &self.refused
    }

    /// What each target sends, as known `now`. Where the observations call for other limits, it will soon be known
    /// oftener.
    pub(super) fn read(
        &mut self,
        enforcer: &Enforcer,
        plan: &Plan,
        observations: &[Observation],
        now: Moment,
    ) -> Vec<Option<Traffic>> {
        if self.writes && observations.iter().any(is_urgent) {
            enforcer.hurry(now);
        }
        let writes = self.writes;
        let targets = plan.targets.iter().zip(&mut self.queries).map(|(planned, query)| {
            let told = of_no_pods(planned, now).or_else(|| by_shapers(enforcer, planned).filter(|_| writes));
            let asked = query.as_mut().and_then(|query| query.read(planned));
            newest(told, asked, now)
        });
        targets.collect()
    }
}

/// Begins to ask what a policy in `namespace` wants to know of the traffic of `target`. Else why not, also as a sentence.
fn ask(
    services: &Services,
    namespace: &str,
    target: &Target,
    wanted: &TrafficQuery,
    interval: Duration,
) -> Result<TrafficFeed, (Unknown, String)> {
    let queries = services.sources.queries(&wanted.source);
    let unknown =
        |problem| (Unknown::NoSource, format!("traffic.prometheus.source of {}: {problem}", target.id));
    let opened = TrafficFeed::open(queries.map_err(unknown)?, namespace, &wanted.query, interval);
    opened.map_err(|refused| (Unknown::NotAllowed, format!("the traffic of {}: {refused}", target.id)))
}

/// Whether an objective that decides is violated, or soon will be.
fn is_urgent(seen: &Observation) -> bool {
    let violated = seen.bound.judge(seen.reading) == Judgement::Violated;
    let soon = seen.queueing.is_some_and(|queueing| queueing.delay > queueing.allowed);
    seen.role == Role::Control && (violated || soon)
}

/// Where there is no pod, nothing is sent, and nobody has to tell it.
fn of_no_pods(planned: &PlannedTarget, now: Moment) -> Option<Traffic> {
    // Without consent, none is looked for.
    let are_none = planned.found.consents && planned.found.pods.is_empty();
    are_none.then(|| Load::together(planned.target.scope, Bandwidth::ZERO, 0).until(now, SHAPER_FRESH))
}

/// What the shapers say of a target's pods: as old as the oldest that they say, and too old for anything while they do
/// not tell of each.
fn by_shapers(enforcer: &Enforcer, planned: &PlannedTarget) -> Option<Traffic> {
    let sent = enforcer.sent(planned.limitable().map(|pod| &pod.id));
    let oldest = sent.iter().map(|sent| sent.measured).min()?;
    let measured = if sent.len() < planned.limitable().count() { Moment::default() } else { oldest };
    let rates: Vec<_> = sent.iter().map(|sent| sent.rate).collect();
    Some(Load::of_pods(planned.target.scope, &rates)?.until(measured, SHAPER_FRESH))
}

/// What the shapers tell, unless only the query is fresh.
fn newest(told: Option<Traffic>, asked: Option<Traffic>, now: Moment) -> Option<Traffic> {
    let is_fresh = |traffic: &Traffic| traffic.is_fresh(now);
    told.filter(is_fresh).or(asked.filter(is_fresh)).or(told).or(asked)
}

#[cfg(test)]
mod tests;
