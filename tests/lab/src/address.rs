//! The lab's addresses. They are the same in each lab, since each has a network namespace of its own.
//!
//! All stand in 198.18.0.0/15, the range that RFC 2544 sets aside for benchmarks.

/// The node: on the loopback device, since a lab has no real one.
pub const NODE: &str = "198.18.0.1";
/// The pods' subnet, on the bridge `cni0`.
pub const PODS: &str = "198.18.1.0/24";
/// The Services' subnet.
pub const SERVICES: &str = "198.19.0.0/24";
/// The Service `kubernetes`, always the first of the subnet.
pub const KUBERNETES_SERVICE: &str = "198.19.0.1";
/// The node's end of the uplink to the factory.
pub const UPLINK: &str = "198.18.2.1";
/// The factory: where the critical service and the sink of the best-effort traffic listen.
pub const FACTORY: &str = "198.18.2.2";
/// The subnet of containers that are no pods, on the bridge `nerdctl0`.
pub const CONTAINERS: &str = "198.18.3.0/24";
/// The API server's port on the node.
pub const API_PORT: u16 = 6443;
/// Prometheus' port on the node.
pub const PROMETHEUS_PORT: u16 = 9090;
/// The only node's name.
pub const NODE_NAME: &str = "flow-lab";
