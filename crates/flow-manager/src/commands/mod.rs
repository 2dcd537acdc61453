//! The subcommands of the `flow-manager` binary, one file each.

pub mod crd;
pub mod import;
pub mod probe;
pub mod reflect;
pub mod restore;
pub mod run;
pub mod selftest;
pub mod shape;
