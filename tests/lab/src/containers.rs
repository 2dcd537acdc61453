//! The configuration of the container runtime, the builder and their command line. Pure: text in, text out.

use std::path::Path;

use serde_json::{Value, json};

use crate::address::{CONTAINERS, PODS};
use crate::place::Place;

/// Name of the image of each pod's sandbox. It is imported, never pulled.
pub(crate) const SANDBOX_IMAGE: &str = "flow-lab.invalid/factory:lab";
/// Both sockets are where programs look first, so that commands need no address.
pub(crate) const CONTAINERD_SOCKET: &str = "/run/containerd/containerd.sock";
pub(crate) const BUILDKIT_SOCKET: &str = "/run/buildkit/buildkitd.sock";
/// containerd's namespace that the kubelet uses: what is built there is known to the node at once.
pub(crate) const NAMESPACE: &str = "k8s.io";

/// The chain of CNI plugins that connects each pod.
pub(crate) fn cni() -> Value {
    json!({
        "cniVersion": "1.0.0",
        "name": "flow-lab",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": true,
                "hairpinMode": true,
                "ipam": {
                    "type": "host-local",
                    "dataDir": "/run/cni",
                    "ranges": [[{"subnet": PODS}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "backend": "nftables", "capabilities": {"portMappings": true}},
            {"type": "bandwidth", "capabilities": {"bandwidth": true}},
        ],
    })
}

/// containerd's configuration (TOML). `plugins` is the folder of the CNI plugins.
pub(crate) fn containerd(place: &Place, plugins: &Path, snapshotter: &str) -> String {
    format!(
        r#"version = 3

[plugins."io.containerd.cri.v1.images"]
snapshotter = "{snapshotter}"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{SANDBOX_IMAGE}"

[plugins."io.containerd.cri.v1.runtime"]
# A lower score than our own needs CAP_SYS_RESOURCE.
restrict_oom_score_adj = true
enable_unprivileged_icmp = true

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{plugins}"]
conf_dir = "{conf}"

# Both would make folders below /opt of the machine.
[plugins."io.containerd.internal.v1.opt"]
path = "{opt}"

[plugins."io.containerd.nri.v1.nri"]
disable = true
"#,
        plugins = plugins.display(),
        conf = place.config("cni").display(),
        opt = place.data("containerd-opt").display(),
    )
}

/// buildkitd's configuration (TOML).
pub(crate) fn buildkitd(place: &Place, snapshotter: &str) -> String {
    format!(
        r#"root = "{root}"

[grpc]
address = ["unix://{BUILDKIT_SOCKET}"]

[worker.oci]
enabled = false

[worker.containerd]
enabled = true
address = "{CONTAINERD_SOCKET}"
namespace = "{NAMESPACE}"
snapshotter = "{snapshotter}"
# A step of a build that runs something would use the node's network.
networkMode = "host"
"#,
        root = place.data("buildkit").display(),
    )
}

/// nerdctl's configuration (TOML). `plugins` is the folder of the CNI plugins.
pub(crate) fn nerdctl(place: &Place, plugins: &Path, snapshotter: &str) -> String {
    format!(
        r#"namespace = "{NAMESPACE}"
snapshotter = "{snapshotter}"
cni_path = "{plugins}"
cni_netconfpath = "{networks}"
data_root = "{root}"
"#,
        plugins = plugins.display(),
        networks = place.config("nerdctl").display(),
        root = place.data("nerdctl").display(),
    )
}

/// The network of containers that nerdctl starts: its own default would take addresses of other people's.
pub(crate) fn nerdctl_network() -> Value {
    json!({
        "cniVersion": "1.0.0",
        // What nerdctl calls the network that it uses unless told otherwise.
        "name": "bridge",
        "nerdctlLabels": {"nerdctl/default-network": "true"},
        "plugins": [{
            "type": "bridge",
            "bridge": "nerdctl0",
            "isGateway": true,
            "ipam": {"type": "host-local", "dataDir": "/run/cni", "ranges": [[{"subnet": CONTAINERS}]]},
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place::new("two".parse().unwrap(), "/state/two".into())
    }

    #[test]
    fn containerd_finds_the_plugins_and_uses_the_given_snapshotter() {
        let text = containerd(&place(), Path::new("/cache/cni"), "native");
        assert!(text.contains("bin_dirs = [\"/cache/cni\"]"));
        assert!(text.contains("snapshotter = \"native\""));
        assert!(text.contains("conf_dir = \"/state/two/config/cni\""));
    }

    #[test]
    fn builder_and_command_line_use_the_kubelets_namespace_and_the_same_snapshotter() {
        let builder = buildkitd(&place(), "native");
        let command_line = nerdctl(&place(), Path::new("/cache/cni"), "native");
        for text in [builder, command_line] {
            assert!(text.contains("namespace = \"k8s.io\""), "{text}");
            assert!(text.contains("snapshotter = \"native\""), "{text}");
            assert!(text.contains("\"/state/two/data/"), "{text}");
        }
    }
}
