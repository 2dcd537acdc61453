//! What is committed as generated is what is generated.

use flow_e2e::kubectl::in_repository;
use flow_e2e::program::run;

const CRD: &str = "crds/flow.fustli.io_flowpolicies.yaml";

fn read(file: &str) -> String {
    fs_err::read_to_string(in_repository(file)).unwrap()
}

#[tokio::test]
async fn the_manifests_are_rendered_from_the_chart() {
    let place = std::env::temp_dir().join(format!("manifests-{}", std::process::id()));
    fs_err::create_dir_all(&place).unwrap();
    let render = in_repository("manifests/render.sh");
    run(&render.to_string_lossy(), [&place]).await.unwrap();
    let names = ["crds", "flow_manager_rbac", "flow-manager-configmap", "flow-manager", "restore"];
    for name in names.map(|name| format!("{name}.yaml")) {
        let rendered = fs_err::read_to_string(place.join(&name)).unwrap();
        assert!(rendered == read(&format!("manifests/{name}")), "manifests/{name}: run `make generate`");
    }
    fs_err::remove_dir_all(&place).unwrap();
}

#[test]
fn the_chart_and_the_manifests_carry_the_definition_as_it_is() {
    for copy in ["charts/flow-manager/files/crds/flow.fustli.io_flowpolicies.yaml", "manifests/crds.yaml"] {
        assert!(read(copy) == read(CRD), "{copy}: run `make generate`");
    }
}

#[tokio::test]
async fn the_charts_readme_is_written_from_its_values() {
    let root = in_repository("charts");
    let arguments = ["--chart-search-root", &root.to_string_lossy(), "--dry-run", "--log-level", "warn"];
    let written = run("helm-docs", arguments).await.unwrap();
    assert!(written.trim() == read("charts/flow-manager/README.md").trim(), "run `make generate`");
}

#[tokio::test]
async fn the_kustomization_takes_in_every_manifest_that_is_needed() {
    let built = run("kubectl", ["kustomize", &in_repository("manifests").to_string_lossy()]).await.unwrap();
    let objects = ["crds", "flow_manager_rbac", "flow-manager-configmap", "flow-manager"];
    let text: String = objects.map(|name| read(&format!("manifests/{name}.yaml"))).concat();
    let count = |text: &str| text.lines().filter(|line| line.starts_with("kind: ")).count();
    assert_eq!(count(&built), count(&text));
}
