use super::report::{Check, Outcome};
use crate::connection::{Connection, Failure, Within};
use crate::installation::Installation;
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use kube::Resource;

const DOCUMENTATION: &str = "docs/installing.md#what-it-is-allowed";

/// The API server keeps the controller's account to the annotations that are its own.
pub(super) async fn check(connection: &Connection, installation: &Installation) -> Result<Check, Failure> {
    let name = format!("{}-pods", installation.release);
    for there in [
        is_there::<ValidatingAdmissionPolicy>(connection, &name).await,
        is_there::<ValidatingAdmissionPolicyBinding>(connection, &name).await,
    ] {
        match there {
            Ok(None) => {}
            Ok(Some(missing)) => return Ok(unguarded(&missing)),
            Err(failure @ Failure::Forbidden { .. }) => {
                let why = failure.to_string();
                return Ok(Check::otherwise(Outcome::Unknown, why, "", "docs/kubectl.md#permissions"));
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(Check::passed(format!(
        "the admission policy {name} lets it change nothing of a pod but its own annotations"
    )))
}

/// What is missing, if it is.
async fn is_there<K: Resource<DynamicType = ()>>(
    connection: &Connection,
    name: &str,
) -> Result<Option<String>, Failure> {
    match connection.get_stored::<K>(&Within::Everywhere, name).await {
        Ok(_) => Ok(None),
        Err(Failure::NotFound { .. } | Failure::Undefined { .. }) => {
            Ok(Some(format!("{} {name}", K::kind(&()))))
        }
        Err(failure) => Err(failure),
    }
}

fn unguarded(missing: &str) -> Check {
    Check::otherwise(
        Outcome::Warning,
        format!(
            "nothing keeps it from changing more of a pod than its own annotations: there is no {missing}"
        ),
        "switch admissionPolicy.enabled on in the chart",
        DOCUMENTATION,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api_server::{refuse, serve};
    use serde_json::json;

    async fn found(refused: &'static str, code: u16) -> Check {
        let there = json!({"metadata": {"name": "manager-pods"}});
        let (connection, _) = serve(move |asked| {
            if asked.path.ends_with(refused) { refuse(code, &asked.path) } else { (200, there.clone()) }
        });
        let installation =
            Installation { system_namespace: "flow".to_owned(), release: "manager".to_owned() };
        check(&connection, &installation).await.unwrap()
    }

    #[tokio::test]
    async fn a_policy_and_its_binding_are_needed() {
        assert_eq!(found("none", 404).await.outcome, Outcome::Passed);
        for (refused, kind) in [
            ("validatingadmissionpolicies/manager-pods", "ValidatingAdmissionPolicy"),
            ("validatingadmissionpolicybindings/manager-pods", "ValidatingAdmissionPolicyBinding"),
        ] {
            let missing = found(refused, 404).await;
            assert_eq!(missing.outcome, Outcome::Warning);
            assert!(missing.found.ends_with(&format!("there is no {kind} manager-pods")), "{missing:?}");
            assert_eq!(found(refused, 403).await.outcome, Outcome::Unknown);
        }
    }
}
