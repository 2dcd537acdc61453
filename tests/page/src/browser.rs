use crate::chromedriver::Chromedriver;
use crate::{Error, Result};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use thirtyfour::prelude::*;
use thirtyfour::{ChromeCapabilities, LoggingPrefsLogLevel};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where screenshots go.
const PICTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/page");

/// A browser with a profile of its own. It ends with this, also where a test fails.
pub struct Browser {
    driver: WebDriver,
    _chromedriver: Chromedriver,
    folder: TempDir,
}

impl Browser {
    /// Starts one, 1280 pixels wide, which reaches nobody but this machine.
    pub async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let chromedriver = Chromedriver::start(folder.path())?;
        let driver = WebDriver::new(chromedriver.url(), capabilities(folder.path())?).await?;
        let browser = Self { driver, _chromedriver: chromedriver, folder };
        browser.resize(1280, 900).await?;
        Ok(browser)
    }

    /// Opens a document from a file; `hash` is what follows its URL, such as `#factory/robot`.
    pub async fn open(&self, document: &str, hash: &str) -> Result<()> {
        let path = self.folder.path().join("page.html");
        fs_err::write(&path, document)?;
        self.go(&format!("file://{}{hash}", path.display())).await
    }

    /// Opens a URL.
    pub async fn go(&self, url: &str) -> Result<()> {
        Ok(self.driver.goto(url).await?)
    }

    /// What an expression of JavaScript is in the page.
    pub async fn get<T: DeserializeOwned>(&self, expression: &str) -> Result<T> {
        self.run(&format!("return {expression};")).await
    }

    /// What a script returns.
    pub async fn run<T: DeserializeOwned>(&self, script: &str) -> Result<T> {
        Ok(self.driver.execute(script, Vec::new()).await?.convert()?)
    }

    /// Waits until an expression of JavaScript is true. Fails with what it was last.
    pub async fn until(&self, condition: &str) -> Result<()> {
        let begun = Instant::now();
        loop {
            let seen: Value = self.get(condition).await?;
            if seen == json!(true) {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                let (condition, seen) = (condition.to_owned(), seen.to_string());
                return Err(Error::TimedOut { seconds: PATIENCE.as_secs(), condition, seen });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Clicks on the first element of a CSS selector.
    pub async fn click(&self, selector: &str) -> Result<()> {
        Ok(self.driver.find(By::Css(selector)).await?.click().await?)
    }

    /// Moves the pointer onto the first element of a CSS selector.
    pub async fn hover(&self, selector: &str) -> Result<()> {
        let element = self.driver.find(By::Css(selector)).await?;
        Ok(self.driver.action_chain().move_to_element_center(&element).perform().await?)
    }

    /// Types where the focus is; [`Key`] has keys without letters.
    pub async fn press(&self, keys: impl Into<TypingData>) -> Result<()> {
        Ok(self.driver.action_chain().send_keys(keys).perform().await?)
    }

    /// Makes the window so many pixels large.
    pub async fn resize(&self, width: u32, height: u32) -> Result<()> {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.ask("Emulation.setDeviceMetricsOverride", size).await
    }

    /// Answers media queries, such as `prefers-color-scheme`, with `value`.
    pub async fn prefer(&self, feature: &str, value: &str) -> Result<()> {
        self.ask("Emulation.setEmulatedMedia", json!({"features": [{"name": feature, "value": value}]})).await
    }

    /// Shows the page as it is printed.
    pub async fn as_printed(&self) -> Result<()> {
        self.ask("Emulation.setEmulatedMedia", json!({"media": "print"})).await
    }

    async fn ask(&self, method: &str, parameters: Value) -> Result<()> {
        self.driver.cdp().send_raw(method, parameters).await?;
        Ok(())
    }

    /// Writes what the window shows into `target/page`.
    pub async fn picture(&self, name: &str) -> Result<()> {
        fs_err::create_dir_all(PICTURES)?;
        Ok(self.driver.screenshot(&Path::new(PICTURES).join(name).with_extension("png")).await?)
    }

    /// What the console was told since this was last asked: errors, warnings and what the page may not do.
    pub async fn console(&self) -> Result<Vec<String>> {
        let entries = self.driver.get_log("browser").await?;
        Ok(entries.into_iter().map(|entry| format!("{} {}", entry.level, entry.message)).collect())
    }

    /// The URLs that were asked for since this was last asked; not the browser's own, such as those of its first tab.
    pub async fn requests(&self) -> Result<Vec<String>> {
        let entries = self.driver.get_log("performance").await?;
        let events: Vec<Value> =
            entries.iter().map(|entry| serde_json::from_str(&entry.message)).collect::<Result<_, _>>()?;
        let sent = json!("Network.requestWillBeSent");
        let sent = events.iter().filter(|event| event.pointer("/message/method") == Some(&sent));
        let urls = sent.filter_map(|event| event.pointer("/message/params/request/url")?.as_str());
        Ok(urls.filter(|url| !url.starts_with("chrome://")).map(str::to_owned).collect())
    }

    /// Ends it.
    pub async fn quit(self) -> Result<()> {
        Ok(self.driver.clone().quit().await?)
    }
}

impl Drop for Browser {
    /// Chromedriver takes the browser along; thirtyfour would wait for both.
    fn drop(&mut self) {
        let _ = self.driver.clone().leak();
    }
}

fn capabilities(profile: &Path) -> Result<ChromeCapabilities> {
    let mut capabilities = DesiredCapabilities::chrome();
    let profile = format!("--user-data-dir={}", profile.join("profile").display());
    let flags = [
        "--headless=new",
        // Tests run as root, as which the sandbox does not start.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--lang=en-GB",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        profile.as_str(),
    ];
    for flag in flags {
        capabilities.add_arg(flag)?;
    }
    capabilities.set_logging_prefs("browser", LoggingPrefsLogLevel::All)?;
    capabilities.set_logging_prefs("performance", LoggingPrefsLogLevel::All)?;
    Ok(capabilities)
}
