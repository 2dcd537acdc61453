use super::*;
use crate::api_server::{list, serve};
use crate::policies::fixture::stored;
use serde_json::{Value, json};

/// An API server without flow-manager, whose accounts may do everything or nothing.
fn empty_cluster(allowed: bool) -> Connection {
    serve(move |asked| answer_of(&asked.path, allowed)).0
}

fn answer_of(path: &str, allowed: bool) -> (u16, Value) {
    match path {
        "/version" => (
            200,
            json!({
                "major": "1", "minor": "31", "gitVersion": "v1.31.2", "gitCommit": "", "gitTreeState": "",
                "buildDate": "", "goVersion": "", "compiler": "", "platform": "",
            }),
        ),
        path if path.ends_with("/selfsubjectaccessreviews") => (
            201,
            json!({
                "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
                "metadata": {}, "spec": {}, "status": {"allowed": allowed},
            }),
        ),
        path => {
            let name = path.rsplit('/').next().unwrap_or_default();
            let details = if path.contains("/namespaces/") { json!({"name": name}) } else { json!({}) };
            (
                404,
                json!({
                    "kind": "Status", "status": "Failure", "code": 404, "message": "not found", "reason": "NotFound",
                    "details": details,
                }),
            )
        }
    }
}

fn args(pre: bool) -> Args {
    Args {
        pre,
        wait: false,
        timeout: Duration::ZERO,
        shapers: Shapers { shaper_namespace: "flow-manager-shaper".to_owned() },
        output: Output::default(),
        installation: Installation {
            system_namespace: "flow-manager-system".to_owned(),
            release: "flow-manager".to_owned(),
        },
    }
}

#[tokio::test]
async fn before_the_installation_an_administrator_passes_and_others_fail() {
    let report = check(&args(true), &empty_cluster(true)).await.unwrap();
    let expected = "\
cluster
  ✔ the API server answers: Kubernetes v1.31.2
account
  ✔ you may create customresourcedefinitions
  ✔ you may create clusterroles
  ✔ you may create clusterrolebindings
  ✔ you may create validatingadmissionpolicies
  ✔ you may create namespaces
  ✔ you may create deployments in flow-manager-system

0 failed, 0 warnings, 0 unknown
";
    assert_eq!(anstream::adapter::strip_str(&report.draw(80)).to_string(), expected);
    assert!(check(&args(true), &empty_cluster(false)).await.unwrap().has_failed());
}

/// The same with a policy, and a controller that runs and leads no more.
fn leaderless(path: &str) -> (u16, Value) {
    match path {
        "/apis/flow.fustli.io/v1alpha1" => {
            let resource = json!({
                "name": "flowpolicies", "singularName": "flowpolicy", "namespaced": true, "kind": "FlowPolicy",
                "verbs": ["list"],
            });
            (200, json!({"groupVersion": "flow.fustli.io/v1alpha1", "resources": [resource]}))
        }
        "/apis/flow.fustli.io/v1alpha1/flowpolicies" => list(&[stored()]),
        path if path.ends_with("/leases/flow-manager") => {
            let spec = json!({"holderIdentity": "a", "renewTime": "2020-01-01T00:00:00.000000Z"});
            (200, json!({"metadata": {"name": "flow-manager"}, "spec": spec}))
        }
        path if path.ends_with('s') && !path.ends_with("reviews") => list(&[]),
        path => answer_of(path, true),
    }
}

#[tokio::test]
async fn while_nobody_leads_what_policies_say_is_of_before() {
    let (connection, _) = serve(|asked| leaderless(&asked.path));
    let report = check(&args(false), &connection).await.unwrap();
    let text = anstream::adapter::strip_str(&report.draw(80)).to_string();
    let expected = "\
policies
  ? unknown: factory/robot: what it says is of before, as no controller leads
      → see docs/alerts.md#flowmanagernoleader
back-end
";
    assert!(text.contains("✘ failed: no controller has renewed the Lease"), "{text}");
    assert!(text.contains(expected), "{text}");
}

#[tokio::test]
async fn without_an_installation_definition_and_controller_fail() {
    let report = check(&args(false), &empty_cluster(true)).await.unwrap();
    let text = anstream::adapter::strip_str(&report.draw(80)).to_string();
    for line in [
        "✘ failed: the API server does not serve FlowPolicies of",
        "✘ failed: there is no Deployment flow-manager-system/flow-manager",
        "✘ failed: there is no Lease flow-manager-system/flow-manager",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(text.ends_with("3 failed, 1 warnings, 0 unknown\n"), "{text}");
}
