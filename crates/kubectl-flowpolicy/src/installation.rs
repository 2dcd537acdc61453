//! Where flow-manager is installed, and who leads there.

use crate::connection::{Connection, Failure};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use std::time::Duration;

/// Where flow-manager is installed.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Installation")]
pub struct Installation {
    /// The namespace of the controller
    #[arg(long, value_name = "NAMESPACE", default_value = "flow-manager-system")]
    pub system_namespace: String,

    /// The name of the controller's Deployment and Lease
    #[arg(long, value_name = "NAME", default_value = "flow-manager")]
    pub release: String,
}

/// Where the shapers are installed.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Installation")]
pub struct Shapers {
    /// The namespace of the shapers
    #[arg(long, value_name = "NAMESPACE", default_value = "flow-manager-shaper")]
    pub shaper_namespace: String,
}

/// How long a Lease counts that does not tell.
const LEASE_DURATION: Duration = Duration::from_secs(15);

/// The controller that leads by this Lease; `None` where nobody has renewed it in time, by the clock here.
#[must_use]
pub fn leader(lease: &Lease, now: Timestamp) -> Option<&str> {
    let spec = lease.spec.as_ref()?;
    let holder = spec.holder_identity.as_deref().filter(|holder| !holder.is_empty())?;
    let told = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    let until = spec.renew_time.as_ref()?.0.checked_add(told.map_or(LEASE_DURATION, Duration::from_secs));
    until.is_ok_and(|until| now < until).then_some(holder)
}

/// Who works for policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lead {
    /// This controller.
    By(String),
    /// Nobody, though flow-manager is installed.
    Nobody,
    /// flow-manager is not installed where it is looked for.
    NotInstalled,
}

impl Lead {
    /// Who leads now.
    pub async fn find(connection: &Connection, installation: &Installation) -> Result<Self, Failure> {
        let lease = connection.get::<Lease>(&installation.system_namespace, &installation.release).await;
        match lease {
            Ok(lease) => {
                Ok(leader(&lease, Timestamp::now())
                    .map_or(Self::Nobody, |leader| Self::By(leader.to_owned())))
            }
            Err(Failure::NotFound { .. }) => Ok(Self::NotInstalled),
            Err(failure) => Err(failure),
        }
    }

    /// Whether it is known that what policies say is what was last told. Whoever may not see the Lease does not know, nor
    /// does who looks for flow-manager where it is not.
    pub async fn is_missing(connection: &Connection, installation: &Installation) -> bool {
        Self::find(connection, installation).await.is_ok_and(|lead| lead == Self::Nobody)
    }
}

/// What is said where [`Lead::is_missing`].
pub(crate) const LEADERLESS: &str =
    "no controller leads, so that this is what was last told: `kubectl flowpolicy check` says more";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn lease(spec: &serde_json::Value) -> Lease {
        serde_json::from_value(json!({"metadata": {"name": "flow-manager"}, "spec": spec})).unwrap()
    }

    #[test]
    fn whoever_has_renewed_in_time_leads() {
        let renewed = "1970-01-01T00:01:40.000000Z";
        let held = lease(&json!({"holderIdentity": "a", "renewTime": renewed, "leaseDurationSeconds": 15}));
        assert_eq!((leader(&held, at(114)), leader(&held, at(115))), (Some("a"), None));
        assert_eq!(leader(&lease(&json!({"holderIdentity": "", "renewTime": renewed})), at(100)), None);
        assert_eq!(leader(&Lease::default(), at(100)), None);
    }
}
