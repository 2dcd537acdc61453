//! How long faults last, and how often they come.

use std::env;

/// The environment variable that chooses it.
const VARIABLE: &str = "FLOW_FAULTS";

/// How long faults last, and how often they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// For as short and as seldom as shows something.
    Short,
    /// For as long and as often as real ones might.
    Full,
}

impl Depth {
    /// What `FLOW_FAULTS` says: `full`, or else short.
    #[must_use]
    pub fn chosen() -> Self {
        if env::var(VARIABLE).is_ok_and(|depth| depth == "full") { Self::Full } else { Self::Short }
    }
}
