//! What the operator's page tells of the last minutes.

use super::sparkline::sparkline;
use crate::policies::PolicyView;
use flow_control::Finite;
use flow_page::{Page, PolicyHistory, Series};
use flow_policy::{Indicator, TargetId};
use kube::ResourceExt;

/// What was sent longer ago, in milliseconds, says nothing of now.
const FRESH: i64 = 60_000;

/// What is told of one policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recent<'a> {
    at: i64,
    policy: &'a PolicyHistory,
}

impl<'a> Recent<'a> {
    /// What `page` tells of `policy`, if anything.
    pub(super) fn of(page: Option<&'a Page>, policy: &PolicyView) -> Option<Self> {
        let page = page?;
        let (namespace, name) = (policy.stored.namespace().unwrap_or_default(), policy.stored.name_any());
        let policy =
            page.policies.iter().find(|told| (&told.namespace, &told.name) == (&namespace, &name))?;
        Some(Self { at: page.at, policy })
    }

    /// The last minutes of an objective.
    pub(super) fn sparkline(self, objective: &str) -> Option<String> {
        let told = self.policy.objectives.iter().find(|told| told.name == objective)?;
        sparkline(told, self.at)
    }

    /// What the pods of a target send together, such as `52.3M`.
    pub(super) fn sent(self, target: &TargetId) -> Option<String> {
        let name = target.to_string();
        let told = self.policy.targets.iter().find(|told| told.name == name)?;
        let newest =
            steps(&told.sent).filter(|step| step.end > self.at - FRESH).filter_map(|step| step.value);
        let sent = Finite::new(newest.last()?).ok()?;
        Some(Indicator::Throughput.show(sent))
    }
}

/// A step of a series, in milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) begin: i64,
    pub(super) end: i64,
    pub(super) value: Option<f64>,
}

/// The steps of a series, oldest first.
pub(super) fn steps(series: &Series) -> impl Iterator<Item = Step> {
    let Series { start, step, ref values } = *series;
    let at = move |number: i64| start.saturating_add(step.saturating_mul(number));
    (0..).zip(values).map(move |(number, value)| Step {
        begin: at(number),
        end: at(number.saturating_add(1)),
        value: *value,
    })
}
