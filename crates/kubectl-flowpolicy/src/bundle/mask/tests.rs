use super::*;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn only_what_may_be_a_credential_is_masked() {
    for (before, after) in [
        ("http://me:s3cret@prometheus:9090/x?y=1", "http://***@prometheus:9090/x?y=1"),
        ("http://me:s3/cr@et@prometheus", "http://***@prometheus"),
        ("//prometheus/x?to=http://me:s3cret@there", "//prometheus/x?to=http://***@there"),
        ("http://me:s3?cret@prometheus/x?y=a@b", "http://***@b"),
        ("http://prometheus/x?token=s3@cret&y=a@b", "http://prometheus/x?token=***"),
        ("GET /x Authorization: Basic czNjcmV0 and more\nnext", "GET /x Authorization: ***\nnext"),
        ("was sent Bearer s3cret to it", "was sent Bearer *** to it"),
        ("/api?token=s3cret is asked", "/api?token=*** is asked"),
        ("password: \"s3 cret\" is wrong", "password: *** is wrong"),
        ("--admin-password s3cret --verbose", "--admin-password *** --verbose"),
        ("--prometheus-header=X-Scope-OrgID=s3cret", "--prometheus-header=X-Scope-OrgID=***"),
        ("a eyJhbGciOiJ9.eyJzdWIiOiJ9.c2ln b", "a *** b"),
        ("-----BEGIN RSA PRIVATE KEY-----\ns3\n-----END RSA PRIVATE KEY-----\nx", "***\nx"),
        (r#"{"message":"token=s3cret","level":"INFO"}"#, r#"{"level":"INFO","message":"token=***"}"#),
    ] {
        assert_eq!(text(before), after);
    }
    for same in [
        "http://prometheus:9090/api/v1/query?query=up",
        "http://prometheus:9090/api/v1/query?query=up%7Bteam=a@b&time=1",
        "https://prometheus?user=me@here",
        "fustli/flow-manager@sha256:0123",
        "--prometheus-bearer-token-file=/var/run/token",
        "limit cut to 64M, bound <= 300us",
        "the pod api-token-7d9f was deleted",
        "{\"z\": 1, \"a\": 1.50}",
    ] {
        assert_eq!(text(same), same);
    }
}

#[test]
fn objects_keep_what_helps() {
    let mut pod = json!({
        "metadata": {
            "name": "flow-manager", "managedFields": [{"manager": "helm"}],
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "s3cret", "team/api-token": "s3cret",
                "flow.fustli.io/applied-egress-bandwidth": "64M",
            },
        },
        "spec": {
            "automountServiceAccountToken": true,
            "containers": [{
                "args": ["run", "--lease=flow-manager", "--admin-token", "s3cret", "--header", "X-Id: s3cret"],
                "env": [{"name": "DB_PASSWORD", "value": "s3cret"}, {"name": "RUST_LOG", "value": "info"}],
            }],
            "volumes": [{"name": "token", "secret": {"secretName": "prometheus"}}],
        },
    });
    object(&mut pod);
    let expected = json!({
        "metadata": {
            "name": "flow-manager",
            "annotations": {"team/api-token": "***", "flow.fustli.io/applied-egress-bandwidth": "64M"},
        },
        "spec": {
            "automountServiceAccountToken": true,
            "containers": [{
                "args": ["run", "--lease=flow-manager", "--admin-token", "***", "--header", "***"],
                "env": [{"name": "DB_PASSWORD", "value": "***"}, {"name": "RUST_LOG", "value": "info"}],
            }],
            "volumes": [{"name": "token", "secret": {"secretName": "prometheus"}}],
        },
    });
    assert_eq!(pod, expected);
}

/// Each way in which a secret may stand in a text.
fn texts(secret: &str) -> [String; 14] {
    [
        format!("asked https://flow:{secret}@prometheus:9090/api?x=1"),
        format!("asked https://{secret}@prometheus:9090"),
        format!("sent Authorization: Basic {secret}"),
        format!("{{authorization=\"{secret}\"}}"),
        format!("Proxy-Authorization: Digest user=\"x\", response=\"{secret}\""),
        format!("it sends bearer {secret}"),
        format!("GET /?a=b&token={secret}&c=d"),
        format!("PASSWORD={secret}"),
        format!("db_password: '{secret}'"),
        format!("client-secret = \"{secret}\""),
        format!("--api-key {secret} --more"),
        format!("--prometheus-header=X-Key={secret}"),
        format!("Cookie: session={secret}; path=/"),
        format!("\\\"access_token\\\":\\\"{secret}\\\""),
    ]
}

/// Each way in which a text, and a secret, may stand in an object.
fn objects(text: &str, secret: &str) -> Value {
    json!({
        "metadata": {
            "annotations": {
                "note": text,
                "kubectl.kubernetes.io/last-applied-configuration": secret,
                "of-somebody/json": json!({"password": secret, "more": [text]}).to_string(),
            },
            "managedFields": [{"fieldsV1": secret}],
        },
        "spec": {"containers": [{
            "args": [text, "--token", secret, format!("--password={secret}")],
            "env": [
                {"name": "X", "value": text},
                {"name": "API_TOKEN", "value": secret},
                {"name": "PGPASSWORD", "value": secret},
            ],
            "livenessProbe": {"httpGet": {"httpHeaders": [{"name": "Authorization", "value": secret}]}},
        }]},
        "status": {"message": format!("first\n{text}\nlast")},
    })
}

proptest! {
    #[test]
    fn a_planted_secret_never_comes_out(
        secret in "[A-Za-z0-9+/=_.~!$%^&*-]{12,40}",
        before in "[a-z /:=]{0,12}",
        which in 0..14_usize,
    ) {
        let planted = format!("{before} {}", texts(&secret)[which]);
        prop_assert!(!text(&planted).contains(&secret), "{}", text(&planted));
        let line = json!({"message": planted.clone(), "password": secret.clone()}).to_string();
        let log = format!("{planted}\n{line}\n{planted}");
        prop_assert!(!text(&log).contains(&secret), "{}", text(&log));
        let mut object = objects(&planted, &secret);
        super::object(&mut object);
        prop_assert!(!object.to_string().contains(&secret), "{object}");
    }
}
