use super::report::{Check, Outcome};
use crate::connection::{Ask, Connection, Failure};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::PostParams;

/// Something that the account has to be allowed.
struct Need {
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    /// In which namespace; `None` for the whole cluster.
    namespace: Option<String>,
    /// For what.
    purpose: &'static str,
}

const fn of_cluster(
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    purpose: &'static str,
) -> Need {
    Need { verb, group, resource, namespace: None, purpose }
}

/// What the plugin's commands need.
pub(super) async fn now(connection: &Connection, system: &str) -> Result<Vec<Check>, Failure> {
    let here = Some(connection.namespace().await?);
    let mut needs: Vec<_> = [
        ("list", "flow.fustli.io", "flowpolicies", "get and explain"),
        ("watch", "flow.fustli.io", "flowpolicies", "get --watch and status"),
        ("patch", "flow.fustli.io", "flowpolicies", "pause, resume, pin and unpin"),
        ("list", "", "pods", "the pods in get and explain"),
        ("patch", "", "pods", "restore"),
        ("list", "", "events", "the history in explain"),
        ("list", "apps", "replicasets", "the pods of Deployments in get and explain"),
    ]
    .map(|(verb, group, resource, purpose)| Need {
        namespace: here.clone(),
        ..of_cluster(verb, group, resource, purpose)
    })
    .into();
    let lease = of_cluster("get", "coordination.k8s.io", "leases", "restore and check");
    needs.push(Need { namespace: Some(system.to_owned()), ..lease });
    review(connection, needs, Outcome::Warning, "docs/kubectl.md#permissions").await
}

/// What an installation needs.
pub(super) async fn before(connection: &Connection, system: &str) -> Result<Vec<Check>, Failure> {
    let install = "the installation";
    let mut needs = vec![
        of_cluster("create", "apiextensions.k8s.io", "customresourcedefinitions", install),
        of_cluster("create", "rbac.authorization.k8s.io", "clusterroles", install),
        of_cluster("create", "rbac.authorization.k8s.io", "clusterrolebindings", install),
        of_cluster("create", "admissionregistration.k8s.io", "validatingadmissionpolicies", install),
        of_cluster("create", "", "namespaces", install),
    ];
    let deployment = of_cluster("create", "apps", "deployments", install);
    needs.push(Need { namespace: Some(system.to_owned()), ..deployment });
    review(connection, needs, Outcome::Failed, "docs/installing.md#what-it-is-allowed").await
}

async fn review(
    connection: &Connection,
    needs: Vec<Need>,
    otherwise: Outcome,
    documentation: &'static str,
) -> Result<Vec<Check>, Failure> {
    let mut checks = Vec::new();
    for need in needs {
        let allowed = is_allowed(connection, &need).await?;
        checks.push(judge(&need, allowed, otherwise, documentation));
    }
    Ok(checks)
}

fn judge(need: &Need, allowed: bool, otherwise: Outcome, documentation: &'static str) -> Check {
    let place = need.namespace.as_ref().map(|namespace| format!(" in {namespace}")).unwrap_or_default();
    let deed = format!("{} {}{place}", need.verb, need.resource);
    if allowed {
        return Check::passed(format!("you may {deed}"));
    }
    let found = format!("you may not {deed}");
    let hint = format!("{} needs it: ask the cluster's administrator", need.purpose);
    Check::otherwise(otherwise, found, hint, documentation)
}

async fn is_allowed(connection: &Connection, need: &Need) -> Result<bool, Failure> {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(connection.client().await?.clone());
    let attributes = ResourceAttributes {
        verb: Some(need.verb.to_owned()),
        group: Some(need.group.to_owned()),
        resource: Some(need.resource.to_owned()),
        namespace: need.namespace.clone(),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
    let review = SelfSubjectAccessReview { spec, ..Default::default() };
    let ask = Ask::create::<SelfSubjectAccessReview>();
    let answer = connection.answer(ask, reviews.create(&PostParams::default(), &review)).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}
