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

    /// Lets go of these policies, of which the API server makes others with `meanwhile` once it has listed them. Returns
    /// what came of it, the policies as they are then, and how many patches there were.
    async fn let_go_of<const N: usize>(
        listed: [Value; N],
        meanwhile: fn(&mut BTreeMap<String, Value>),
    ) -> (Result<usize, Error>, BTreeMap<String, Value>, usize) {
        let (service, mut requests) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let server = tokio::spawn(async move {
            let name = |policy: &Value| policy["metadata"]["name"].as_str().unwrap().to_owned();
            let mut stored: BTreeMap<_, _> =
                listed.into_iter().map(|policy| (name(&policy), policy)).collect();
            let mut patches = 0;
            while let Some((request, send)) = requests.next_request().await {
                let path = request.uri().path().to_owned();
                let body = request.into_body().collect_bytes().await.unwrap();
                let body: Value = serde_json::from_slice(&body).unwrap_or_default();
                if path.ends_with("/flowpolicies") {
                    let items: Vec<_> = stored.values().collect();
                    let list = json!({"kind": "FlowPolicyList", "metadata": {}, "items": items});
                    send.send_response(answer(StatusCode::OK, &list));
                    meanwhile(&mut stored);
                    continue;
                }
                patches += 1;
                let meant = stored.iter_mut().find(|(name, _)| path.contains(&format!("/{name}")));
                send.send_response(match meant {
                    Some((_, stored)) => patched(stored, &path, &body),
                    None => failure(StatusCode::NOT_FOUND, "not found"),
                });
            }
            (stored, patches)
        });
        let come_of_it = let_go(&Client::new(service, "factory")).await;
        let (stored, patches) = server.await.unwrap();
        (come_of_it, stored, patches)
    }

    #[tokio::test]
    async fn every_policy_is_let_go_and_says_so_at_the_first_try() {
        let (held, policies, _) = let_go_of(["robot", "scanner"].map(policy), |_| ()).await;
        assert_eq!(held.unwrap(), 2);
        for (name, policy) in policies {
            assert_eq!(policy["metadata"]["finalizers"], json!(["another"]), "{name}");
            assert_eq!(policy["status"]["conditions"][1]["reason"], "GivenBack", "{name}");
        }
    }

    #[tokio::test]
    async fn a_policy_that_nobody_has_taken_up_is_not_written_to() {
        let mut new = policy("robot");
        (new["metadata"]["finalizers"], new["status"]) = (json!(["another"]), Value::Null);
        let (held, policies, patches) = let_go_of([new.clone()], |_| ()).await;
        assert_eq!((held.unwrap(), &policies["robot"], patches), (0, &new, 0));
    }

    #[tokio::test]
    async fn a_finalizer_that_another_has_just_added_stays() {
        let (held, policies, _) = let_go_of([policy("robot")], |stored| {
            for policy in stored.values_mut() {
                policy["metadata"]["resourceVersion"] = json!("2");
                policy["metadata"]["finalizers"].as_array_mut().unwrap().push(json!("new"));
            }
        })
        .await;
        assert!(matches!(&held, Err(Error::Finalizer(_))), "{held:?}");
        assert_eq!(policies["robot"]["metadata"]["finalizers"], json!([names::FINALIZER, "another", "new"]));
    }

    #[tokio::test]
    async fn a_policy_that_is_gone_meanwhile_keeps_no_other_from_being_let_go() {
        let gone = |stored: &mut BTreeMap<String, Value>| drop(stored.remove("robot"));
        let (held, policies, _) = let_go_of(["robot", "scanner"].map(policy), gone).await;
        assert!(held.is_ok(), "{held:?}");
        assert_eq!(policies["scanner"]["metadata"]["finalizers"], json!(["another"]));
    }
}
