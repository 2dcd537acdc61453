//! The committed files are the ones that the types generate.

#[test]
fn the_committed_crd_is_the_generated_one() {
    let committed = include_str!("../../../crds/flow.fustli.io_flowpolicies.yaml");
    assert!(
        flow_policy::crd_yaml().is_ok_and(|generated| generated == committed),
        "run `make generate` and commit crds/"
    );
}

#[test]
fn the_committed_reference_is_the_generated_one() {
    let committed = include_str!("../../../docs/reference.md");
    assert_eq!(flow_policy::reference(), committed, "run `make generate` and commit docs/reference.md");
}

#[test]
fn the_committed_document_of_the_status_is_the_generated_one() {
    let committed = include_str!("../../../docs/status.md");
    assert_eq!(flow_policy::status_document(), committed, "run `make generate` and commit docs/status.md");
}
