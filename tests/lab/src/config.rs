//! The configuration files of the cluster's components. Pure: text in, text out.
//!
//! Most are JSON, which is YAML as well and needs no quoting rules of our own.

use serde_json::{Value, json};

use crate::address::{NODE, NODE_NAME, PODS, PROMETHEUS_PORT};
use crate::containers::CONTAINERD_SOCKET;
use crate::pki::READERS;
use crate::place::Place;

pub(crate) const KUBE_PROXY_HEALTH: &str = "127.0.0.1:10256";
pub(crate) const COREDNS_HEALTH: &str = "127.0.0.1:8181";

/// A kubeconfig for `client` of the API server at `server`.
pub(crate) fn kubeconfig(place: &Place, client: &str, server: &str) -> Value {
    let pki = |file: &str| place.pki(file).display().to_string();
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "flow-lab",
        "clusters": [{"name": "flow-lab", "cluster": {"server": server, "certificate-authority": pki("ca.crt")}}],
        "contexts": [{"name": "flow-lab", "context": {"cluster": "flow-lab", "user": client}}],
        "users": [{"name": client, "user": {
            "client-certificate": pki(&format!("{client}.crt")),
            "client-key": pki(&format!("{client}.key")),
        }}],
    })
}

/// The kubelet's configuration.
pub(crate) fn kubelet(place: &Place) -> Value {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE,
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": place.pki("ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": place.pki("kubelet-server.crt"),
        "tlsPrivateKeyFile": place.pki("kubelet-server.key"),
        "containerRuntimeEndpoint": format!("unix://{CONTAINERD_SOCKET}"),
        "cgroupRoot": format!("/{}", place.cgroup()),
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": false,
        "failSwapOn": false,
        "enforceNodeAllocatable": [],
        // A lower value needs CAP_SYS_RESOURCE.
        "oomScoreAdj": 0,
        "makeIPTablesUtilChains": false,
        "clusterDNS": [NODE],
        "clusterDomain": "cluster.local",
        "resolvConf": "",
        "volumePluginDir": place.data("kubelet-plugins"),
        // The machine's disk is not the lab's: how full it is must neither evict pods nor delete images.
        "evictionHard": {"memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
    })
}

/// kube-proxy's configuration.
pub(crate) fn kube_proxy(place: &Place) -> Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": place.config("proxy.kubeconfig")},
        "hostnameOverride": NODE_NAME,
        // Pods reach Services, and what is behind them, with their own address.
        "detectLocalMode": "ClusterCIDR",
        "clusterCIDR": PODS,
        "nftables": {"minSyncPeriod": "100ms"},
        // These limits belong to the machine, not to a network namespace.
        "conntrack": {"maxPerCore": 0, "min": 0},
        "healthzBindAddress": KUBE_PROXY_HEALTH,
        "metricsBindAddress": "127.0.0.1:10249",
        "oomScoreAdj": 0,
    })
}

/// The configuration of `CoreDNS`: the cluster's names, and for any other a clear "no such name".
pub(crate) fn coredns(place: &Place) -> String {
    let kubeconfig = place.config("coredns.kubeconfig");
    format!(
        "cluster.local:53 in-addr.arpa:53 {{
    errors
    ready {COREDNS_HEALTH}
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {}
        pods insecure
    }}
}}
.:53 {{
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
",
        kubeconfig.display()
    )
}

/// Prometheus' configuration: scrapes each running pod that asks for it by annotation, once a second, and itself, for
/// its histograms, which are classic and native at once.
pub(crate) fn prometheus(place: &Place) -> Value {
    let annotation = |name: &str| format!("__meta_kubernetes_pod_annotation_prometheus_io_{name}");
    let label = |name: &str| format!("__meta_kubernetes_pod_label_app_kubernetes_io_{name}");
    let copy = |from: String, to: &str| json!({"source_labels": [from], "regex": "(.+)", "target_label": to});
    json!({
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [{
            "job_name": "pods",
            // Labels of ours, such as the namespace of a policy, outrank those of the pod that exports them.
            "honor_labels": true,
            "kubernetes_sd_configs": [{"role": "pod", "kubeconfig_file": place.config("prometheus.kubeconfig")}],
            "relabel_configs": [
                {"source_labels": [annotation("scrape")], "action": "keep", "regex": "true"},
                {"source_labels": ["__meta_kubernetes_pod_phase"], "action": "keep", "regex": "Running"},
                {
                    "source_labels": ["__meta_kubernetes_pod_ip", annotation("port")],
                    "separator": ":",
                    "regex": r"(.+:\d+)",
                    "target_label": "__address__",
                },
                copy(annotation("path"), "__metrics_path__"),
                copy(label("name"), "job"),
                // The controller alone goes by the name of the whole, as it does with the chart's ServiceMonitors.
                {
                    "source_labels": [label("name"), label("component")],
                    "separator": "-",
                    "regex": "(.+-(?:shaper|probe|reflector))",
                    "target_label": "job",
                },
                copy("__meta_kubernetes_namespace".to_owned(), "namespace"),
                copy("__meta_kubernetes_pod_name".to_owned(), "pod"),
            ],
        }, {
            "job_name": "prometheus",
            "scrape_native_histograms": true,
            "always_scrape_classic_histograms": true,
            "static_configs": [{"targets": [format!("{NODE}:{PROMETHEUS_PORT}")]}],
        }],
    })
}

/// Lets the lab's own readers (`CoreDNS`, Prometheus) see what they watch.
pub(crate) fn readers_binding() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": READERS},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": READERS}],
    })
}

/// What the API server notes in its audit log: each request of flow-manager's accounts, with its body.
pub(crate) fn audit() -> Value {
    let accounts =
        ["system:serviceaccounts:flow-manager-system", "system:serviceaccounts:flow-manager-shaper"];
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "omitManagedFields": true,
        "rules": [{"level": "Request", "userGroups": accounts}, {"level": "None"}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place::new("two".parse().unwrap(), "/state/two".into())
    }

    #[test]
    fn the_kubelet_keeps_to_the_cgroup_of_its_lab() {
        assert_eq!(kubelet(&place())["cgroupRoot"], "/flow-lab-two");
    }

    #[test]
    fn a_kubeconfig_names_the_clients_own_certificate() {
        let config = kubeconfig(&place(), "proxy", "https://198.18.0.1:6443");
        assert_eq!(config["users"][0]["user"]["client-certificate"], "/state/two/pki/proxy.crt");
        assert_eq!(config["clusters"][0]["cluster"]["server"], "https://198.18.0.1:6443");
        assert_eq!(config["contexts"][0]["context"]["user"], config["users"][0]["name"]);
    }

    #[test]
    fn only_parts_other_than_the_controller_have_their_component_in_their_job() {
        let config = prometheus(&place());
        let rules = config["scrape_configs"][0]["relabel_configs"].as_array().unwrap();
        let jobs: Vec<_> = rules.iter().filter(|rule| rule["target_label"] == "job").collect();
        let component = jobs.last().unwrap();
        assert_eq!(component["separator"], "-");
        assert_eq!(component["regex"], "(.+-(?:shaper|probe|reflector))");
    }

    #[test]
    fn the_corefile_has_balanced_braces() {
        let text = coredns(&place());
        assert_eq!(text.matches('{').count(), text.matches('}').count());
        assert!(text.contains("kubeconfig /state/two/config/coredns.kubeconfig"));
    }
}
