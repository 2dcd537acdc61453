use super::candidate::Candidate;
use super::fence::Fence;
use super::lease::{RENEW_DEADLINE, RETRY, Verdict};
use super::office::Office;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

/// Leads whenever `candidate` wins, each time until its term is over, and until `shutdown`. Without a candidate
/// there is nobody else, and one term without end.
///
/// `lead` returns soon after its token is cancelled, and writes nothing after that. What it writes passes `fence`.
pub async fn campaign<Led: Future<Output = ()>>(
    candidate: Option<Candidate>,
    office: Office,
    fence: Fence,
    shutdown: CancellationToken,
    lead: impl Fn(CancellationToken) -> Led,
) {
    let Some(mut candidate) = candidate else {
        office.take();
        fence.open();
        return lead(shutdown).await;
    };
    while let Some(won) = shutdown.run_until_cancelled(win(&mut candidate, &office)).await {
        let term = shutdown.child_token();
        office.take();
        tracing::info!(lease = %candidate, "leading");
        // Before the first write, which may come before the first renewal.
        fence.open_until(won + RENEW_DEADLINE);
        let held = hold(&mut candidate, won, &fence, &term);
        tokio::join!(lead(term.clone()), held);
        fence.close();
        office.leave();
        if let Err(error) = candidate.resign().await {
            tracing::warn!(%error, "the Lease expires by itself");
        }
    }
}

/// Tries until the Lease is won. Returns when it was asked for: it counts from then.
async fn win(candidate: &mut Candidate, office: &Office) -> Instant {
    office.miss("not asked for yet");
    loop {
        let (asked, mut wait) = (Instant::now(), RETRY);
        match candidate.try_hold().await {
            Ok(Verdict::Ours) => return asked,
            // Somebody has touched it meanwhile, and it is not ours yet.
            Ok(Verdict::Free) => {}
            Ok(Verdict::Held { by, remaining }) => {
                wait = RETRY.min(remaining);
                if office.see(&by) {
                    tracing::info!(lease = %candidate, leader = by, "another leads");
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot lead");
                office.miss(&error.to_string());
            }
        }
        sleep(wait).await;
    }
}

/// Renews the Lease until `term` is over, and ends it when that cannot be done in time.
async fn hold(candidate: &mut Candidate, mut renewed: Instant, fence: &Fence, term: &CancellationToken) {
    loop {
        let deadline = renewed + RENEW_DEADLINE;
        let next = (Instant::now() + RETRY).min(deadline);
        if term.run_until_cancelled(sleep_until(next)).await.is_none() {
            return;
        }
        let asked = Instant::now();
        match timeout_at(deadline, candidate.try_hold()).await {
            Ok(Ok(Verdict::Ours)) => {
                renewed = asked;
                fence.open_until(renewed + RENEW_DEADLINE);
            }
            Ok(Ok(Verdict::Free)) => {}
            Ok(Ok(Verdict::Held { by, .. })) => {
                tracing::warn!(leader = by, "another leads now");
                return term.cancel();
            }
            Ok(Err(error)) => tracing::warn!(%error, "the Lease was not renewed"),
            Err(_) => tracing::warn!("the Lease was not renewed: no answer in time"),
        }
        if Instant::now() >= renewed + RENEW_DEADLINE {
            tracing::warn!("leads no more: the Lease could not be renewed");
            return term.cancel();
        }
    }
}
