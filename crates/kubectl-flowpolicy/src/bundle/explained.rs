//! Why the limits of each policy are what they are, as `explain` and the operator's page tell it.

use super::collector::Collector;
use super::{Stopped, WIDTH};
use crate::explain;
use crate::installation::{Installation, Lead};
use crate::page::Reader;
use crate::policies::{PolicyView, Seen};
use flow_page::{Page, PolicyHistory};
use std::io::Write;
use std::time::Duration;

/// How long the operator's page is waited for: it has an hour of all policies.
const PATIENCE: Duration = Duration::from_secs(10);

/// What `explain` says of each policy, and what the operator's page shows of it.
pub(super) async fn of<W: Write>(
    to: &mut Collector<'_, W>,
    installation: &Installation,
    seen: &Seen,
) -> Result<(), Stopped> {
    let page = page(to, installation).await;
    let is_leaderless = Lead::is_missing(to.connection, installation).await;
    for policy in &seen.policies {
        let (name, page) = (policy.name(), page.as_ref().and_then(|page| of_one(page, policy)));
        if let Some(page) = &page {
            to.document(&format!("page/{name}.yaml"), page)?;
        }
        let text = explain::text(to.connection, policy, &seen.policies, page, is_leaderless, WIDTH).await;
        if let Some(text) = to.read(text) {
            let text = anstream::adapter::strip_str(&text).to_string();
            to.text(&format!("explain/{name}.txt"), &text)?;
        }
    }
    Ok(())
}

/// The operator's page, where it is on and may be reached.
async fn page<W: Write>(to: &mut Collector<'_, W>, installation: &Installation) -> Option<Page> {
    let page = Reader::new(to.connection, installation, None).read_within(PATIENCE).await;
    page.map_err(|problem| to.miss(format!("the operator's page: {problem}"))).ok()
}

/// The page with one policy alone, if that is on it.
fn of_one(page: &Page, policy: &PolicyView) -> Option<Page> {
    let Page { title, note, at, policies, tables: _ } = page;
    let is_it = |told: &&PolicyHistory| format!("{}/{}", told.namespace, told.name) == policy.name();
    let policies = vec![policies.iter().find(is_it)?.clone()];
    Some(Page { title: title.clone(), note: note.clone(), at: *at, policies, tables: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::fixture::{changed, page, violated};
    use serde_json::json;

    #[test]
    fn of_the_page_each_policy_has_its_own_part() {
        let mut all = page();
        let other = PolicyHistory { name: "cameras".to_owned(), ..all.policies[0].clone() };
        all.policies.insert(0, other);
        assert_eq!(of_one(&all, &violated()), Some(page()));
        let unknown = changed(|policy| policy["metadata"]["namespace"] = json!("office"));
        assert_eq!(of_one(&all, &unknown), None);
    }
}
