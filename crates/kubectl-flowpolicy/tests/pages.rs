//! Pages show what comes of commands that need no cluster.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use flow_transcript::{Comparison, Place, check, check_some};
use std::fs::{Permissions, set_permissions, write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

/// Only what the plugin is asked: whatever else needs a cluster.
const KUBECTL: &str = r#"#!/bin/sh
if [ "$1" != flowpolicy ]; then echo "there is no cluster"; exit 1; fi
shift
exec "$PLUGIN" "$@"
"#;

/// The plugin alone, as `kubectl flowpolicy`, in the checkout.
struct Offline {
    place: Place,
    _programs: TempDir,
}

impl Offline {
    fn new() -> Self {
        let programs = tempfile::tempdir().unwrap();
        let kubectl = programs.path().join("kubectl");
        write(&kubectl, KUBECTL.replace("$PLUGIN", env!("CARGO_BIN_EXE_kubectl-flowpolicy"))).unwrap();
        set_permissions(&kubectl, Permissions::from_mode(0o755)).unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        Self { place: Place { folder, programs: vec![programs.path().to_owned()] }, _programs: programs }
    }
}

fn shows_what_comes(page: &str) {
    let Offline { place, .. } = &Offline::new();
    check(&place.folder.join(page), place, Comparison::Exact).unwrap_or_else(|error| panic!("{error}"));
}

fn shows_what_a_simulation_prints(page: &str) {
    let Offline { place, .. } = &Offline::new();
    let is_simulation = |command: &str| command.starts_with("kubectl flowpolicy simulate");
    let number = check_some(&place.folder.join(page), place, is_simulation);
    assert_eq!(number.unwrap_or_else(|error| panic!("{error}")), 1);
}

#[test]
fn try_a_policy_before_you_apply_it() {
    shows_what_comes("docs/simulate.md");
}

#[test]
fn how_to_tune() {
    shows_what_comes("docs/how-to/tune.md");
}

#[test]
fn the_first_look_of_the_readme() {
    shows_what_a_simulation_prints("README.md");
}

#[test]
fn the_first_step_of_getting_started() {
    shows_what_a_simulation_prints("docs/getting-started.md");
}
