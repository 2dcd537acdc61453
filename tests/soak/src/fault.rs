//! What goes wrong meanwhile.

use flow_e2e::{Error, Result};
use flow_lab::node::NodeError;
use flow_lab::{Component, Control, Lab};
use rand::RngExt;
use rand::rngs::StdRng;
use serde::Serialize;
use std::time::Duration;

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Kind {
    /// The operator is killed.
    Killed,
    /// The operator is asked to stop.
    Stopped,
    /// The API server is away for some seconds.
    ApiServer,
    /// Prometheus is away for some seconds.
    Prometheus,
    /// The API server's store is restarted.
    Etcd,
}

/// Those that leave the operator its life, and so the memory that is measured.
const OUTSIDE: [Kind; 3] = [Kind::ApiServer, Kind::Prometheus, Kind::Etcd];
const ALL: [Kind; 5] = [Kind::Killed, Kind::Stopped, Kind::ApiServer, Kind::Prometheus, Kind::Etcd];

impl Kind {
    /// One by chance; with `operator`, also of the operator itself.
    pub(crate) fn any(dice: &mut StdRng, operator: bool) -> Self {
        let kinds: &[Self] = if operator { &ALL } else { &OUTSIDE };
        kinds.get(dice.random_range(0..kinds.len())).copied().unwrap_or(Self::Prometheus)
    }

    /// The component that is away; `None` where it is the operator.
    pub(crate) const fn component(self) -> Option<Component> {
        match self {
            Self::Killed | Self::Stopped => None,
            Self::ApiServer => Some(Component::KubeApiserver),
            Self::Prometheus => Some(Component::Prometheus),
            Self::Etcd => Some(Component::Etcd),
        }
    }
}

/// Stops a component, and starts it again after `span`.
pub(crate) async fn away(component: Component, span: Duration) -> Result<()> {
    let told = move |error: NodeError| Error::Missing(format!("{component}: {error}; it"));
    control(move |control| control.stop(component).map_err(told)).await?;
    tokio::time::sleep(span).await;
    control(move |control| control.start(component).map_err(told)).await
}

/// Asks the lab for something, which takes as long as a component needs to be ready.
async fn control(ask: impl FnOnce(Control) -> Result<()> + Send + 'static) -> Result<()> {
    let asked = tokio::task::spawn_blocking(move || ask(Lab::current()?.control()));
    asked.await.map_err(|error| Error::Missing(format!("an answer of the lab: {error}; it")))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn the_operator_lives_on_where_only_its_surroundings_may_fail() {
        let mut dice = StdRng::seed_from_u64(1);
        let mut any = |operator| (0..100).map(|_| Kind::any(&mut dice, operator)).collect::<Vec<_>>();
        assert!(ALL.iter().all(|kind| any(true).contains(kind)));
        assert!(any(false).iter().all(|kind| kind.component().is_some()));
    }
}
