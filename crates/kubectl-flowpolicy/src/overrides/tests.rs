use super::pause::pausing;
use super::pin::{checked, pinned, unpinned};
use super::*;
use crate::api_server::{Asked, serve};
use crate::error::Error;
use crate::policies::fixture::{at, stored};
use flow_policy::names::{PAUSE_REASON, PAUSED, PAUSED_UNTIL};
use http::Method;
use serde_json::{Value, json};
use std::process::ExitCode;

/// The annotations that a command writes to a policy that has none.
async fn written(command: impl AsyncFnOnce(&Connection) -> Result<ExitCode, Error>) -> Value {
    let (connection, log) = serve(|_| (200, stored()));
    assert_eq!(command(&connection).await.unwrap(), ExitCode::SUCCESS);
    let asked = log.lock().unwrap().clone();
    let path = "/apis/flow.fustli.io/v1alpha1/namespaces/factory/flowpolicies/robot";
    assert!(asked.iter().all(|asked| asked.path == path), "{asked:?}");
    let [mut write]: [Asked; 1] = asked
        .into_iter()
        .filter(|asked| asked.method == Method::PATCH)
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    assert!(write.query.contains("fieldManager=kubectl-flowpolicy"), "{}", write.query);
    write.body["metadata"]["annotations"].take()
}

#[test]
fn a_pause_with_an_end_takes_the_place_of_one_without() {
    let until = "2026-12-24T18:00:00Z".parse().unwrap();
    let expected = [
        (PAUSED, None),
        (PAUSED_UNTIL, Some("2026-12-24T18:00:00Z".to_owned())),
        (PAUSE_REASON, Some("repair".to_owned())),
    ];
    assert_eq!(pausing(Some(until), Some("repair".to_owned())), Changes::from(expected));
    let endless = [(PAUSED, Some("true".to_owned())), (PAUSED_UNTIL, None), (PAUSE_REASON, None)];
    assert_eq!(pausing(None, None), Changes::from(endless));
}

#[tokio::test]
async fn each_command_writes_the_annotations_that_the_operator_knows() {
    let name = || "robot".to_owned();
    let resume = async |connection: &_| resume(ResumeArgs { name: name() }, connection).await;
    assert_eq!(written(resume).await, json!({PAUSED: null, PAUSED_UNTIL: null, PAUSE_REASON: null}));
    let pin = async |connection: &_| pin(PinArgs { name: name(), limit: "80M".to_owned() }, connection).await;
    assert_eq!(written(pin).await, json!({LIMIT: "80M"}));
    let unpin = async |connection: &_| unpin(UnpinArgs { name: name() }, connection).await;
    assert_eq!(written(unpin).await, json!({LIMIT: null}));
}

#[test]
fn a_pause_beside_a_pin_is_not_forgotten() {
    let policy = |annotations: Value| {
        let mut policy = stored();
        policy["metadata"]["annotations"] = annotations;
        serde_json::from_value::<FlowPolicy>(policy).unwrap()
    };
    let (both, paused) = (json!({LIMIT: "80M", PAUSED: "true"}), json!({PAUSED: "true"}));
    let changed = |before: &Value, after: &Value| Changed {
        before: policy(before.clone()),
        after: policy(after.clone()),
    };
    assert_eq!(
        unpinned(&changed(&both, &paused), at(0)),
        "factory/robot is still paused until resume: limits stay as they are\n"
    );
    let limit = flow_control::Bandwidth::from_mbps(80);
    assert_eq!(
        pinned(&changed(&paused, &both), limit, at(0)),
        "factory/robot: every limit is 80M; after unpin it is still paused until resume\n"
    );
    let later = json!({PAUSED_UNTIL: "1970-01-01T00:01:40Z"});
    assert_eq!(
        unpinned(&changed(&both, &later), at(99)),
        "factory/robot is still paused until 1970-01-01T00:01:40Z: limits stay as they are\n"
    );
    let pin = json!({LIMIT: "80M"});
    assert_eq!(
        unpinned(&changed(&pin, &json!({})), at(0)),
        "factory/robot: limits follow the objectives again\n"
    );
}

#[test]
fn a_limit_that_the_operator_would_not_understand_is_not_written() {
    assert_eq!(checked("80M").unwrap(), flow_control::Bandwidth::from_mbps(80));
    for limit in ["80", "80Mbit", "0", ""] {
        let error = checked(limit).unwrap_err().to_string();
        assert!(error.starts_with("the limit cannot be used: "), "{error}");
    }
}
