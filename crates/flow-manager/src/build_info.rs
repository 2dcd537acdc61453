//! Which flow-manager this is, as a metric.

use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// Exports the version by `registry`; by the predecessor's name as well, if so asked.
pub fn register(registry: &mut Registry, predecessor: bool) {
    let version = || Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
    // The encoder appends `_info`.
    registry.register("flowmanager_build", "The version of flow-manager", version());
    if predecessor {
        registry.register(
            "flowmanager_controller",
            "The same, by the name that the predecessor gave it",
            version(),
        );
    }
}
