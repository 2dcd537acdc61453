//! Policies with the pods of their targets, as far as they may be seen.

mod document;
#[cfg(test)]
pub(crate) mod fixture;
mod gather;
mod view;

pub use document::Pod;
pub use gather::{Seen, reached, readable, see};
pub use view::{Hold, PodView, Pods, PolicyView, TargetView, readable_limit};
