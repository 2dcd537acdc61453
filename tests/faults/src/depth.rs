//! How much of the suite runs.

use std::env;

/// The environment variable that chooses it.
const VARIABLE: &str = "FLOW_FAULTS";

/// How much of the suite runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Each kind of fault once, as part of every test run.
    Short,
    /// Every fault at every place and for its whole time.
    Full,
}

impl Depth {
    /// What `FLOW_FAULTS` says: `full`, or else short.
    #[must_use]
    pub fn chosen() -> Self {
        if env::var(VARIABLE).is_ok_and(|depth| depth == "full") { Self::Full } else { Self::Short }
    }
}
