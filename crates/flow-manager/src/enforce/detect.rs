//! Which back-end there is, where the administrator has not said so.

use super::backend::Backend;
use k8s_openapi::api::apps::v1::DaemonSet;
use kube::api::ListParams;
use kube::{Api, Client};
use std::time::Duration;
use tokio::time::{sleep, timeout};

const TIMEOUT: Duration = Duration::from_secs(4);
const RETRY: Duration = Duration::from_secs(2);
const SHAPERS: &str = "app.kubernetes.io/name=flow-manager,app.kubernetes.io/component=shaper";

/// How the back-end is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It was named.
    Given(Backend),
    /// By what the API server serves.
    Detect,
}

impl Choice {
    /// The back-end. Where it has to be detected, the API server is asked until it answers.
    pub async fn backend(self, client: &Client, shaper_namespace: &str) -> Backend {
        let backend = match self {
            Self::Given(backend) => backend,
            Self::Detect => detect(client, shaper_namespace).await,
        };
        tracing::info!(
            backend = backend.name(),
            detected = self == Self::Detect,
            "who makes limits take effect"
        );
        backend
    }
}

async fn detect(client: &Client, shaper_namespace: &str) -> Backend {
    loop {
        match timeout(TIMEOUT, ask(client, shaper_namespace)).await {
            Ok(Ok((groups, shapers))) => return of_cluster(&groups, shapers),
            Ok(Err(error)) => tracing::warn!(%error, "the back-end is not detected yet"),
            Err(_) => tracing::warn!("the back-end is not detected yet: no answer"),
        }
        sleep(RETRY).await;
    }
}

/// The API groups that are served, and whether shapers are installed.
async fn ask(client: &Client, shaper_namespace: &str) -> kube::Result<(Vec<String>, bool)> {
    let groups = client.list_api_groups().await?.groups;
    let sets: Api<DaemonSet> = Api::all(client.clone());
    // Listed everywhere, as the operator may, and may not elsewhere.
    let sets = sets.list_metadata(&ListParams::default().labels(SHAPERS)).await?.items;
    let shapers = sets.iter().any(|set| set.metadata.namespace.as_deref() == Some(shaper_namespace));
    Ok((groups.into_iter().map(|group| group.name).collect(), shapers))
}

/// The back-end of a cluster whose API server serves these groups. A network plugin that follows running pods goes
/// before our shapers; of several, the one that sees a pod's interface first.
#[must_use]
pub fn of_cluster(groups: &[String], shapers: bool) -> Backend {
    let plugins = [
        (["kubeovn.io", "kubeovn.io"], Backend::KubeOvn),
        (["projectcalico.org", "crd.projectcalico.org"], Backend::Calico),
        (["cilium.io", "cilium.io"], Backend::Cilium),
    ];
    let is_served = |names: &[&str]| groups.iter().any(|group| names.contains(&group.as_str()));
    let plugin = plugins.into_iter().find(|(names, _)| is_served(names)).map(|(_, backend)| backend);
    plugin.unwrap_or(if shapers { Backend::Shaper } else { Backend::AtCreation })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(groups: &[&str], shapers: bool) -> Backend {
        let groups: Vec<_> = groups.iter().map(|group| (*group).to_owned()).collect();
        of_cluster(&groups, shapers)
    }

    #[test]
    fn each_network_plugin_is_known_by_the_api_group_that_it_brings() {
        for (group, backend) in [
            ("kubeovn.io", Backend::KubeOvn),
            ("crd.projectcalico.org", Backend::Calico),
            ("projectcalico.org", Backend::Calico),
            ("cilium.io", Backend::Cilium),
        ] {
            for shapers in [false, true] {
                assert_eq!(of(&["apps", group, "flow.fustli.io"], shapers), backend, "{group}");
            }
        }
    }

    #[test]
    fn where_no_plugin_follows_running_pods_the_shapers_do_if_there_are_any() {
        assert_eq!(of(&["apps", "batch"], true), Backend::Shaper);
        assert_eq!(of(&["apps", "batch"], false), Backend::AtCreation);
        assert_eq!(of(&[], false), Backend::AtCreation);
    }

    #[test]
    fn a_group_whose_name_only_resembles_one_says_nothing() {
        let similar = ["operator.kubeovn.io.example.com", "notcilium.io", "projectcalico.org.uk"];
        assert_eq!(of(&similar, false), Backend::AtCreation);
    }

    #[test]
    fn of_several_plugins_the_order_of_groups_does_not_matter() {
        assert_eq!(of(&["cilium.io", "kubeovn.io"], false), Backend::KubeOvn);
        assert_eq!(of(&["kubeovn.io", "cilium.io"], false), Backend::KubeOvn);
        assert_eq!(of(&["cilium.io", "crd.projectcalico.org"], false), Backend::Calico);
    }
}
