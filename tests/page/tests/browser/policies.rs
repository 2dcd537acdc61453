use crate::{end_quietly, sample};
use flow_browser::Browser;
use flow_page::State;
use thirtyfour::Key;

const OPEN: &str =
    "[...document.querySelectorAll('details.policy[open]')].map(it => it.querySelector('.name').textContent)";
const SHOWN: &str = "[...document.querySelectorAll('details.policy:not([hidden])')].map(it => it.querySelector('.name').textContent)";
const NAMES: [&str; 5] =
    ["backup/nightly", "factory/robot-control", "factory/scanner", "lab/telescope", "office/calls"];

async fn opened(hash: &str) -> Browser {
    let browser = Browser::start().await.unwrap();
    browser.open(&sample::page().document(), hash).await.unwrap();
    browser
}

async fn names(browser: &Browser, expression: &str) -> Vec<String> {
    browser.get(expression).await.unwrap()
}

#[tokio::test]
async fn the_worst_comes_first_and_only_it_is_open() {
    let browser = opened("").await;
    assert_eq!(names(&browser, SHOWN).await, NAMES);
    assert_eq!(names(&browser, OPEN).await, NAMES[..1]);
    let states: Vec<String> = browser
        .get("[...document.querySelectorAll('summary .state')].map(it => it.textContent)")
        .await
        .unwrap();
    assert_eq!(states, ["✘Invalid", "✘Violated", "?Unknown", "✔Met", "✔Clear"]);
    let why: String = browser.get("document.querySelector('.Violated .why').textContent").await.unwrap();
    assert_eq!(why, "command-jitter is 412us, above its bound of 150us; limits fall.");
    end_quietly(browser, "file://").await;
}

#[tokio::test]
async fn a_policy_is_opened_and_closed_by_click_and_by_keyboard() {
    let browser = opened("").await;
    browser.click(".policy.Violated > summary").await.unwrap();
    browser.until("document.querySelectorAll('.policy.Violated figure').length === 4").await.unwrap();
    browser.picture("wide").await.unwrap();
    browser.click(".policy.Violated > summary").await.unwrap();
    browser.until("document.querySelectorAll('.policy.Violated figure').length === 0").await.unwrap();
    // From the policy that was clicked on to the next.
    browser.press(Key::Tab).await.unwrap();
    browser.press(Key::Enter).await.unwrap();
    browser.until("document.querySelectorAll('.policy.Unknown figure').length === 3").await.unwrap();
    assert_eq!(names(&browser, OPEN).await, [NAMES[0], NAMES[2]]);
    browser.press(" ").await.unwrap();
    browser.until("document.querySelectorAll('.policy.Unknown figure').length === 0").await.unwrap();
    end_quietly(browser, "file://").await;
}

#[tokio::test]
async fn policies_are_found_by_name_reason_and_state() {
    let browser = opened("").await;
    browser.click("#filter").await.unwrap();
    browser.press("FACTORY").await.unwrap();
    assert_eq!(names(&browser, SHOWN).await, NAMES[1..3]);
    browser.press(" 40 s").await.unwrap();
    assert_eq!(names(&browser, SHOWN).await, NAMES[2..3]);
    browser.press(" nothing like it").await.unwrap();
    let empty: String = browser.get("document.getElementById('empty').textContent").await.unwrap();
    assert_eq!((names(&browser, SHOWN).await.len(), empty.as_str()), (0, "No policy is like that."));
    browser.run::<()>("const it = document.getElementById('filter'); it.value = ''; it.dispatchEvent(new Event('input'));").await.unwrap();
    browser.click("button[data-state=Met]").await.unwrap();
    browser.click("button[data-state=Clear]").await.unwrap();
    assert_eq!(names(&browser, SHOWN).await, NAMES[3..]);
    let shown: String = browser.get("document.getElementById('shown').textContent").await.unwrap();
    assert_eq!(shown, "2 of 5 shown");
    browser.click("button[data-state=Met]").await.unwrap();
    browser.click("button[data-state=Clear]").await.unwrap();
    assert_eq!(names(&browser, SHOWN).await, NAMES);
    end_quietly(browser, "file://").await;
}

#[tokio::test]
async fn a_link_opens_its_policy_and_scrolls_there() {
    let browser = Browser::start().await.unwrap();
    let policies = (0..60).map(|number| {
        sample::policy("factory", &format!("robot-{number}"), State::Met, "Every objective holds.")
    });
    let page = sample::of(policies.collect());
    browser.open(&page.document(), "#factory/robot-40").await.unwrap();
    let is_there = |name: &str| {
        format!(
            "(top => top > -5 && top < 300)([...document.querySelectorAll('details.policy[open]')]\
             .find(it => it.querySelector('.name').textContent === '{name}').getBoundingClientRect().top)"
        )
    };
    browser.until(&is_there("factory/robot-40")).await.unwrap();
    assert_eq!(names(&browser, OPEN).await, ["factory/robot-40"]);
    let link: String =
        browser.get("document.querySelector('.policy[open] .body > a').getAttribute('href')").await.unwrap();
    assert_eq!(link, "#factory/robot-40");
    browser.run::<()>("location.hash = '#factory/robot-7'").await.unwrap();
    browser.until(&is_there("factory/robot-7")).await.unwrap();
    end_quietly(browser, "file://").await;
}

#[tokio::test]
async fn of_five_hundred_policies_only_the_open_one_is_drawn() {
    let browser = Browser::start().await.unwrap();
    let policies =
        (0..500).map(|number| sample::policy("many", &format!("flow-{number}"), State::Met, "It holds."));
    browser.open(&sample::of(policies.collect()).document(), "").await.unwrap();
    browser.until("document.querySelectorAll('figure').length === 3").await.unwrap();
    browser.click("#filter").await.unwrap();
    browser.press("flow-499").await.unwrap();
    assert_eq!(names(&browser, SHOWN).await, ["many/flow-499"]);
    assert_eq!(browser.get::<u32>("document.querySelectorAll('figure').length").await.unwrap(), 3);
    end_quietly(browser, "file://").await;
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let browser = Browser::start().await.unwrap();
    browser.open(&sample::of(Vec::new()).document(), "").await.unwrap();
    let text = "document.querySelector('main').innerText.trim()";
    assert_eq!(browser.get::<String>(text).await.unwrap(), "There are no FlowPolicies.");
    let mut policy = sample::policy("lab", "new", State::Unknown, "Nothing is known yet.");
    policy.objectives[0].values.values.fill(None);
    policy.targets[0].limit.values.fill(None);
    policy.targets[0].sent.values.fill(None);
    policy.decisions.clear();
    browser.open(&sample::of(vec![policy]).document(), "").await.unwrap();
    browser.until("document.querySelectorAll('figure .empty').length === 2").await.unwrap();
    let captions =
        "[...document.querySelectorAll('figcaption')].map(it => it.innerText.replace(/\\s+/g, ' '))";
    let captions: Vec<String> = browser.get(captions).await.unwrap();
    assert!(captions[0].contains("last not measured"), "{captions:?}");
    assert!(
        captions[1].contains("limit last: no limit") && captions[1].contains("sent last: not known"),
        "{captions:?}"
    );
    end_quietly(browser, "file://").await;
}
