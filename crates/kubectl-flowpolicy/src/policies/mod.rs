//! Policies with the pods of their targets, as far as they may be seen.

#[cfg(test)]
pub(crate) mod fixture;
mod gather;
mod view;

pub use gather::{Seen, see};
pub use view::{Hold, PodView, Pods, PolicyView, TargetView};
