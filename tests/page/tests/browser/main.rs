//! Clicks through the page as somebody would who looks for what is wrong.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod charts;
mod live;
mod looks;
mod names;
mod policies;
mod sample;

use flow_browser::Browser;

/// Fails where the console was told anything, or anything was asked for that does not begin with `own`.
async fn end_quietly(browser: Browser, own: &str) {
    assert_eq!(browser.console().await.unwrap(), Vec::<String>::new());
    let requests = browser.requests().await.unwrap();
    // The first is the document, the icon is within it.
    let is_own = |url: &String| url.starts_with(own) || url.starts_with("data:image/");
    assert!(requests.iter().any(|url| url.starts_with(own)) && requests.iter().all(is_own), "{requests:?}");
    browser.quit().await.unwrap();
}
