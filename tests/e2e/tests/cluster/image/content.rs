//! What is in the image, and how it runs.

use super::inspect;
use super::registry::shell;
use flow_e2e::kubectl::{apply_in, apply_object, in_repository, kubectl};
use flow_e2e::stage::PATIENCE;
use flow_e2e::wait::{Look, until};
use serde_json::{Value, json};

const IMAGE: &str = "docker.io/fustli/flow-manager:latest";
/// Compressed, in bytes: what a node downloads.
const MAX_SIZE: u64 = 12_000_000;

#[tokio::test]
async fn it_is_one_program_run_by_a_numbered_user_and_says_what_it_is() {
    shell("make --old-file=image-context image").await.unwrap();
    let image = inspect(IMAGE).await;
    let config = &image["ImageConfig"]["config"];
    assert_eq!(config["User"], "1000");
    assert_eq!(config["Entrypoint"], json!(["/flow-manager"]));
    assert_eq!(config["Cmd"], Value::Null);
    for label in ["title", "description", "licenses", "url", "source", "version", "revision"] {
        let value = config["Labels"][format!("org.opencontainers.image.{label}")].as_str();
        assert!(value.is_some_and(|value| !value.is_empty() && value != "unknown"), "{label}: {config}");
    }
    let layers = image["Manifest"]["layers"].as_array().unwrap();
    let size: u64 = layers.iter().map(|layer| layer["size"].as_u64().unwrap()).sum();
    assert!(size <= MAX_SIZE, "{size} bytes");
}

#[tokio::test]
async fn nothing_is_in_it_but_the_program_the_certificates_and_the_user() {
    let list = format!(
        "make --old-file=image-context image >/dev/null
        mkdir -p /run/image && ctr images mount {IMAGE} /run/image >/dev/null
        find /run/image -mindepth 1 -printf '%m %U:%G %y %P\\n' | LC_ALL=C sort -k4
        grep '' /run/image/etc/passwd /run/image/etc/group
        ctr images unmount --rm /run/image >/dev/null"
    );
    let expected = "\
755 0:0 d etc
644 0:0 f etc/group
644 0:0 f etc/passwd
755 0:0 d etc/ssl
755 0:0 d etc/ssl/certs
644 0:0 f etc/ssl/certs/ca-certificates.crt
755 0:0 f flow-manager
/run/image/etc/passwd:controller:x:1000:1000:controller:/:/sbin/nologin
/run/image/etc/group:controller:x:1000:
";
    assert_eq!(shell(&list).await.unwrap(), expected);
}

#[test]
fn the_binary_needs_no_library_and_does_not_tell_where_it_was_built() {
    let binary = fs_err::read(in_repository("docker/flow-manager/rootfs/linux/amd64/flow-manager")).unwrap();
    let contains = |text: &str| binary.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(contains("/cargo/registry/src/"), "this looks for paths in the wrong way");
    assert!(!contains("/lib64/ld-linux"), "it is not static");
    let checkout = in_repository("").canonicalize().unwrap().display().to_string();
    assert!(!contains(&checkout), "it contains {checkout}");
}

#[tokio::test]
async fn it_runs_as_uid_1000_read_only_and_without_capabilities_where_pod_security_is_restricted() {
    shell("make --old-file=image-context image").await.unwrap();
    kubectl("delete namespace image --ignore-not-found").await.unwrap();
    apply_object(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": "image", "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
    }}))
    .await
    .unwrap();
    let serves = until("the service account", PATIENCE, async || {
        kubectl("-n image get serviceaccount default").await.map(Look::Found)
    });
    serves.await.unwrap();
    apply_in("image", &reflector()).await.unwrap();
    kubectl("-n image wait --for=condition=Ready pod/reflector --timeout=60s").await.unwrap();
    let status = shell(
        "uid=$(kubectl -n image get pod reflector -o jsonpath={.metadata.uid})
        for process in $(grep -l \"$uid\" /proc/[0-9]*/cgroup); do
          process=$(dirname \"$process\")
          [[ $(<\"$process/comm\") != flow-manager ]] || grep -E '^(Uid|Gid|CapEff|NoNewPrivs):' \"$process/status\"
        done",
    );
    let status = status.await.unwrap().replace('\t', " ");
    let expected =
        ["Uid: 1000 1000 1000 1000", "Gid: 1000 1000 1000 1000", "CapEff: 0000000000000000", "NoNewPrivs: 1"];
    assert_eq!(status.lines().collect::<Vec<_>>(), expected);
    kubectl("delete namespace image").await.unwrap();
}

/// A pod that leaves the choice of the user to the image.
fn reflector() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "reflector"},
        "spec": {
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "reflector",
                "image": IMAGE,
                "imagePullPolicy": "Never",
                "args": ["reflect", "--udp", "0.0.0.0:5201"],
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": {"drop": ["ALL"]},
                },
            }],
        },
    })
}
