//! Every input that a fuzzer begins with, or that it found a fault with, goes through what it is for.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use flow_fuzz::TARGETS;
use std::collections::BTreeSet;
use std::path::PathBuf;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(name)
}

/// The names in a folder, without their endings.
fn names(of: &str) -> BTreeSet<String> {
    let entries = fs_err::read_dir(folder(of)).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn every_target_has_a_fuzzer_and_seeds() {
    let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("fuzz_targets"), targets);
    assert_eq!(names("seeds"), targets);
}

#[test]
fn every_property_holds_for_every_seed() {
    for (name, target) in TARGETS {
        let seeds: Vec<_> = fs_err::read_dir(folder("seeds").join(name)).unwrap().collect();
        assert!(seeds.len() >= 3, "{name} has {} seeds", seeds.len());
        for seed in seeds {
            let path = seed.unwrap().path();
            println!("{}", path.display());
            target(&fs_err::read(path).unwrap());
        }
    }
}
