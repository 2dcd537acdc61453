//! Waiting for a condition instead of sleeping.

use crate::{Error, Result};
use std::time::{Duration, Instant};

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Waits until `look` finds what it looks for, and returns that.
///
/// `look` returns what it saw where that is not yet enough; if the time is up, the error says so. An error of
/// `look` counts as something seen, since a fault may well be what a test waits out.
pub async fn until<T, F>(what: &str, patience: Duration, mut look: F) -> Result<T>
where
    F: AsyncFnMut() -> Result<Look<T>>,
{
    let end = Instant::now() + patience;
    loop {
        let seen = match look().await {
            Ok(Look::Found(found)) => return Ok(found),
            Ok(Look::NotYet(seen)) => seen,
            Err(error) => error.to_string(),
        };
        if Instant::now() > end {
            return Err(Error::TimedOut { what: what.to_owned(), after: patience, seen });
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// What one look found.
#[derive(Debug)]
pub enum Look<T> {
    /// What was looked for.
    Found(T),
    /// Something else.
    NotYet(String),
}

impl<T> Look<T> {
    /// Found if there is something; else what was seen.
    pub fn some(found: Option<T>, seen: impl FnOnce() -> String) -> Self {
        found.map_or_else(|| Self::NotYet(seen()), Self::Found)
    }
}

impl Look<()> {
    /// Found if `condition` holds; else what was seen.
    pub fn when(condition: bool, seen: impl FnOnce() -> String) -> Self {
        Self::some(condition.then_some(()), seen)
    }
}
