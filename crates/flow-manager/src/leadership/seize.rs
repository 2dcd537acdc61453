use super::candidate::{Candidate, LeaseError};
use super::lease::{DURATION, RETRY, Verdict, judge};
use std::time::Duration;
use tokio::time::sleep;

/// Takes the Lease from whoever holds it, for `duration`, and waits until they have certainly stopped writing. A
/// Lease that does not exist can be held by nobody, at most for as long as they have not noticed.
pub async fn seize(candidate: &mut Candidate, duration: Duration) -> Result<(), LeaseError> {
    loop {
        let lease = match candidate.look().await {
            Err(LeaseError::Missing(lease)) => {
                tracing::warn!(lease, "no such Lease");
                sleep(DURATION).await;
                return Ok(());
            }
            found => found?,
        };
        let before = judge(&lease, candidate.identity(), Duration::ZERO);
        if candidate.claim(lease, duration).await? == Verdict::Ours {
            if let Verdict::Held { by, remaining } = before {
                tracing::info!(leader = by, seconds = remaining.as_secs(), "waiting for the leader to stop");
                sleep(remaining).await;
            }
            return Ok(());
        }
        // The leader was renewing it at the same time.
        sleep(RETRY / 8).await;
    }
}
