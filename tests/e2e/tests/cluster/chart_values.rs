//! What the chart makes of values: objects that a real API server accepts, or a refusal that names what is wrong.

use flow_e2e::Error;
use flow_e2e::kubectl::{apply_object, in_repository, kubectl};
use flow_e2e::program::{run, run_with_input};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const NAMESPACE: &str = "e2e-chart";
const SHAPER_NAMESPACE: &str = "e2e-chart-shaper";
const HELMS: [&str; 2] = ["helm", "helm3"];

async fn render(helm: &str, values: &Value) -> Result<String, Error> {
    let chart = in_repository("charts/flow-manager");
    let shaper = format!("shaper.namespace={SHAPER_NAMESPACE}");
    let arguments =
        ["template", "tried", &chart.to_string_lossy(), "--namespace", NAMESPACE, "--kube-version=1.37.2"];
    let arguments = arguments.iter().copied().chain(["--values", "-", "--set", &shaper]);
    run_with_input(helm, arguments, &values.to_string()).await
}

/// Its documents, in whatever order and with whatever empty lines a version of Helm prints them.
fn documents(text: &str) -> BTreeSet<Vec<&str>> {
    let documents =
        text.split("---\n").map(|one| one.lines().filter(|line| !line.trim().is_empty()).collect());
    documents.filter(|lines: &Vec<&str>| !lines.is_empty()).collect()
}

/// One set of values for each thing that can be switched or set.
fn combinations() -> Vec<Value> {
    let probe = json!({"daemonSet": {"enabled": true, "targets": ["udp://robot:5201", "icmp://robot"]}});
    let token = json!({"enabled": true, "audience": "thanos", "expirationSeconds": 600});
    vec![
        json!({}),
        full(),
        json!({"createNamespace": true, "crds": {"keep": false}}),
        json!({"crds": {"install": false}, "restore": {"enabled": false}}),
        json!({"shaper": {"enabled": false}, "networkPolicy": {"enabled": true}}),
        json!({"backend": "auto", "networkPolicy": {"enabled": true}}),
        json!({"backend": "calico", "serviceMonitor": {"enabled": true}}),
        json!({"backend": "kube-ovn", "shaper": {"enabled": false}}),
        json!({"backend": "at-creation"}),
        json!({"metrics": {"tls": {"secretName": "tls"}}, "serviceMonitor": {"enabled": true}}),
        json!({"metrics": {"bearerTokenSecret": "token"}, "probe": {"keySecret": "key"}, "reflector": {"enabled": true}}),
        json!({"prometheus": {"url": "http://a", "namespaces": ["factory-*"], "enforceLabel": "namespace"}}),
        json!({"probe": {"forbiddenAddresses": ["0.0.0.0/0", "::/0"], "allowedAddresses": ["198.18.0.0/15"]}}),
        json!({"admissionPolicy": {"namespaces": ["factory-*", "lab"]}, "rollout": {"enabled": true}}),
        json!({"page": {"enabled": true}, "networkPolicy": {"enabled": true}}),
        json!({"shaper": {"createNamespace": false, "serviceAccount": {"create": false, "name": "other"}}}),
        json!({"serviceAccount": {"name": "flow-manager-sa", "annotations": {"a": "b"}}}),
        json!({"serviceAccount": {"create": false, "name": "other"}, "admissionPolicy": {"enabled": false}}),
        json!({"rollout": {"enabled": true}, "serviceAccount": {"name": "flow-manager-sa"}}),
        json!({"replicaCount": 2, "podDisruptionBudget": {"maxUnavailable": "50%"}}),
        json!({"replicaCount": 0, "metrics": {"predecessor": false, "podAnnotations": false}}),
        json!({"prometheus": {"url": "http://prometheus:9090", "headers": {"X-Scope-OrgID": "a b=\"c\""}}}),
        json!({"prometheus": {"url": "https://thanos", "serviceAccountToken": token}}),
        json!({"prometheus": {"url": "https://thanos", "credentialsSecret": "thanos"}}),
        json!({"prometheus": {"sources": {"mimir": {"url": "https://mimir", "credentialsSecret": "mimir"}}}}),
        json!({"prometheus": {"sources": {"a-name-of-44-characters-that-is-longest-here": {"url": "http://a"}}}}),
        json!({"serviceMonitor": {"enabled": true}, "prometheusRule": {"enabled": true}}),
        json!({"networkPolicy": {"enabled": true, "probePorts": []}}),
        json!({"probe": probe, "metrics": {"podAnnotations": false}}),
        json!({"probe": probe, "networkPolicy": {"enabled": true}, "serviceMonitor": {"enabled": true}}),
        json!({"reflector": {"enabled": true, "service": {"type": "LoadBalancer", "annotations": {"a": "b"}}}}),
        json!({"reflector": {"enabled": true, "udpPorts": [], "tcpPorts": [5202], "replicaCount": 2}}),
        json!({"nameOverride": "flow", "commonLabels": {"team": "net"}, "log": {"format": "json"}}),
        json!({"fullnameOverride": "a-name-that-is-as-long-as-a-name-of-an-object-can-possibly-be"}),
    ]
}

