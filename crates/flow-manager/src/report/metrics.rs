use super::board::Board;
use super::{ObjectiveView, Snapshot, Standing, TargetView};
use super::{condition_metrics, decision_metrics, predecessor_metrics};
use crate::clock::Clock;
use crate::cluster::PolicyId;
use flow_control::{Bound, Finite, Judgement, Moment};
use flow_policy::{Objective, Target};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// How policies stand, as metrics. They are read from the board at each scrape, so the series of a policy that
/// is gone are gone as well, and all are where nobody reports.
#[derive(Clone, Debug)]
pub struct StandingMetrics {
    clock: Clock,
    board: Arc<Mutex<Weak<Board>>>,
    /// Statuses that could not be written.
    pub(super) write_errors: Counter,
    predecessor: bool,
}

/// A policy at work.
pub(super) struct Policy<'a> {
    pub(super) id: &'a PolicyId,
    pub(super) snapshot: &'a Snapshot,
    /// The time of the scrape.
    now: Moment,
}

/// A label's name and value.
pub(super) type Label<'a> = (&'static str, Cow<'a, str>);

/// The labels and the value of one series.
pub(super) type Series<'a> = (Vec<Label<'a>>, f64);

/// A gauge with any number of series. What is unknown has none: unknown is not zero.
pub(super) struct Gauge {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) series: for<'a> fn(&[Policy<'a>]) -> Vec<Series<'a>>,
}

const GAUGES: [Gauge; 10] = [
    Gauge {
        name: "flowmanager_objective_value",
        help: "What the indicator of an objective says, in its base unit: seconds, a ratio, bits per second, or a plain number",
        series: |policies| objectives(policies, |_, view| vec![(None, view.reading.ok().map(Finite::get))]),
    },
    Gauge {
        name: "flowmanager_objective_age_seconds",
        help: "Age of the measurement behind what the indicator of an objective says",
        series: ages,
    },
    Gauge {
        name: "flowmanager_objective_queueing_delay_seconds",
        help: "What most of the newest probes behind the indicator of an objective waited in queues",
        series: |policies| {
            let delay = |view: &ObjectiveView| view.queueing.map(|queueing| queueing.delay.as_secs_f64());
            objectives(policies, |_, view| vec![(None, delay(view))])
        },
    },
    Gauge {
        name: "flowmanager_objective_bound",
        help: "The most or the least that an objective allows, in the unit of flowmanager_objective_value",
        series: |policies| objectives(policies, |objective, _| bounds(objective.bound)),
    },
    Gauge {
        name: "flowmanager_objective_state",
        help: "1 for the state that an objective is in, 0 for the others",
        series: |policies| objectives(policies, |_, view| states(view.judgement)),
    },
    Gauge {
        name: "flowmanager_target_limit_bps",
        help: "Egress limit decided for each pod of a target, or with the scope Target for all of them together, in bits per second; in mode Observe it is not written",
        series: |policies| {
            targets(policies, |snapshot, view| (!snapshot.released).then(|| from_u64(view.limit.bps())))
        },
    },
    Gauge {
        name: "flowmanager_target_limit_range_bps",
        help: "The lowest and the highest that a policy allows flowmanager_target_limit_bps to be, in bits per second",
        series: ranges,
    },
    Gauge {
        name: "flowmanager_target_pods",
        help: "Running pods of a target",
        series: |policies| targets(policies, |_, view| Some(from_usize(view.pods))),
    },
    Gauge {
        name: "flowmanager_target_enforced_pods",
        help: "Pods of a target on which its newest limit is known to be in force",
        series: |policies| targets(policies, |_, view| Some(from_usize(view.enforced))),
    },
    Gauge {
        name: "flowmanager_target_sent_bps",
        help: "What the limited pods of a target send together, in bits per second",
        series: |policies| targets(policies, |_, view| view.sent.map(|sent| from_u64(sent.bps()))),
    },
];

impl StandingMetrics {
    /// Exported by `registry`; by the names of the predecessor as well, if so asked.
    #[must_use]
    pub fn register(registry: &mut Registry, clock: Clock, predecessor: bool) -> Self {
        let (board, write_errors) = (Arc::default(), Counter::default());
        let metrics = Self { clock, board, write_errors, predecessor };
        registry.register_collector(Box::new(metrics.clone()));
        let help = "Writes of a policy's status that failed; each is tried again";
        registry.register("flowmanager_status_write_errors", help, metrics.write_errors.clone());
        metrics
    }

    /// The clock by which the age of what is measured is told.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// Shows `board` from now on.
    pub(super) fn show(&self, board: &Arc<Board>) {
        *self.board.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(board);
    }

    fn shown(&self) -> Option<Arc<Board>> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }
}

impl Collector for StandingMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(board) = self.shown() else { return Ok(()) };
        let standings = board.all();
        let help = "Policies that the operator looks after, those with an invalid spec included";
        let policies = encoder.encode_descriptor("flowmanager_policies", help, None, MetricType::Gauge)?;
        encode_value(policies, from_usize(standings.len()))?;
        let now = self.clock.now();
        let at_work: Vec<_> =
            standings.iter().filter_map(|(id, standing)| at_work(id, standing, now)).collect();
        condition_metrics::encode(&board.conditions(), &mut encoder)?;
        decision_metrics::encode(&at_work, &mut encoder)?;
        // The series of one policy after the other: those of all at once take megabytes.
        let each = at_work.chunks(1);
        GAUGES.iter().try_for_each(|gauge| gauge.encode(each.clone(), &mut encoder))?;
        let predecessor: &[Gauge] = if self.predecessor { &predecessor_metrics::GAUGES } else { &[] };
        let all = std::iter::once(at_work.as_slice());
        predecessor.iter().try_for_each(|gauge| gauge.encode(all.clone(), &mut encoder))
    }
}

