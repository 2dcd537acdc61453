//! The page of the operator, which the pod that leads serves, reached through a forwarded port of it.

mod leader;
mod newest;
mod problem;
mod reader;
mod recent;

pub use leader::{Leader, find};
pub(crate) use newest::is_outdated;
pub use problem::Problem;
pub use reader::Reader;
pub(crate) use recent::{Recent, Step, steps};

#[cfg(test)]
mod tests;
