//! The images that the cluster runs, made of the static binaries.

use crate::Result;

/// The operator's binary.
pub(crate) const FLOW_MANAGER: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/x86_64-unknown-linux-gnu/release/flow-manager");
/// The traffic generator and sink.
pub(crate) const FACTORY: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/x86_64-unknown-linux-gnu/release/factory");

/// Makes the images known to the node.
pub(crate) async fn load() -> Result<()> {
    Ok(())
}
