use super::lease::{DURATION, Verdict, held, judge, vacant};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt};
use std::fmt;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long the API server may take to answer: a slow one must not cost the lead.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(4);

/// One of those who may hold a Lease.
#[derive(Clone, Debug)]
pub struct Candidate {
    leases: Api<Lease>,
    namespace: String,
    name: String,
    identity: String,
    /// The Lease as it was last seen, and since when it has been so.
    seen: Option<(Lease, Instant)>,
}

/// Why nothing is known of the Lease, or it could not be written.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// It does not exist: it is installed together with the permission to write it.
    #[error("the Lease {0} does not exist; install flow-manager again to make it")]
    Missing(String),
    /// The API server refuses.
    #[error("the Lease {lease} cannot be used: {error}")]
    Refused {
        /// Its namespace and name.
        lease: String,
        /// What the API server, or the way to it, says.
        error: kube::Error,
    },
    /// The API server does not answer.
    #[error("the Lease {0} cannot be used: no answer within {s} s", s = REQUEST_TIMEOUT.as_secs())]
    Timeout(String),
}

impl Candidate {
    /// A candidate called `identity`, which no other may be called, for the Lease `name`.
    #[must_use]
    pub fn new(client: Client, namespace: String, name: String, identity: String) -> Self {
        Self { leases: Api::namespaced(client, &namespace), namespace, name, identity, seen: None }
    }

    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    /// Tries to win the Lease, or to renew it, and returns whose it is then.
    pub(super) async fn try_hold(&mut self) -> Result<Verdict, LeaseError> {
        let lease = match &self.seen {
            // Nobody changes what we hold: if somebody has, the write says so.
            Some((lease, _)) if judge(lease, &self.identity, Duration::ZERO) == Verdict::Ours => {
                lease.clone()
            }
            _ => self.look().await?,
        };
        match judge(&lease, &self.identity, self.unchanged()) {
            verdict @ Verdict::Held { .. } => Ok(verdict),
            Verdict::Free | Verdict::Ours => self.claim(lease, DURATION).await,
        }
    }

    /// Writes that the Lease is ours for `duration`, if it is still as it was seen; returns whose it is then.
    pub(super) async fn claim(&mut self, lease: Lease, duration: Duration) -> Result<Verdict, LeaseError> {
        let claimed = held(lease, &self.identity, duration, Timestamp::now());
        match self.replace(&claimed).await {
            Ok(lease) => {
                self.seen = Some((lease, Instant::now()));
                Ok(Verdict::Ours)
            }
            Err(LeaseError::Refused { error: kube::Error::Api(status), .. }) if status.code == 409 => {
                let lease = self.look().await?;
                Ok(judge(&lease, &self.identity, self.unchanged()))
            }
            Err(error) => Err(error),
        }
    }

    /// Gives the Lease up, if it is ours, so that another need not wait until it expires.
    pub(super) async fn resign(&mut self) -> Result<(), LeaseError> {
        match self.seen.take() {
            Some((lease, _)) if judge(&lease, &self.identity, Duration::ZERO) == Verdict::Ours => {
                self.replace(&vacant(lease)).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Reads the Lease. It is as old as the first sight of its version.
    pub(super) async fn look(&mut self) -> Result<Lease, LeaseError> {
        let lease = self.in_time(self.leases.get(&self.name)).await?;
        let is_known =
            self.seen.as_ref().is_some_and(|(seen, _)| seen.resource_version() == lease.resource_version());
        if !is_known {
            self.seen = Some((lease.clone(), Instant::now()));
        }
        Ok(lease)
    }

    fn unchanged(&self) -> Duration {
        self.seen.as_ref().map_or(Duration::ZERO, |(_, at)| at.elapsed())
    }

    async fn replace(&self, lease: &Lease) -> Result<Lease, LeaseError> {
        self.in_time(self.leases.replace(&self.name, &PostParams::default(), lease)).await
    }

    async fn in_time<T>(&self, request: impl Future<Output = kube::Result<T>>) -> Result<T, LeaseError> {
        let answer =
            timeout(REQUEST_TIMEOUT, request).await.map_err(|_| LeaseError::Timeout(self.to_string()))?;
        answer.map_err(|error| match error {
            kube::Error::Api(status) if status.code == 404 => LeaseError::Missing(self.to_string()),
            error => LeaseError::Refused { lease: self.to_string(), error },
        })
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
