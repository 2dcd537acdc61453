//! What the operator's page tells of the last minutes.

use crate::policies::PolicyView;
use flow_control::Finite;
use flow_page::{Failed, Mark, ObjectiveHistory, Page, PolicyHistory, Queue, Series, TargetHistory};
use flow_policy::{TargetId, show};
use kube::ResourceExt;

/// What was longer ago, in milliseconds, says nothing of now.
const FRESH: i64 = 60_000;

/// What is told of one policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recent<'a> {
    /// When the page was made, in milliseconds since 1970.
    pub(crate) at: i64,
    policy: &'a PolicyHistory,
}

impl<'a> Recent<'a> {
    /// What `page` tells of `policy`, if anything.
    pub(crate) fn of(page: Option<&'a Page>, policy: &PolicyView) -> Option<Self> {
        let page = page?;
        let (namespace, name) = (policy.stored.namespace().unwrap_or_default(), policy.stored.name_any());
        let policy =
            page.policies.iter().find(|told| (&told.namespace, &told.name) == (&namespace, &name))?;
        Some(Self { at: page.at, policy })
    }

    /// The last hour of an objective.
    pub(crate) fn objective(self, name: &str) -> Option<&'a ObjectiveHistory> {
        self.policy.objectives.iter().find(|told| told.name == name)
    }

    /// What an objective was in the newest step, at worst.
    pub(crate) fn value(self, objective: &str) -> Option<Finite> {
        self.newest(&self.objective(objective)?.values)
    }

    /// The same as a person would write it. `view` is the policy.
    pub(crate) fn shown(self, view: &PolicyView, objective: &str) -> Option<String> {
        let mut objectives = view.policy.iter().flat_map(|policy| &policy.objectives);
        let indicator = &objectives.find(|known| known.name == objective)?.indicator;
        Some(indicator.show(self.value(objective)?))
    }

    /// The changes of limits, oldest first.
    pub(crate) fn changes(self) -> &'a [Mark] {
        &self.policy.decisions
    }

    /// Why limits stay as they are, as a reason and a sentence.
    pub(crate) fn holding(self) -> Option<&'a str> {
        self.policy.holding.as_deref()
    }

    /// When limits were last too high.
    pub(crate) fn failed(self) -> Option<Failed> {
        self.policy.failed
    }

    /// Since when what is learnt of the link is remembered.
    pub(crate) fn since(self) -> Option<i64> {
        self.policy.since
    }

    /// The queue on the path of an objective now.
    pub(crate) fn queue(self, objective: &str) -> Option<Queue> {
        self.objective(objective)?.queue
    }

    /// When an objective was last measured, to a step, as far as that is told.
    pub(crate) fn measured(self, objective: &str) -> Option<i64> {
        let told = self.objective(objective)?;
        let known = steps(&told.values).filter(|step| step.value.is_some());
        told.measured.or_else(|| Some(known.last()?.end.min(self.at)))
    }

    /// Every target.
    pub(crate) fn targets(self) -> &'a [TargetHistory] {
        &self.policy.targets
    }

    /// What is told of a target.
    pub(crate) fn target(self, target: &TargetId) -> Option<&'a TargetHistory> {
        let name = target.to_string();
        self.policy.targets.iter().find(|told| told.name == name)
    }

    /// What the pods of a target send together, such as `52.3M`.
    pub(crate) fn sent(self, target: &TargetId) -> Option<String> {
        Some(show::rate(self.newest(&self.target(target)?.sent)?.get()))
    }

    fn newest(self, series: &Series) -> Option<Finite> {
        let fresh = steps(series).filter(|step| step.end > self.at - FRESH);
        Finite::new(fresh.filter_map(|step| step.value).last()?).ok()
    }
}

/// A step of a series, in milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) begin: i64,
    pub(crate) end: i64,
    pub(crate) value: Option<f64>,
}

/// The steps of a series, oldest first.
pub(crate) fn steps(series: &Series) -> impl Iterator<Item = Step> {
    let Series { start, step, ref values } = *series;
    let at = move |number: i64| start.saturating_add(step.saturating_mul(number));
    (0..).zip(values).map(move |(number, value)| Step {
        begin: at(number),
        end: at(number.saturating_add(1)),
        value: *value,
    })
}
