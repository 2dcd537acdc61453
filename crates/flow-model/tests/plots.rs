//! The plots and the table in `docs/control` are what the model draws.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../examples/plots/document/mod.rs"]
mod document;

use std::collections::BTreeSet;

/// In bytes: documents are to be read on slow links, too.
const LARGEST: usize = 60_000;

#[test]
fn the_committed_plots_and_table_are_the_drawn_ones() {
    let (folder, drawn) = (document::folder(), document::files().unwrap());
    let is_stale = |file: &&document::File| {
        fs_err::read_to_string(folder.join(&file.name)).ok().as_ref() != Some(&file.text)
    };
    let stale: Vec<_> = drawn.iter().filter(is_stale).map(|file| &file.name).collect();
    assert!(
        stale.is_empty(),
        "run `cargo run -p flow-model --example plots` and commit docs/control: {stale:?} changed"
    );
    let entries = fs_err::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
    let there: BTreeSet<_> = entries.map(|name| name.into_string().unwrap()).collect();
    assert_eq!(
        there,
        drawn.iter().map(|file| file.name.clone()).collect(),
        "nothing else is in docs/control"
    );
    let large: Vec<_> =
        drawn.iter().filter(|file| file.text.len() > LARGEST).map(|file| &file.name).collect();
    assert!(large.is_empty(), "{large:?}");
}
