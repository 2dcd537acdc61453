use super::pause::pausing;
use super::pin::checked;
use super::*;
use crate::api_server::{Asked, serve};
use crate::error::Error;
use crate::policies::fixture::stored;
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
fn a_limit_that_the_operator_would_not_understand_is_not_written() {
    assert_eq!(checked("80M").unwrap(), flow_control::Bandwidth::from_mbps(80));
    for limit in ["80", "80Mbit", "0", ""] {
        let error = checked(limit).unwrap_err().to_string();
        assert!(error.starts_with("the limit cannot be used: "), "{error}");
    }
}
