use super::*;
use crate::connection::Connection;
use crate::policies::fixture::{at, stored};
use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

fn policy(change: impl FnOnce(&mut Value)) -> FlowPolicy {
    let mut stored = stored();
    change(&mut stored);
    serde_json::from_value(stored).unwrap()
}

fn enforced(status: &str, reason: &str) -> Verdict {
    let policy = policy(|policy| {
        policy["status"]["conditions"][3]["status"] = json!(status);
        policy["status"]["conditions"][3]["reason"] = json!(reason);
    });
    Verdict::of(&policy, false)
}

#[test]
fn limits_have_to_be_in_force_unless_there_is_nothing_to_wait_for() {
    for (status, reason) in
        [("True", "InForce"), ("Unknown", "NotVerified"), ("Unknown", "NoPods"), ("False", "NotNeeded")]
    {
        assert!(enforced(status, reason).ready, "{status} {reason}");
    }
    for (status, reason) in [("False", "NotInForce"), ("Unknown", "NotInForce"), ("False", "Released")] {
        let missing = enforced(status, reason).missing;
        assert_eq!(missing, Some(format!("Enforced is {status}, {reason}")));
    }
}

#[test]
fn a_status_of_another_generation_says_nothing() {
    let verdict = Verdict::of(&policy(|policy| policy["metadata"]["generation"] = json!(2)), false);
    assert_eq!(verdict.missing.unwrap(), "the operator has told nothing of the spec as it is now");
}

#[test]
fn what_is_missing_is_told_with_the_conditions() {
    let not_ready = policy(|policy| {
        policy["status"]["conditions"] = json!([{
            "type": "Ready", "status": "False", "reason": "NoData", "message": "command-jitter cannot be measured",
            "lastTransitionTime": "1970-01-01T00:01:30Z",
        }]);
    });
    let text = draw(&not_ready, &Verdict::of(&not_ready, false), Duration::from_secs(30), at(100), 80);
    let expected = "\
factory/robot is not ready after 30s: Ready is False, NoData
  ✘ Ready         False for 10s, NoData: command-jitter cannot be measured
";
    assert_eq!(anstream::adapter::strip_str(&text).to_string(), expected);
}

/// The policy as it is got first, and then as the watch brings it, where this is the Lease.
async fn waited(first: Value, then: Value, lease: Value) -> ExitCode {
    let (service, mut requests) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    let answers = async move {
        let mut watch = None;
        while let Some((request, answer)) = requests.next_request().await {
            let query = request.uri().query().unwrap_or_default();
            if request.uri().path().ends_with("/robot") {
                answer.send_response(Response::new(Body::from(serde_json::to_vec(&first).unwrap())));
            } else if request.uri().path().ends_with("/leases/flow-manager") {
                answer.send_response(Response::new(Body::from(serde_json::to_vec(&lease).unwrap())));
            } else if query.contains("watch=") {
                watch = Some(answer);
            } else {
                let list = json!({
                    "apiVersion": "flow.fustli.io/v1alpha1", "kind": "FlowPolicyList",
                    "metadata": {"resourceVersion": "2"}, "items": [then],
                });
                answer.send_response(Response::new(Body::from(serde_json::to_vec(&list).unwrap())));
            }
        }
        drop(watch);
    };
    tokio::spawn(answers);
    let connection = Connection::with(Client::new(service, "factory"), "factory");
    let args = Args {
        name: "robot".to_owned(),
        timeout: Duration::from_mins(10),
        output: crate::output::Output { output: Some(crate::output::Format::Json) },
        installation: Installation {
            system_namespace: "flow-manager-system".to_owned(),
            release: "flow-manager".to_owned(),
        },
    };
    run(args, &connection).await.unwrap()
}

fn lease(holder: &str) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "flow-manager"},
        "spec": {"holderIdentity": holder, "renewTime": "2999-01-01T00:00:00.000000Z"},
    })
}

#[tokio::test(start_paused = true)]
async fn it_waits_until_the_policy_does_its_work() {
    let mut starting = stored();
    starting["status"]["conditions"][1]["status"] = json!("Unknown");
    let led = || lease("flow-manager-1");
    assert_eq!(waited(starting.clone(), stored(), led()).await, ExitCode::SUCCESS);
    assert_eq!(waited(starting.clone(), starting, led()).await, ExitCode::FAILURE, "the time is over");
}

#[tokio::test(start_paused = true)]
async fn what_was_told_by_a_controller_that_leads_no_more_does_not_count() {
    assert_eq!(waited(stored(), stored(), lease("")).await, ExitCode::FAILURE);
    let unseen = json!({"kind": "Status"});
    assert_eq!(waited(stored(), stored(), unseen).await, ExitCode::SUCCESS, "nobody knows better");
}
