use super::control::{REPORT_INTERVAL, Regulator};
use super::metrics::DecisionMetrics;
use super::plan::Plan;

use crate::clock::Clock;
use crate::cluster::PolicyId;
use crate::enforce::Enforcer;
use crate::observe::Sources;
use crate::report::Reporter;
use crate::rollout::Rollouts;
use flow_control::Bandwidth;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

/// What every regulator uses.
pub struct Services {
    /// The time of decisions.
    pub clock: Clock,
    /// Where indicators come from.
    pub sources: Arc<Sources>,
    /// Where limits go.
    pub enforcer: Enforcer,
    /// Where limits go that pods get as they are created.
    pub rollouts: Rollouts,
    /// Where news go.
    pub reporter: Reporter,
    /// Times decisions.
    pub metrics: DecisionMetrics,
}

/// The regulators that run now, one for each policy.
pub struct Regulators {
    services: Arc<Services>,
    running: Mutex<HashMap<PolicyId, Running>>,
}

/// A regulator's task, and the plans that it goes by. The task ends when the sender is dropped.
struct Running {
    plans: watch::Sender<Arc<Plan>>,
    task: JoinHandle<()>,
}

impl Regulators {
    /// None yet.
    #[must_use]
    pub fn new(services: Arc<Services>) -> Self {
        Self { services, running: Mutex::default() }
    }

    /// Lets the policy be regulated by `plan` from now on. When this returns for the first time for a policy,
    /// its limits are claimed, and those in `safe` are known to be good.
    pub fn set(&self, id: PolicyId, plan: Plan, safe: &[Option<Bandwidth>]) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match running.entry(id) {
            Entry::Occupied(entry) => {
                entry.get().plans.send_if_modified(|present| {
                    let changed = **present != plan;
                    // An equal one would be kept beside the one that the regulator goes by.
                    if changed {
                        *present = Arc::new(plan);
                    }
                    changed
                });
            }
            Entry::Vacant(entry) => {
                let (plans, receiver) = watch::channel(Arc::new(plan));
                let first = Arc::clone(&receiver.borrow());
                let mut regulator = Regulator::new(Arc::clone(&self.services), entry.key().clone(), first);
                regulator.remember(safe);
                let task = tokio::spawn(run(Box::new(regulator), receiver));
                entry.insert(Running { plans, task });
            }
        }
    }

    /// Stops regulating the policy and gives up its limits.
    pub async fn remove(&self, id: &PolicyId) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        self.end(id, running).await;
    }

    /// The same for all policies that are gone. Returns which those are.
    pub async fn remove_gone(&self, is_gone: impl Fn(&PolicyId) -> bool) -> Vec<PolicyId> {
        let gone: Vec<_> = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.extract_if(|id, _| is_gone(id)).collect()
        };
        let mut ended = Vec::new();
        for (id, running) in gone {
            self.end(&id, Some(running)).await;
            ended.push(id);
        }
        ended
    }

    async fn end(&self, id: &PolicyId, running: Option<Running>) {
        if let Some(Running { plans, task }) = running {
            drop(plans);
            // A regulator in the middle of a tick may still claim; a task that failed claims no more.
            let _ = task.await;
        }
        self.services.enforcer.withdraw(id);
        self.services.rollouts.withdraw(id);
    }
}

/// Runs a regulator until its plan is taken away. It is boxed, as a task keeps room for its arguments twice.
async fn run(mut regulator: Box<Regulator>, mut plans: watch::Receiver<Arc<Plan>>) {
    let mut ticks = ticker(regulator.interval());
    let mut news = news_ticker(regulator.interval());
    loop {
        let bell = regulator.bell();
        tokio::select! {
            biased;
            changed = plans.changed() => {
                if changed.is_err() {
                    return;
                }
                let is_changed = regulator.adopt(Arc::clone(&plans.borrow_and_update()));
                if is_changed || ticks.period() != regulator.interval() {
                    ticks = ticker(regulator.interval());
                    news = news_ticker(regulator.interval());
                }
            }
            due = due(&mut ticks, &bell) => regulator.tick(due.map(|due| due.elapsed())),
            () = next(news.as_mut()) => regulator.tell(),
        }
    }
}

/// Waits until a tick is due, by the clock, and returns when it was, or since the bell has rung: such a tick is one more,
/// and delays no other.
async fn due(ticks: &mut Interval, bell: &Notify) -> Option<Instant> {
    tokio::select! {
        biased;
        due = ticks.tick() => Some(due),
        () = bell.notified() => None,
    }
}

