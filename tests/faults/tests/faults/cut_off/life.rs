use crate::policy::{NAME, STEADY, about, of_both, violated_in};
use flow_e2e::wait::{Look, until};
use flow_faults::state::State;
use flow_faults::world::{OTHER, PATIENCE, World};
use flow_policy::names::{LIMIT, PAUSED};
use kube::api::DeleteParams;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The limits of the pods at first.
const AT_FIRST: [&str; 2] = ["100M", "70M"];

/// What happens to a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// It is made, and an operator starts that finds it.
    Create,
    /// Its objective is violated, and limits sink.
    Violate,
    /// Its target gets another pod.
    Scale,
    /// One of its targets is taken away, and the other one's limit is lowered.
    SpecChange,
    /// A person pauses it, and pins its limit.
    Pause,
    /// It is deleted.
    Delete,
}

impl Life {
    /// Brings about what is there before.
    pub(super) async fn begin(self, world: &World) {
        match self {
            Self::Create => {}
            Self::Violate => begin_violation(world).await,
            Self::SpecChange => assert!(begin(world, &of_both(), &["100M", "40M", "70M"]).await),
            Self::Scale | Self::Pause | Self::Delete => {
                assert!(begin(world, &about(STEADY), &AT_FIRST).await);
            }
        }
    }

    /// Whether the operator starts only now.
    pub(super) fn starts_anew(self) -> bool {
        self == Self::Create
    }

    /// Lets it happen.
    pub(super) async fn act(self, world: &World) {
        let changed = match self {
            Self::Create => world.apply(&about(STEADY)).await,
            // Time does it.
            Self::Violate => Ok(()),
            Self::Scale => world.scale(3).await,
            Self::SpecChange => {
                let target = json!({
                    "kind": "Deployment", "name": "best-effort", "limit": {"min": "25M", "max": "45M"},
                });
                world.patch(NAME, &json!({"spec": {"targets": [target]}})).await
            }
            Self::Pause => {
                let annotations = json!({PAUSED: "true", LIMIT: "30M"});
                world.patch(NAME, &json!({"metadata": {"annotations": annotations}})).await
            }
            Self::Delete => {
                let policies = world.cluster.policies(&world.namespace);
                policies.delete(NAME, &DeleteParams::default()).await.map(drop).map_err(Into::into)
            }
        };
        changed.unwrap();
    }

    /// Whether it is over; what else there may be at its end is found out by looking.
    pub(super) fn has_ended(self, state: &State) -> bool {
        match self {
            Self::Create => state.limits() == ["100M", "70M"] && is_met(state),
            Self::Violate => has_sunk(state),
            Self::Scale => state.limits() == ["100M", "100M", "70M"],
            Self::SpecChange => state.limits() == ["45M", "45M"],
            Self::Pause => state.limits() == ["30M", "30M"] && state.condition("Paused").starts_with("True"),
            Self::Delete => state.policy.is_none(),
        }
    }

    /// How often the pod is given back.
    pub(super) fn restorations(self, pod: &str) -> usize {
        match self {
            Self::Delete => usize::from(!pod.starts_with(OTHER)),
            Self::SpecChange => usize::from(pod.starts_with(OTHER)),
            Self::Create | Self::Violate | Self::Scale | Self::Pause => 0,
        }
    }

    /// The writes without which it is not done.
    pub(super) fn least_writes(self) -> usize {
        match self {
            // The Lease, the finalizer, two pods, the status.
            Self::Create => 5,
            // Two pods, each by halves to a quarter, and the status; or three pods and the status.
            Self::Violate | Self::SpecChange => 4,
            // A pod and the status.
            Self::Scale => 2,
            // Two pods and the status; or two pods and the finalizer.
            Self::Pause | Self::Delete => 3,
        }
    }

    /// Brings about what was there before everything.
    pub(super) async fn undo(self, world: &World) {
        if self == Self::Scale {
            world.scale(2).await.unwrap();
        }
        world.delete(NAME).await.unwrap();
    }
}

/// Whether a violated policy has done what it can.
pub(super) fn has_sunk(state: &State) -> bool {
    state.limits() == ["25M", "25M"] && is_violated(state)
}

fn is_violated(state: &State) -> bool {
    state.condition("ObjectivesMet").starts_with("False")
}

fn is_met(state: &State) -> bool {
    state.condition("ObjectivesMet").starts_with("True")
}

/// Leaves a policy that is met. Returns false where it is violated by now.
async fn begin(world: &World, policy: &Value, limits: &[&str]) -> bool {
    world.apply(policy).await.unwrap();
    until("the begin", PATIENCE, async || {
        let state = world.state(NAME).await?;
        let begun = state.limits() == limits && is_met(&state);
        Ok(Look::some((begun || is_violated(&state)).then_some(begun), || format!("{state:?}")))
    })
    .await
    .unwrap()
}

/// Leaves a policy that is met, and is about to be violated. On a busy machine that takes longer.
pub(super) async fn begin_violation(world: &World) {
    for wait_ms in [2_500, 5_000, 10_000, 20_000] {
        let (policy, start) = (violated_in(wait_ms), Instant::now());
        let begun = begin(world, &policy, &AT_FIRST).await;
        if begun && start.elapsed() < Duration::from_millis(wait_ms.into()) {
            return;
        }
        world.delete(NAME).await.unwrap();
    }
    panic!("no policy begins in time");
}
