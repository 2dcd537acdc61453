use super::report::{Check, Outcome};
use crate::connection::{Connection, Failure, Within};
use crate::installation::{Installation, leader};
use crate::workload::replicas;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::DynamicObject;

/// Where it is told what to do while no controller leads.
pub(super) const NO_LEADER: &str = "docs/alerts.md#flowmanagernoleader";

/// What is seen of the controller.
pub(super) struct Controller {
    pub(super) checks: Vec<Check>,
    /// Whether it is seen that nobody works for the policies.
    pub(super) is_leaderless: bool,
}

/// The controller runs, and one of its pods leads.
pub(super) async fn check(
    connection: &Connection,
    installation: &Installation,
    now: Timestamp,
) -> Result<Controller, Failure> {
    let (namespace, name) = (&installation.system_namespace, &installation.release);
    let within = Within::Namespace(namespace.clone());
    let deployment = seen(connection.get_stored::<Deployment>(&within, name).await)?;
    let lease = seen(connection.get::<Lease>(namespace, name).await)?;
    let place = format!("{namespace}/{name}");
    let runs = judged(deployment, |deployment| of_deployment(deployment, &place));
    let leads = judged(lease, |lease| of_lease(lease, &place, now));
    let is_leaderless = leads.outcome == Outcome::Failed;
    Ok(Controller { checks: vec![runs, leads], is_leaderless })
}

/// What is there, if it may be seen; `Err` says why not.
type Sight<K> = Result<Option<K>, String>;

fn seen<K>(answer: Result<K, Failure>) -> Result<Sight<K>, Failure> {
    match answer {
        Ok(found) => Ok(Ok(Some(found))),
        Err(Failure::NotFound { .. }) => Ok(Ok(None)),
        Err(failure @ Failure::Forbidden { .. }) => Ok(Err(failure.to_string())),
        Err(failure) => Err(failure),
    }
}

fn judged<K>(sight: Sight<K>, judge: impl Fn(Option<&K>) -> Check) -> Check {
    match sight {
        Ok(found) => judge(found.as_ref()),
        Err(why) => Check::otherwise(Outcome::Unknown, why, "", "docs/kubectl.md#permissions"),
    }
}

fn of_deployment(deployment: Option<&DynamicObject>, place: &str) -> Check {
    let Some(deployment) = deployment else {
        let found = format!("there is no Deployment {place}");
        let hint = "install flow-manager, or say where it is with --system-namespace and --release";
        return Check::otherwise(Outcome::Failed, found, hint, "docs/installing.md");
    };
    let [available, wanted] = ["availableReplicas", "replicas"].map(|field| replicas(deployment, field));
    let found = format!("{available} of {wanted} pods of the Deployment {place} are available");
    match available {
        0 => {
            let (namespace, name) = place.split_once('/').unwrap_or_default();
            let hint = format!("kubectl -n {namespace} describe deployment {name}");
            Check::otherwise(Outcome::Failed, found, hint, "docs/alerts.md#flowmanagerdown")
        }
        _ => Check::passed(found),
    }
}

fn of_lease(lease: Option<&Lease>, place: &str, now: Timestamp) -> Check {
    let Some(lease) = lease else {
        let found = format!("there is no Lease {place}");
        return Check::otherwise(Outcome::Failed, found, "install flow-manager again to make it", NO_LEADER);
    };
    match leader(lease, now) {
        Some(leader) => Check::passed(format!("{leader} leads")),
        None => Check::otherwise(
            Outcome::Failed,
            format!("no controller has renewed the Lease {place} in time, by the clock of this machine"),
            "see why in the controller's log; limits stay as they are meanwhile",
            NO_LEADER,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn deployment(status: &Value) -> Check {
        let deployment = serde_json::from_value(json!({"metadata": {}, "status": status})).unwrap();
        of_deployment(Some(&deployment), "flow/manager")
    }

    #[test]
    fn a_deployment_needs_one_pod_that_is_available() {
        assert_eq!(deployment(&json!({"replicas": 2, "availableReplicas": 1})).outcome, Outcome::Passed);
        let down = deployment(&json!({"replicas": 2}));
        assert_eq!(down.found, "0 of 2 pods of the Deployment flow/manager are available");
        assert_eq!(down.hint.as_deref(), Some("kubectl -n flow describe deployment manager"));
    }

    #[test]
    fn a_lease_needs_a_leader() {
        assert_eq!(of_lease(Some(&Lease::default()), "a/b", Timestamp::UNIX_EPOCH).outcome, Outcome::Failed);
        assert_eq!(of_lease(None, "a/b", Timestamp::UNIX_EPOCH).outcome, Outcome::Failed);
    }
}