/// Who decides seldom must not be silent so long.
fn news_ticker(interval: Duration) -> Option<Interval> {
    (interval > REPORT_INTERVAL).then(|| ticker(REPORT_INTERVAL))
}

/// Waits for the next tick; for ever, where there is none.
async fn next(ticks: Option<&mut Interval>) {
    match ticks {
        Some(ticks) => drop(ticks.tick().await),
        None => std::future::pending().await,
    }
}

fn ticker(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use crate::cluster::Caches;
    use crate::enforce::Backend;
    use crate::regulator::PlannedTarget;
    use crate::report::{Snapshot, Standing};
    use flow_policy::names::LIMIT;
    use flow_policy::{Overrides, Policy};
    use kube::runtime::reflector;
    use serde_json::json;
    use tokio::time::{Instant, sleep};

    /// A policy that decides once an hour, of that generation.
    fn hourly(generation: i64, overrides: Overrides) -> Plan {
        let spec = json!({
            "interval": "1h",
            "objectives": [{"name": "queried", "prometheus": {"query": "x"}, "value": {"max": "1"}}],
            "targets": [{"kind": "Deployment", "name": "upload", "limit": {"min": "10M", "max": "100M"}}],
        });
        let policy = Policy::try_from(&serde_json::from_value(spec).unwrap()).unwrap();
        let found = crate::cluster::Found { consents: true, exists: true, pods: Vec::new() };
        let targets = vec![PlannedTarget { target: policy.targets[0].clone(), found, template: None }];
        Plan {
            generation: Some(generation),
            policy: Arc::new(policy),
            overrides: Arc::new(overrides),
            targets,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_policy_that_decides_seldom_follows_a_change_at_once() {
        let caches = Caches::of(crate::cluster::Objects::empty().0, reflector::store().0);
        let (services, _api) = fixture::services(caches, Backend::Cilium);
        let reporter = services.reporter.clone();
        let regulators = Regulators::new(Arc::new(services));
        let id = PolicyId::new("factory", "robot");
        let pin = || Overrides::of(&[(LIMIT.to_owned(), "40M".to_owned())].into());
        for (plan, limit) in [
            (hourly(1, Overrides::default()), 100),
            (hourly(2, Overrides::default()), 100),
            (hourly(2, pin()), 40),
            (hourly(3, pin()), 40),
        ] {
            let generation = plan.generation;
            regulators.set(id.clone(), plan, &[]);
            sleep(Duration::from_millis(1_500)).await;
            let standing = reporter.standing(&id).unwrap();
            let Standing::Running(Snapshot { generation: told, targets, .. }) = &*standing else { panic!() };
            assert_eq!((*told, targets[0].limit), (generation, Bandwidth::from_mbps(limit)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_plan_that_changes_nothing_is_not_kept_beside_the_present_one() {
        let caches = Caches::of(crate::cluster::Objects::empty().0, reflector::store().0);
        let (services, _api) = fixture::services(caches, Backend::Cilium);
        let (regulators, id) = (Regulators::new(Arc::new(services)), PolicyId::new("factory", "robot"));
        let mut policies = Vec::new();
        for generation in [1, 1, 2, 2] {
            let plan = hourly(generation, Overrides::default());
            policies.push(Arc::downgrade(&plan.policy));
            regulators.set(id.clone(), plan, &[]);
            sleep(Duration::from_millis(1_500)).await;
        }
        let kept: Vec<_> = policies.iter().map(|policy| policy.strong_count() > 0).collect();
        assert_eq!(kept, [false, false, true, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_bell_makes_one_more_tick_and_the_others_keep_their_time() {
        let (began, bell) = (Instant::now(), Arc::new(Notify::new()));
        let ringing = Arc::clone(&bell);
        tokio::spawn(async move {
            for _ in 0..2 {
                sleep(Duration::from_millis(1_300)).await;
                ringing.notify_one();
            }
        });
        let (mut ticks, mut times) = (interval(Duration::from_secs(1)), Vec::new());
        for _ in 0..6 {
            due(&mut ticks, &bell).await;
            times.push(began.elapsed().as_millis());
        }
        assert_eq!(times, [0, 1_000, 1_300, 2_000, 2_600, 3_000]);
    }
}
