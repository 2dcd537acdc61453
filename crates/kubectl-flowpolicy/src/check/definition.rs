use super::report::{Check, Outcome};
use crate::connection::{Ask, Connection, Failure, Within};
use flow_policy::FlowPolicy;
use kube::Resource;

/// The API server serves policies of the version that this plugin knows.
pub(super) async fn check(connection: &Connection) -> Result<Check, Failure> {
    let client = connection.client().await?.clone();
    let version = FlowPolicy::api_version(&()).to_string();
    let ask = Ask::list::<FlowPolicy>(&Within::Everywhere);
    match connection.answer(ask, client.list_api_group_resources(&version)).await {
        Ok(served) if served.resources.iter().any(|resource| resource.kind == "FlowPolicy") => {
            Ok(Check::passed(format!("the API server serves FlowPolicies of {version}")))
        }
        Ok(_) | Err(Failure::Undefined { .. } | Failure::NotFound { .. }) => Ok(Check::otherwise(
            Outcome::Failed,
            format!("the API server does not serve FlowPolicies of {version}"),
            "install flow-manager, or the plugin of the version that is installed",
            "docs/installing.md",
        )),
        Err(failure) => Err(failure),
    }
}
