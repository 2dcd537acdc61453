use super::super::{Access, Client, CredentialFiles, QueryError, Source, SourceError};
use super::server::{PATIENCE, client, one, serve, serve_always};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect};
use std::future::ready;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Sends `bytes` to whoever connects and has sent something, and hangs up.
pub(super) async fn hang_up_after(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let _ = connection.read(&mut [0; 4096]).await.unwrap();
        connection.write_all(bytes).await.unwrap();
    });
    url
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_said_in_plain_words() {
    // A label of more than 63 letters (RFC 1035) cannot exist, so that no server is asked for it.
    let error =
        client(&format!("http://{}.invalid:9090", "x".repeat(64))).query(None, "up").await.unwrap_err();
    let sentence = "Prometheus cannot be reached: its host name could not be resolved";
    assert_eq!(error.to_string(), sentence);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = serve_always(200, one("5")).await;
    let location = format!("{}/api/v1/query", elsewhere.url);
    let server = serve(move |_| ready(Redirect::temporary(&location).into_response())).await;
    let error = client(&server.url).query(None, "up").await.unwrap_err();
    assert_eq!(error, QueryError::Redirected { status: 307 });
    assert_eq!(elsewhere.asked("up"), 0);
}

#[test]
fn a_token_that_cannot_be_read_is_found_at_the_start() {
    let url = "http://prometheus:9090".to_owned();
    let credentials = CredentialFiles { bearer_token: Some("/nowhere/token".into()), folder: None };
    let (headers, access) = (HeaderMap::new(), Access::default());
    let source = Source { url, timeout: PATIENCE, headers, credentials, access };
    assert!(matches!(Client::new(&source), Err(SourceError::Credentials(_))));
}
