//! Which of several controllers works: the one that holds a Lease.
//!
//! A [`Candidate`] wins the Lease when nobody holds it or its holder has let it expire, and renews it for as long
//! as it leads. Whoever cannot renew it ends its term, and with it every write, before another can win; a [`Fence`]
//! holds back what is written late. [`campaign`] leads term after term; [`seize`] takes the Lease from whoever has
//! it, to undo everything.

mod campaign;
mod candidate;
mod fence;
mod lease;
mod office;
mod seize;
#[cfg(test)]
mod tests;

pub use campaign::campaign;
pub use candidate::{Candidate, LeaseError};
pub use fence::{Fence, Fenced, Guarded};
pub use office::{Leader, Office};
pub use seize::seize;