fn encode_value(mut metric: prometheus_client::encoding::MetricEncoder<'_>, value: f64) -> fmt::Result {
    metric.encode_gauge(&value)
}

fn at_work<'a>(id: &'a PolicyId, standing: &'a Standing, now: Moment) -> Option<Policy<'a>> {
    match standing {
        Standing::Running(snapshot) => Some(Policy { id, snapshot, now }),
        Standing::Invalid { .. } => None,
    }
}

impl Gauge {
    /// Encodes the series of some policies after those of others.
    fn encode<'a>(
        &self,
        policies: impl Iterator<Item = &'a [Policy<'a>]>,
        encoder: &mut DescriptorEncoder<'_>,
    ) -> fmt::Result {
        let mut family = encoder.encode_descriptor(self.name, self.help, None, MetricType::Gauge)?;
        for (labels, value) in policies.flat_map(|some| (self.series)(some)) {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }
}

/// The series of each objective: each value that is known, with the label that tells it from its siblings.
fn objectives<'a>(
    policies: &[Policy<'a>],
    values: impl Fn(&Objective, &ObjectiveView) -> Vec<(Option<Label<'static>>, Option<f64>)>,
) -> Vec<Series<'a>> {
    let mut series = Vec::new();
    for Policy { id, snapshot, .. } in policies {
        for (objective, view) in snapshot.policy.objectives.iter().zip(&snapshot.objectives) {
            let known =
                values(objective, view).into_iter().filter_map(|(further, value)| Some((further, value?)));
            series.extend(known.map(|(further, value)| {
                let own = [
                    label("objective", objective.name.as_str()),
                    label("indicator", objective.indicator.name()),
                ];
                (of(id).into_iter().chain(own).chain(further).collect(), value)
            }));
        }
    }
    series
}

fn ages<'a>(policies: &[Policy<'a>]) -> Vec<Series<'a>> {
    let now = policies.first().map(|policy| policy.now);
    let age = |view: &ObjectiveView| Some(now?.since(view.measured?).as_secs_f64());
    objectives(policies, |_, view| vec![(None, age(view))])
}

pub(super) fn of(id: &PolicyId) -> [Label<'_>; 2] {
    [label("namespace", &id.namespace), label("policy", &id.name)]
}

pub(super) fn label<'a>(name: &'static str, value: impl Into<Cow<'a, str>>) -> Label<'a> {
    (name, value.into())
}

fn bounds(bound: Bound) -> Vec<(Option<Label<'static>>, Option<f64>)> {
    let (min, max) = match bound {
        Bound::AtMost(max) => (None, Some(max)),
        Bound::AtLeast(min) => (Some(min), None),
        Bound::Within { min, max } => (Some(min), Some(max)),
    };
    [("min", min), ("max", max)]
        .map(|(kind, value)| (Some(label("bound", kind)), value.map(Finite::get)))
        .into()
}

fn states(judgement: Judgement) -> Vec<(Option<Label<'static>>, Option<f64>)> {
    let present = match judgement {
        Judgement::Met => "Met",
        Judgement::Violated => "Violated",
        Judgement::Unknown(_) => "Unknown",
    };
    let states = ["Met", "Violated", "Unknown"];
    states.map(|state| (Some(label("state", state)), Some(f64::from(u8::from(state == present))))).into()
}

fn targets<'a>(
    policies: &[Policy<'a>],
    value: impl Fn(&Snapshot, &TargetView) -> Option<f64>,
) -> Vec<Series<'a>> {
    let mut series = Vec::new();
    for Policy { id, snapshot, .. } in policies {
        let targets = snapshot.policy.targets.iter().zip(&snapshot.targets);
        series.extend(
            targets.filter_map(|(target, view)| Some((target_labels(id, target), value(snapshot, view)?))),
        );
    }
    series
}

fn ranges<'a>(policies: &[Policy<'a>]) -> Vec<Series<'a>> {
    let mut series = Vec::new();
    for Policy { id, snapshot, .. } in policies {
        for target in &snapshot.policy.targets {
            for (bound, limit) in [("min", target.range.min), ("max", target.range.max)] {
                let mut labels = target_labels(id, target);
                labels.push(label("bound", bound));
                series.push((labels, from_u64(limit.bps())));
            }
        }
    }
    series
}

fn target_labels<'a>(id: &'a PolicyId, target: &'a Target) -> Vec<Label<'a>> {
    let own = [label("kind", target.id.kind.as_str()), label("target", target_name(target))];
    of(id).into_iter().chain(own).collect()
}

/// A target's name, with its namespace where the policy names that: others may have a target of the same name.
fn target_name(target: &Target) -> Cow<'_, str> {
    let name = &target.id.name;
    target.id.namespace.as_ref().map_or(name.into(), |namespace| format!("{namespace}/{name}").into())
}

fn from_usize(number: usize) -> f64 {
    from_u64(u64::try_from(number).unwrap_or(u64::MAX))
}

#[expect(
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "a metric is a float, exact up to 2^53"
)]
pub(super) fn from_u64(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests;
