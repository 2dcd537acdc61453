//! Who protects the critical flow during a run.

pub(crate) mod policies;
mod rollout;

use self::rollout::Rollout;
use crate::bed::Bed;
use crate::plan::{Contender, Plan};
use flow_e2e::stage::condition;
use flow_e2e::wait::{Look, until};
use flow_e2e::{Result, factory};
use flow_policy::names::EGRESS_BANDWIDTH;
use k8s_openapi::api::core::v1::Pod;
use std::time::Duration;

/// How long the objectives of a policy may take to be known: twenty probes of the predecessor, and more.
const PATIENCE: Duration = Duration::from_secs(45);

/// A contender at work.
pub(crate) enum Working {
    /// Nobody.
    Nobody,
    /// A limit on each of these pods.
    Fixed(Vec<Pod>),
    Rollout(Box<Rollout>),
    /// Policies of these names.
    Policies(Vec<String>),
}

impl Working {
    /// Lets the contender of the plan start, and waits until it is ready for traffic.
    pub(crate) async fn start(bed: &Bed, plan: &Plan, pods: Vec<Pod>) -> Result<Self> {
        match plan.contender {
            Contender::None => Ok(Self::Nobody),
            Contender::BestFixed => fix(bed, plan, pods).await,
            Contender::PredecessorRollout => Ok(Self::Rollout(Box::new(Rollout::start(bed).await?))),
            _ => apply(bed, plan, &pods).await,
        }
    }

    /// Ends it, and with it all limits.
    pub(crate) async fn stop(self, bed: &Bed) -> Result<()> {
        match self {
            Self::Nobody => Ok(()),
            Self::Fixed(pods) => annotate(bed, &pods, None).await,
            Self::Rollout(rollout) => rollout.stop().await,
            Self::Policies(names) => {
                for name in names.iter().rev() {
                    bed.stage.delete(name).await?;
                }
                Ok(())
            }
        }
    }
}

async fn fix(bed: &Bed, plan: &Plan, pods: Vec<Pod>) -> Result<Working> {
    let limit = plan.fixed_kbps.map(|kbps| format!("{kbps}k"));
    annotate(bed, &pods, limit.as_deref()).await?;
    bed.limited(&pods).await?;
    Ok(Working::Fixed(pods))
}

async fn annotate(bed: &Bed, pods: &[Pod], limit: Option<&str>) -> Result<()> {
    for pod in pods {
        bed.cluster().annotate(pod, EGRESS_BANDWIDTH, limit).await?;
    }
    Ok(())
}

async fn apply(bed: &Bed, plan: &Plan, pods: &[Pod]) -> Result<Working> {
    let mut names = Vec::new();
    for policy in policies::of(plan.contender, plan.scenario) {
        bed.stage.apply(&policy).await?;
        names.extend(policy.pointer("/metadata/name").and_then(|name| name.as_str()).map(str::to_owned));
    }
    let working = Working::Policies(names);
    match ready(bed, pods).await {
        Ok(()) => Ok(working),
        Err(error) => {
            working.stop(bed).await?;
            Err(error)
        }
    }
}

/// Waits until the policy has limits in force and knows its objectives.
async fn ready(bed: &Bed, pods: &[Pod]) -> Result<()> {
    bed.limited(pods).await?;
    let policies = bed.cluster().policies(factory::NAMESPACE);
    until("objectives that are met", PATIENCE, async || {
        let met = condition(&policies.get(policies::NAME).await?, "ObjectivesMet");
        Ok(Look::when(met.starts_with("True"), || met))
    })
    .await
}
