use super::Error;
use crate::report::{given_back, write_status};
use flow_policy::{FlowPolicy, names};
use jiff::Timestamp;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

/// Removes our finalizer from every policy, has it say that its limits are given back, and returns from how many.
pub(super) async fn let_go(client: &Client) -> Result<usize, Error> {
    let all: Api<FlowPolicy> = Api::all(client.clone());
    let policies = match all.list(&ListParams::default()).await {
        // Without the definition there are no policies.
        Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(0),
        listed => listed.map_err(Error::Finalizer)?.items,
    };
    let (mut held, mut untold) = (0, None);
    for policy in &policies {
        let api: Api<FlowPolicy> = Api::namespaced(client.clone(), &policy.namespace().unwrap_or_default());
        // First: once its status is written, the policy is of another version.
        if is_held(policy) {
            release(&api, policy).await.map_err(Error::Finalizer)?;
            held += 1;
        }
        // Whoever may not tell has let go all the same.
        untold = tell(&api, policy).await.err().or(untold);
    }
    untold.map_or(Ok(held), |error| Err(Error::Status(error)))
}

/// Of a policy that nobody has taken up there is nothing to take back.
async fn tell(api: &Api<FlowPolicy>, policy: &FlowPolicy) -> kube::Result<()> {
    let Some(old) = policy.status.as_ref().filter(|status| !status.conditions.is_empty()) else {
        return Ok(());
    };
    let status = given_back(old, Timestamp::now());
    if status == *old {
        return Ok(());
    }
    unless_gone(write_status(api, &policy.name_any(), &status).await)
}

fn is_held(policy: &FlowPolicy) -> bool {
    policy.finalizers().iter().any(|finalizer| finalizer == names::FINALIZER)
}

async fn release(api: &Api<FlowPolicy>, policy: &FlowPolicy) -> kube::Result<()> {
    let others: Vec<_> = policy.finalizers().iter().filter(|other| *other != names::FINALIZER).collect();
    // The version keeps a finalizer that another has just added.
    let metadata = json!({"finalizers": others, "resourceVersion": policy.resource_version()});
    let patch = Patch::Merge(json!({"metadata": metadata}));
    let params =
        PatchParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    unless_gone(api.patch(&policy.name_any(), &params, &patch).await.map(drop))
}

fn unless_gone(written: kube::Result<()>) -> kube::Result<()> {
    match written {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api_server::answers::{answer, failure};
    use crate::report::fixture::{cut, spec};
    use crate::report::{Standing, status};
    use flow_policy::FlowPolicyStatus;
    use http::{Request, Response, StatusCode};
    use kube::client::Body;
    use serde_json::Value;
    use std::collections::BTreeMap;

    /// A policy at work, as the API server has it.
    fn policy(name: &str) -> Value {
        let standing = Standing::Running(cut(412e-6, 80, 99));
        json!({
            "apiVersion": "flow.fustli.io/v1alpha1", "kind": "FlowPolicy", "spec": spec("Enforce"),
            "metadata": {
                "name": name, "namespace": "factory", "uid": name, "resourceVersion": "1",
                "finalizers": [names::FINALIZER, "another"],
            },
            "status": status(&FlowPolicyStatus::default(), &standing, Timestamp::UNIX_EPOCH),
        })
    }

    /// What the API server says to a patch of `stored`: one of another version is refused, and each makes a new one.
    fn patched(stored: &mut Value, path: &str, body: &Value) -> Response<Body> {
        let meant = &body["metadata"]["resourceVersion"];
        if !meant.is_null() && *meant != stored["metadata"]["resourceVersion"] {
            return failure(StatusCode::CONFLICT, "modified");
        }
        match path.strip_suffix("/status") {
            Some(_) => stored["status"] = body["status"].clone(),
            None => stored["metadata"]["finalizers"] = body["metadata"]["finalizers"].clone(),
        }
        stored["metadata"]["resourceVersion"] = json!("2");
        answer(StatusCode::OK, stored)
    }

    #[tokio::test]
    async fn every_policy_is_let_go_and_says_so_at_the_first_try() {
        let (service, mut requests) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let server = tokio::spawn(async move {
            let mut stored: BTreeMap<_, _> = ["robot", "scanner"].map(|name| (name, policy(name))).into();
            while let Some((request, send)) = requests.next_request().await {
                let path = request.uri().path().to_owned();
                let body = request.into_body().collect_bytes().await.unwrap();
                let body: Value = serde_json::from_slice(&body).unwrap_or_default();
                let meant = stored.iter_mut().find(|(name, _)| path.contains(&format!("/{name}")));
                send.send_response(if let Some((_, stored)) = meant {
                    patched(stored, &path, &body)
                } else {
                    let items: Vec<_> = stored.values().collect();
                    answer(StatusCode::OK, &json!({"kind": "FlowPolicyList", "metadata": {}, "items": items}))
                });
            }
            stored
        });
        assert_eq!(let_go(&Client::new(service, "factory")).await.unwrap(), 2);
        for (name, policy) in server.await.unwrap() {
            assert_eq!(policy["metadata"]["finalizers"], json!(["another"]), "{name}");
            assert_eq!(policy["status"]["conditions"][1]["reason"], "GivenBack", "{name}");
        }
    }
}
