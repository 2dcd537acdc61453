//! The committed `CustomResourceDefinition` is the one that the types generate.

#[test]
fn the_committed_crd_is_the_generated_one() {
    let committed = include_str!("../../../crds/flow.fustli.io_flowpolicies.yaml");
    assert!(
        flow_policy::crd_yaml().is_ok_and(|generated| generated == committed),
        "run `make generate` and commit crds/"
    );
}
