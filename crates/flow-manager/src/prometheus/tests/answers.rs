use super::super::CredentialFiles;
use super::Folder;
use super::server::{PATIENCE, client, client_of, one, serve, serve_always};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use flow_control::Finite;
use std::future::ready;

#[tokio::test]
async fn the_query_reaches_prometheus_as_it_was_written() {
    let query = r#"sum(rate(x{a="b&c=d+e%20"}[30s])) * 8 > 0 # é"#;
    let server = serve_always(200, one("42.5")).await;
    assert_eq!(client(&server.url).query(None, query).await, Ok(Finite::new(42.5).unwrap()));
    assert_eq!(server.asked(query), 1);
}

#[tokio::test]
async fn a_replaced_bearer_token_is_used_from_the_next_query_on() {
    let server = serve(|request| {
        let known = request.headers.get_all("authorization").iter().eq(["Bearer second"]);
        let status = if known { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        ready((status, one("1")).into_response())
    })
    .await;
    let folder = Folder::new(&[("token", b"first\n")]);
    let bearer_token = Some(folder.path().join("token"));
    let client = client_of(&server.url, PATIENCE, CredentialFiles { bearer_token, folder: None });
    assert_eq!(client.query(None, "up").await.unwrap_err().category(), "denied");
    folder.write("token", b"second\n");
    assert_eq!(client.query(None, "up").await, Ok(Finite::new(1.0).unwrap()));
    drop(folder);
    let error = client.query(None, "up").await.unwrap_err();
    assert_eq!(error.category(), "no_credential", "{error}");
    assert_eq!(server.asked("up"), 2, "nothing is asked without the token");
}

#[tokio::test]
async fn a_user_and_a_password_are_shown_with_the_headers_that_were_asked_for() {
    let server = serve(|request| {
        let header =
            |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        // RFC 7617: base64 of flow:s3cret.
        let known = header("authorization").as_deref() == Some("Basic ZmxvdzpzM2NyZXQ=");
        let of_factory = header("x-scope-orgid").as_deref() == Some("factory");
        let status = if known && of_factory { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        ready((status, one("1")).into_response())
    })
    .await;
    let folder = Folder::new(&[("username", b"flow"), ("password", b"s3cret")]);
    let credentials = CredentialFiles { bearer_token: None, folder: Some(folder.path().to_owned()) };
    let client = client_of(&server.url, PATIENCE, credentials);
    assert_eq!(client.query(None, "up").await, Ok(Finite::new(1.0).unwrap()));
}
