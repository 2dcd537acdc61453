//! The images that the cluster runs.

use crate::Result;
use crate::kubectl::in_repository;
use crate::program::run;
use crate::workload::FACTORY_IMAGE;
use flow_lab::{Image, Lab};
use std::path::Path;

/// The operator's binary.
pub(crate) const FLOW_MANAGER: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/x86_64-unknown-linux-gnu/release/flow-manager");
/// The traffic generator and sink.
pub(crate) const FACTORY: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/x86_64-unknown-linux-gnu/release/factory");

/// Makes the images known to the node: the operator's as its users build it, of what `make build` has staged.
pub(crate) async fn load() -> Result<()> {
    // The files of the image are left as they are: a lab has no way to the registries of packages.
    let repository = in_repository("");
    let command = ["-C", &repository.to_string_lossy(), "--old-file=image-context", "image"];
    run("make", command).await?;
    let factory = Image::of_program(FACTORY_IMAGE, Path::new(FACTORY), "1000");
    Ok(Lab::current()?.import_image(&factory)?)
}
