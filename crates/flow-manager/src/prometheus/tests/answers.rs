use super::super::CredentialFiles;
use super::Folder;
use super::server::{PATIENCE, client, client_of, one, serve, serve_always, vector};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use flow_control::{Finite, Unknown};
use std::future::ready;

/// Each: status and body of the answer, category of the error, what its sentence says.
fn bad_answers() -> Vec<(u16, String, &'static str, &'static str)> {
    let error = |text: &str| format!(r#"{{"status":"error","errorType":"bad_data","error":"{text}"}}"#);
    let data = |kind: &str, result: &str| {
        format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":{result}}}}}"#)
    };
    let partial = r#"{"status":"success","warnings":["shard 2 is away"],"data":{"resultType":"vector","result":[{"metric":{},"value":[1,"5"]}]}}"#;
    let sample = r#"{"metric":{},"value":[1,"5"]}"#;
    let nothing = String::new;
    vec![
        (200, vector(""), "no_series", "no series"),
        (200, vector(&[sample; 2].join(",")), "ambiguous", "2 series where exactly one"),
        (200, one("NaN"), "not_finite", "NaN"),
        (200, one("+Inf"), "not_finite", "+Inf"),
        (200, one("-Inf"), "not_finite", "-Inf"),
        (200, data("scalar", r#"[1,"NaN"]"#), "not_finite", "NaN"),
        (200, partial.to_owned(), "partial", "shard 2 is away"),
        (200, data("matrix", r#"[{"metric":{},"values":[[1,"5"]]}]"#), "wrong_type", "a matrix where"),
        (200, data("string", r#"[1,"5"]"#), "wrong_type", "a string where"),
        (200, vector(r#"{"metric":{},"histogram":[1,{"count":"5"}]}"#), "wrong_type", "a histogram where"),
        (200, error("as some proxies do"), "rejected", "as some proxies do"),
        (200, "<html>Log in</html>".to_owned(), "not_json", "not JSON"),
        (200, one("5")[..60].to_owned(), "not_json", "cut off"),
        (200, nothing(), "not_json", "not JSON"),
        (200, "{}".to_owned(), "malformed", "it has no data"),
        (200, " ".repeat((1 << 20) + 1), "too_large", "longer than 1048576 bytes"),
        (204, nothing(), "not_json", "not JSON"),
        (302, nothing(), "redirected", "HTTP 302"),
        (
            400,
            error("1:5: parse error: unclosed left parenthesis"),
            "rejected",
            "(HTTP 400): 1:5: parse error",
        ),
        (422, error("would load too many samples"), "rejected", "too many samples"),
        (401, nothing(), "denied", "HTTP 401"),
        (403, error("no"), "denied", "HTTP 403"),
        (404, "404 page not found".to_owned(), "unavailable", "(HTTP 404): Not Found"),
        (429, error("too many requests"), "unavailable", "too many requests"),
        (500, "<html>oops</html>".to_owned(), "unavailable", "(HTTP 500): Internal Server Error"),
        (503, error("query timed out in expression evaluation"), "unavailable", "query timed out"),
    ]
}

#[tokio::test]
async fn no_bad_answer_is_taken_for_a_number() {
    for (status, body, category, says) in bad_answers() {
        let server = serve_always(status, body.clone()).await;
        let error = client(&server.url).query("up").await.unwrap_err();
        let (case, sentence) = (format!("{status} {body:.200}"), error.to_string());
        assert_eq!(error.category(), category, "{case}: {sentence}");
        assert!(sentence.contains(says), "{case}: {sentence}");
        assert!(!sentence.contains(&server.url) && !sentence.contains('{'), "{case}: {sentence}");
    }
}

#[tokio::test]
async fn the_query_reaches_prometheus_as_it_was_written() {
    let query = r#"sum(rate(x{a="b&c=d+e%20"}[30s])) * 8 > 0 # é"#;
    let server = serve_always(200, one("42.5")).await;
    assert_eq!(client(&server.url).query(query).await, Ok(Finite::new(42.5).unwrap()));
    assert_eq!(server.asked(query), 1);
}

#[tokio::test]
async fn what_is_known_of_a_failure_is_passed_on_to_the_decision() {
    for (body, unknown) in [
        (vector(""), Unknown::NoSeries),
        (
            vector(r#"{"value":[1,"5"]},{"value":[1,"5"]},{"value":[1,"5"]}"#),
            Unknown::Ambiguous { series: 3 },
        ),
        (one("NaN"), Unknown::NotFinite),
        ("<html>".to_owned(), Unknown::SourceFailed),
    ] {
        let server = serve_always(200, body).await;
        assert_eq!(client(&server.url).query("up").await.unwrap_err().unknown(), unknown);
    }
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
    assert_eq!(client.query("up").await.unwrap_err().category(), "denied");
    folder.write("token", b"second\n");
    assert_eq!(client.query("up").await, Ok(Finite::new(1.0).unwrap()));
    drop(folder);
    let error = client.query("up").await.unwrap_err();
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
    assert_eq!(client.query("up").await, Ok(Finite::new(1.0).unwrap()));
}
