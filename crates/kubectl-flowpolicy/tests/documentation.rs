//! What the plugin points to is there.

use std::fs::{read_dir, read_to_string};
use std::io::Result;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(sources(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

/// Each `docs/NAME.md` or `docs/NAME.md#heading` in a text.
fn pointers(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "-.#/".contains(letter);
    text.split("docs/").skip(1).map(move |rest| {
        let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
        rest[..end].trim_end_matches('.')
    })
}

/// A heading as it stands in an address.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    heading.chars().filter(|letter| letter.is_alphanumeric() || "-_".contains(*letter)).collect()
}

#[test]
fn every_page_and_heading_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for source in sources(&root.join("src")).unwrap() {
        let text = read_to_string(&source).unwrap();
        for pointer in pointers(&text) {
            let (page, heading) = pointer.split_once('#').unwrap_or((pointer, ""));
            let page = read_to_string(root.join("../../docs").join(page))
                .unwrap_or_else(|error| panic!("{}: docs/{pointer}: {error}", source.display()));
            let mut headings = page.lines().filter(|line| line.starts_with('#')).map(anchor);
            let exists = heading.is_empty() || headings.any(|found| found == heading);
            assert!(exists, "{}: docs/{pointer} has no such heading", source.display());
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
}
