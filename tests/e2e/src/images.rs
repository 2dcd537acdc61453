//! The images that the cluster runs, made of the static binaries.

use crate::Result;
use crate::workload::FACTORY_IMAGE;
use flow_lab::{Image, Lab};
use std::path::Path;

/// The operator's binary.
pub(crate) const FLOW_MANAGER: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/x86_64-unknown-linux-gnu/release/flow-manager");
/// The traffic generator and sink.
pub(crate) const FACTORY: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/x86_64-unknown-linux-gnu/release/factory");

/// The image that the manifests name.
const FLOW_MANAGER_IMAGE: &str = "docker.io/fustli/flow-manager:latest";

/// Makes the images known to the node, both for the user 1000.
pub(crate) fn load() -> Result<()> {
    let lab = Lab::current()?;
    for (name, program) in [(FLOW_MANAGER_IMAGE, FLOW_MANAGER), (FACTORY_IMAGE, FACTORY)] {
        lab.import_image(&Image::of_program(name, Path::new(program), "1000"))?;
    }
    Ok(())
}
