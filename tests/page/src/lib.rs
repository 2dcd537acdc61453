//! A real browser for tests of the page: Debian's headless Chromium, driven through its chromedriver.

mod browser;
mod chromedriver;
mod error;

pub use browser::Browser;
pub use error::{Error, Result};
