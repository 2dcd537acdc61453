//! The guide to building, by its headings.

use flow_e2e::kubectl::in_repository;

/// The blocks of commands below the heading of that name, in their order.
pub(crate) fn commands_of(heading: &str) -> Vec<String> {
    let sections = sections();
    let section = sections.into_iter().find(|(name, _)| name == heading);
    section.unwrap_or_else(|| panic!("the guide has no section {heading:?}")).1
}

/// Each heading and its blocks of commands.
pub(crate) fn sections() -> Vec<(String, Vec<String>)> {
    let text = fs_err::read_to_string(in_repository("docs/building.md")).unwrap();
    let sections = text.split("\n## ").skip(1);
    sections
        .map(|section| {
            let blocks = section.split("```").skip(1).step_by(2);
            let commands = blocks.filter_map(|block| block.strip_prefix("console\n")).map(str::to_owned);
            (section.lines().next().unwrap().to_owned(), commands.collect())
        })
        .collect()
}
