//! Pages whose commands need no cluster show what comes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use flow_transcript::{Comparison, Place, check};
use std::fs::{Permissions, set_permissions, write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Only what the plugin is asked: whatever else needs a cluster.
const KUBECTL: &str = r#"#!/bin/sh
if [ "$1" != flowpolicy ]; then echo "there is no cluster"; exit 1; fi
shift
exec "$PLUGIN" "$@"
"#;

fn shows_what_comes(page: &str) {
    let programs = tempfile::tempdir().unwrap();
    let kubectl = programs.path().join("kubectl");
    write(&kubectl, KUBECTL.replace("$PLUGIN", env!("CARGO_BIN_EXE_kubectl-flowpolicy"))).unwrap();
    set_permissions(&kubectl, Permissions::from_mode(0o755)).unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let place = Place { folder: repository.clone(), programs: vec![programs.path().to_owned()] };
    check(&repository.join(page), &place, Comparison::Exact).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn try_a_policy_before_you_apply_it() {
    shows_what_comes("docs/simulate.md");
}

#[test]
fn how_to_tune() {
    shows_what_comes("docs/how-to/tune.md");
}
