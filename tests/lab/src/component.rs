//! The components of the cluster: how each is started, and how one sees that it is ready.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::address::{API_PORT, NODE, NODE_NAME, PODS, PROMETHEUS_PORT, SERVICES};
use crate::config::{COREDNS_HEALTH, KUBE_PROXY_HEALTH};
use crate::containers::{BUILDKIT_SOCKET, CONTAINERD_SOCKET};
use crate::place::Place;

/// A process of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Component {
    /// The API server's store.
    Etcd,
    /// The API server.
    KubeApiserver,
    /// The built-in controllers.
    KubeControllerManager,
    /// The scheduler.
    KubeScheduler,
    /// The container runtime.
    Containerd,
    /// The builder of images.
    Buildkitd,
    /// The node agent.
    Kubelet,
    /// Services.
    KubeProxy,
    /// Cluster DNS.
    Coredns,
    /// Metrics.
    Prometheus,
}

/// How one sees that a component serves.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    /// Plain HTTP answers 200.
    Http { address: String, path: &'static str },
    /// A connection is accepted.
    Tcp(String),
    /// A connection to a socket file is accepted.
    Unix(&'static str),
    /// `kubectl get --raw /readyz` succeeds.
    ApiServer,
}

impl Component {
    /// The program's name, which is the log's as well.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Containerd => "containerd",
            Self::Buildkitd => "buildkitd",
            Self::Kubelet => "kubelet",
            Self::KubeProxy => "kube-proxy",
            Self::Coredns => "coredns",
            Self::Prometheus => "prometheus",
        }
    }

    pub(crate) fn ready(self) -> Ready {
        let http = |address: &str, path| Ready::Http { address: address.to_owned(), path };
        match self {
            Self::Etcd => http("127.0.0.1:2379", "/health"),
            Self::KubeApiserver => Ready::ApiServer,
            Self::KubeControllerManager => Ready::Tcp("127.0.0.1:10257".to_owned()),
            Self::KubeScheduler => Ready::Tcp("127.0.0.1:10259".to_owned()),
            Self::Containerd => Ready::Unix(CONTAINERD_SOCKET),
            Self::Buildkitd => Ready::Unix(BUILDKIT_SOCKET),
            Self::Kubelet => http("127.0.0.1:10248", "/healthz"),
            Self::KubeProxy => http(KUBE_PROXY_HEALTH, "/healthz"),
            Self::Coredns => http(COREDNS_HEALTH, "/ready"),
            Self::Prometheus => http(&format!("{NODE}:{PROMETHEUS_PORT}"), "/-/ready"),
        }
    }

    /// The command line, without the program.
    pub(crate) fn arguments(self, place: &Place) -> Vec<String> {
        match self {
            Self::Etcd => etcd(place),
            Self::KubeApiserver => kube_apiserver(place),
            Self::KubeControllerManager => kube_controller_manager(place),
            Self::KubeScheduler => kube_scheduler(place),
            Self::Containerd => vec![format!("--config={}", place.config("containerd.toml").display())],
            Self::Buildkitd => vec![format!("--config={}", place.config("buildkitd.toml").display())],
            Self::Kubelet => kubelet(place),
            Self::KubeProxy => vec![format!("--config={}", place.config("kube-proxy.json").display())],
            Self::Coredns => vec!["-conf".to_owned(), place.config("Corefile").display().to_string()],
            Self::Prometheus => prometheus(place),
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

fn etcd(place: &Place) -> Vec<String> {
    vec![
        format!("--data-dir={}", place.data("etcd").display()),
        "--listen-client-urls=http://127.0.0.1:2379".to_owned(),
        "--advertise-client-urls=http://127.0.0.1:2379".to_owned(),
        "--listen-peer-urls=http://127.0.0.1:2380".to_owned(),
        // The store need not outlive the machine.
        "--unsafe-no-fsync".to_owned(),
    ]
}

fn kube_apiserver(place: &Place) -> Vec<String> {
    let pki = |flag: &str, file: &str| format!("--{flag}={}", place.pki(file).display());
    vec![
        "--etcd-servers=http://127.0.0.1:2379".to_owned(),
        "--bind-address=0.0.0.0".to_owned(),
        format!("--secure-port={API_PORT}"),
        format!("--advertise-address={NODE}"),
        format!("--service-cluster-ip-range={SERVICES}"),
        "--authorization-mode=Node,RBAC".to_owned(),
        "--enable-admission-plugins=NodeRestriction".to_owned(),
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        "--allow-privileged=true".to_owned(),
        format!("--audit-policy-file={}", place.config("audit.json").display()),
        format!("--audit-log-path={}", place.audit_log().display()),
        pki("client-ca-file", "ca.crt"),
        pki("tls-cert-file", "apiserver.crt"),
        pki("tls-private-key-file", "apiserver.key"),
        pki("kubelet-certificate-authority", "ca.crt"),
        pki("kubelet-client-certificate", "apiserver-kubelet.crt"),
        pki("kubelet-client-key", "apiserver-kubelet.key"),
        pki("service-account-key-file", "service-accounts.pub"),
        pki("service-account-signing-key-file", "service-accounts.key"),
    ]
}

fn kube_controller_manager(place: &Place) -> Vec<String> {
    let mut arguments = trusting("controller-manager", place);
    arguments.extend([
        "--use-service-account-credentials".to_owned(),
        format!("--cluster-cidr={PODS}"),
        format!("--root-ca-file={}", place.pki("ca.crt").display()),
        format!("--service-account-private-key-file={}", place.pki("service-accounts.key").display()),
    ]);
    arguments
}

fn kube_scheduler(place: &Place) -> Vec<String> {
    trusting("scheduler", place)
}

/// What the controller manager and the scheduler have in common.
fn trusting(client: &str, place: &Place) -> Vec<String> {
    let file = place.config(&format!("{client}.kubeconfig"));
    let flag = |name: &str| format!("--{name}={}", file.display());
    vec![
        flag("kubeconfig"),
        flag("authentication-kubeconfig"),
        flag("authorization-kubeconfig"),
        "--leader-elect=false".to_owned(),
        "--bind-address=127.0.0.1".to_owned(),
    ]
}

fn kubelet(place: &Place) -> Vec<String> {
    vec![
        format!("--config={}", place.config("kubelet.json").display()),
        format!("--kubeconfig={}", place.config("kubelet.kubeconfig").display()),
        format!("--hostname-override={NODE_NAME}"),
        format!("--node-ip={NODE}"),
    ]
}

fn prometheus(place: &Place) -> Vec<String> {
    vec![
        format!("--config.file={}", place.config("prometheus.json").display()),
        format!("--storage.tsdb.path={}", place.data("prometheus").display()),
        format!("--web.listen-address={NODE}:{PROMETHEUS_PORT}"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_on_the_wire_is_the_programs_name() {
        for component in Component::value_variants() {
            assert_eq!(serde_json::to_value(component).unwrap(), component.name());
            assert_eq!(component.to_possible_value().unwrap().get_name(), component.name());
        }
    }

    #[test]
    fn each_kubeconfig_that_a_component_is_given_belongs_to_a_client_with_certificates() {
        let place = Place::new("x".parse().unwrap(), "/s/x".into());
        let arguments = Component::value_variants().iter().flat_map(|component| component.arguments(&place));
        let files = arguments.filter_map(|text| Some(text.split_once("/s/x/config/")?.1.to_owned()));
        for file in files.filter(|file| file.ends_with(".kubeconfig")) {
            assert!(
                crate::pki::CLIENTS.iter().any(|client| file == format!("{}.kubeconfig", client.file)),
                "{file}"
            );
        }
    }
}
