use crate::{end_quietly, sample};
use flow_browser::Browser;

/// Texts whose colour is too close to what is behind them, by the measure of WCAG.
const FAINT: &str = "
    const channels = colour => colour.match(/[\\d.]+/g).map(Number);
    const light = colour => {
      const [red, green, blue] = channels(colour).map(it => it / 255).map(it => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4);
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const behind = node => {
      for (let it = node; it; it = it.parentElement) {
        const colour = getComputedStyle(it).backgroundColor;
        if ((channels(colour)[3] ?? 1) > 0) return colour;
      }
      return 'rgb(255, 255, 255)';
    };
    const ratio = node => {
      const style = getComputedStyle(node);
      const [one, other] = [light(node.ownerSVGElement ? style.fill : style.color), light(behind(node))];
      return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    };
    const hasText = node => [...node.childNodes].some(it => it.nodeType === 3 && it.data.trim()) && node.getClientRects().length;
    const nodes = [...document.body.querySelectorAll('*')].filter(hasText);
    const faint = nodes.filter(node => ratio(node) < 4.5).map(node => `${node.textContent} ${ratio(node)}`);
    return nodes.length < 40 ? [`only ${nodes.length} texts`] : faint;";
const IS_WIDE: &str = "document.documentElement.scrollWidth > window.innerWidth";

async fn robot() -> Browser {
    let browser = Browser::start().await.unwrap();
    browser.open(&sample::page().document(), "#factory/robot-control").await.unwrap();
    browser.until("document.querySelectorAll('figure').length === 4").await.unwrap();
    browser
}

#[tokio::test]
async fn every_text_is_readable_in_both_schemes() {
    let browser = robot().await;
    assert_eq!(browser.run::<Vec<String>>(FAINT).await.unwrap(), Vec::<String>::new());
    let light: String = browser.get("getComputedStyle(document.body).backgroundColor").await.unwrap();
    browser.prefer("prefers-color-scheme", "dark").await.unwrap();
    browser.until(&format!("getComputedStyle(document.body).backgroundColor !== '{light}'")).await.unwrap();
    assert_eq!(browser.run::<Vec<String>>(FAINT).await.unwrap(), Vec::<String>::new());
    browser.picture("dark").await.unwrap();
    end_quietly(browser, "file://").await;
}

#[tokio::test]
async fn a_narrow_window_does_not_scroll_sideways() {
    let browser = robot().await;
    browser.resize(360, 1400).await.unwrap();
    browser.until("document.querySelector('figure > svg').viewBox.baseVal.width < 360").await.unwrap();
    browser.run::<()>("document.querySelector('details.decisions').open = true").await.unwrap();
    assert!(!browser.get::<bool>(IS_WIDE).await.unwrap());
    let list: u32 = browser.get("document.querySelector('.decisions table').offsetHeight").await.unwrap();
    assert!(list < 900, "six decisions are {list} pixels high");
    browser.picture("narrow").await.unwrap();
    end_quietly(browser, "file://").await;
}

#[tokio::test]
async fn on_paper_the_tools_are_gone_and_the_charts_are_not() {
    let browser = robot().await;
    browser.prefer("prefers-color-scheme", "dark").await.unwrap();
    browser.as_printed().await.unwrap();
    browser.until("document.getElementById('tools').getClientRects().length === 0").await.unwrap();
    assert!(
        browser
            .get::<bool>("document.querySelector('figure > svg').getClientRects().length === 1")
            .await
            .unwrap()
    );
    assert_eq!(
        browser.get::<String>("getComputedStyle(document.body).backgroundColor").await.unwrap(),
        "rgb(255, 255, 255)"
    );
    end_quietly(browser, "file://").await;
}

#[tokio::test]
async fn who_prefers_stillness_is_not_scrolled_smoothly() {
    let browser = robot().await;
    let behaviour = "getComputedStyle(document.documentElement).scrollBehavior";
    browser.prefer("prefers-reduced-motion", "reduce").await.unwrap();
    browser.until(&format!("{behaviour} === 'auto'")).await.unwrap();
    browser.prefer("prefers-reduced-motion", "no-preference").await.unwrap();
    browser.until(&format!("{behaviour} === 'smooth'")).await.unwrap();
    end_quietly(browser, "file://").await;
}

/// Lines differ in kind, violations in pattern: see the picture.
#[tokio::test]
async fn charts_read_without_colour() {
    let browser = robot().await;
    let dashes = |kind: &str| format!("getComputedStyle(document.querySelector('{kind}')).strokeDasharray");
    let mut kinds = Vec::new();
    for kind in ["figure .limit", "figure .sent", "figure .bound"] {
        kinds.push(browser.get::<String>(&dashes(kind)).await.unwrap());
    }
    assert_eq!(kinds[0], "none");
    assert_ne!(kinds[1], kinds[2]);
    let fill: String =
        browser.get("getComputedStyle(document.querySelector('.violation')).fill").await.unwrap();
    assert!(fill.contains("#hatch"), "{fill}");
    browser.run::<()>("document.documentElement.style.filter = 'grayscale(1)'").await.unwrap();
    browser.picture("grayscale").await.unwrap();
    end_quietly(browser, "file://").await;
}