/// Everything that can be switched on.
fn full() -> Value {
    let text = fs_err::read_to_string(in_repository("charts/flow-manager/ci/full-values.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// The namespaces, and what the API server must know before it can look at the rest. Pods that Pod Security would
/// not let run cause a warning.
async fn prepare() {
    for (namespace, level) in [(NAMESPACE, "restricted"), (SHAPER_NAMESPACE, "privileged")] {
        let labels = json!({
            "pod-security.kubernetes.io/enforce": level,
            "pod-security.kubernetes.io/warn": level,
        });
        let metadata = json!({"name": namespace, "labels": labels});
        apply_object(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})).await.unwrap();
    }
    let script = in_repository("tests/monitoring-crds.sh");
    let folder = run::<&str>(&script.to_string_lossy(), []).await.unwrap();
    for kind in ["servicemonitors", "prometheusrules"] {
        let file = format!("{}/monitoring.coreos.com_{kind}.yaml", folder.trim());
        run("kubectl", ["apply", "--server-side", "-f", &file]).await.unwrap();
    }
    kubectl("wait --for=condition=Established crd/servicemonitors.monitoring.coreos.com --timeout=30s")
        .await
        .unwrap();
}

/// A pod is looked at only where its account is.
async fn account_of_the_test_pod(objects: &str) {
    let names = objects.lines().filter_map(|line| line.trim().strip_prefix("serviceAccountName: "));
    for name in names.filter(|name| name.ends_with("-selftest")) {
        let metadata = json!({"name": name, "namespace": NAMESPACE});
        apply_object(&json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn every_combination_of_values_is_accepted_by_the_api_server_without_a_warning() {
    prepare().await;
    for values in combinations() {
        let objects = render(HELMS[0], &values).await.unwrap_or_else(|error| panic!("{values}: {error}"));
        let other = render(HELMS[1], &values).await.unwrap();
        assert!(documents(&objects) == documents(&other), "{HELMS:?} render something else of {values}");
        account_of_the_test_pod(&objects).await;
        let apply =
            ["apply", "--server-side", "--dry-run=server", "--force-conflicts", "--warnings-as-errors"];
        let applied = run_with_input("kubectl", apply.iter().chain(&["-f", "-"]), &objects).await;
        applied.unwrap_or_else(|error| panic!("{values}: {error}"));
    }
}

/// Each wrong value, and the words that the refusal must contain.
fn wrong_values() -> Vec<(Value, Vec<&'static str>)> {
    vec![
        (json!({"replicas": 2}), vec!["replicas"]),
        (json!({"replicaCount": -1}), vec!["replicaCount", "minimum"]),
        (json!({"replicaCount": "two"}), vec!["replicaCount", "integer"]),
        (json!({"image": {"tga": "1"}}), vec!["image", "tga"]),
        (json!({"image": {"tag": 1.0}}), vec!["image/tag", "string"]),
        (json!({"image": {"digest": "0123"}}), vec!["image/digest"]),
        (json!({"image": {"pullPolicy": "Sometimes"}}), vec!["image/pullPolicy", "Always"]),
        (json!({"imagePullSecrets": ["pull"]}), vec!["imagePullSecrets/0"]),
        (json!({"crds": "yes"}), vec!["crds"]),
        (json!({"log": {"format": "xml"}}), vec!["log/format", "json"]),
        (json!({"prometheus": {"url": "prometheus:9090"}}), vec!["prometheus/url"]),
        (json!({"prometheus": {"timeoutMilliseconds": 0}}), vec!["prometheus/timeoutMilliseconds"]),
        (json!({"prometheus": {"headers": {"a b": "c"}}}), vec!["prometheus/headers"]),
        (json!({"prometheus": {"bearerToken": "secret"}}), vec!["prometheus", "bearerToken"]),
        (json!({"rollout": {"enabled": "yes"}}), vec!["rollout/enabled", "boolean"]),
        (json!({"page": {"enabled": "yes"}}), vec!["page/enabled", "boolean"]),
        (json!({"page": {"port": 8003}}), vec!["page", "port"]),
        (json!({"prometheus": {"sources": {"a": {"ulr": "http://a"}}}}), vec!["prometheus/sources/a", "ulr"]),
        (json!({"prometheus": {"sources": {"a": {"url": "a:9090"}}}}), vec!["prometheus/sources/a/url"]),
        (
            json!({"prometheus": {"sources": {"a": {"url": "http://a", "timeoutMilliseconds": 1}}}}),
            vec!["prometheus/sources/a/timeoutMilliseconds"],
        ),
        (json!({"prometheus": {"sources": {"A": {"url": "http://a"}}}}), vec!["prometheus/sources", "A"]),
        (
            json!({"prometheus": {"sources": {"default": {"url": "http://a"}}}}),
            vec!["prometheus.sources", "default", "prometheus.url"],
        ),
        (json!({"serviceMonitor": {"intervall": "5s"}}), vec!["serviceMonitor", "intervall"]),
        (json!({"serviceMonitor": {"interval": "often"}}), vec!["serviceMonitor/interval"]),
        (
            json!({"networkPolicy": {"probePorts": [{"protocol": "ICMP", "port": 1}]}}),
            vec!["networkPolicy/probePorts/0/protocol"],
        ),
        (json!({"networkPolicy": {"prometheusPorts": [65_536]}}), vec!["networkPolicy/prometheusPorts/0"]),
        (json!({"resources": {"limit": {}}}), vec!["resources", "limit"]),
        (json!({"resources": {"limits": {"memory": "much"}}}), vec!["resources/limits/memory"]),
        (json!({"podLabels": {"critical": true}}), vec!["podLabels/critical", "string"]),
        (json!({"tolerations": {"operator": "Exists"}}), vec!["tolerations", "array"]),
        (json!({"affinity": {"nodeAffinitty": {}}}), vec!["affinity", "nodeAffinitty"]),
        (json!({"extraEnv": [{"nam": "A"}]}), vec!["extraEnv/0"]),
        (json!({"extraVolumes": [{}]}), vec!["extraVolumes/0", "name"]),
        (json!({"backend": "flannel"}), vec!["backend", "kube-ovn"]),
        (json!({"shaper": {"enable": true}}), vec!["shaper", "enable"]),
        (json!({"shaper": {"serviceAccount": {"name": "Shaper"}}}), vec!["shaper/serviceAccount/name"]),
        (json!({"probe": {"mode": "Embedded"}}), vec!["probe", "mode"]),
        (json!({"probe": {"daemonSet": {"enabled": true}}}), vec!["probe/daemonSet/targets"]),
        (json!({"probe": {"daemonSet": {"targets": ["http://a"]}}}), vec!["probe/daemonSet/targets/0"]),
        (json!({"probe": {"daemonSet": {"timeout": "1"}}}), vec!["probe/daemonSet/timeout"]),
        (json!({"reflector": {"udpPorts": [0]}}), vec!["reflector/udpPorts/0"]),
        (json!({"reflector": {"service": {"type": "External"}}}), vec!["reflector/service/type"]),
        (json!({"restore": {"timeoutSeconds": 1}}), vec!["restore/timeoutSeconds"]),
        (json!({"selfTest": {"timeout": 1}}), vec!["selfTest", "timeout"]),
    ]
}

#[tokio::test]
async fn each_wrong_value_is_refused_with_a_message_that_names_it() {
    for (values, words) in wrong_values() {
        for helm in HELMS {
            let Err(Error::Program { stderr, .. }) = render(helm, &values).await else {
                panic!("{helm} takes {values}");
            };
            for word in &words {
                assert!(stderr.contains(word), "{helm}, {values}: {word} is not named in: {stderr}");
            }
        }
    }
}

#[tokio::test]
async fn each_value_has_its_place_in_the_schema_and_the_other_way_round() {
    let read =
        |file: &str| fs_err::read_to_string(in_repository(&format!("charts/flow-manager/{file}"))).unwrap();
    let values: Value = serde_saphyr::from_str(&read("values.yaml")).unwrap();
    let schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
    same_names("", &values, &schema);
}

/// Below what the schema leaves open there is nothing to compare.
fn same_names(path: &str, values: &Value, schema: &Value) {
    let (Some(values), Some(properties)) = (values.as_object(), schema["properties"].as_object()) else {
        return;
    };
    let known: Vec<_> = properties.keys().filter(|name| *name != "global").collect();
    let mut given: Vec<_> = values.keys().collect();
    given.sort();
    assert_eq!(given, known, "at {path:?}");
    for (name, value) in values {
        same_names(&format!("{path}/{name}"), value, &properties[name]);
    }
}

#[tokio::test]
async fn the_chart_passes_its_lint_and_its_score() {
    run::<&str>(&in_repository("tests/chart-lint.sh").to_string_lossy(), []).await.unwrap();
}
