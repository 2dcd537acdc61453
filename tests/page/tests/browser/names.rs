use crate::{end_quietly, sample};
use flow_browser::Browser;
use flow_page::{State, Table};

const HOSTILE: [&str; 3] = [
    "<img src=x onerror=\"window.hacked=1\">",
    "</script><script>window.hacked=1</script>",
    "\"><svg onload=window.hacked=1>&lt;!--",
];

#[tokio::test]
async fn what_tenants_write_is_text_and_runs_nothing() {
    let browser = Browser::start().await.unwrap();
    let mut policy = sample::policy(HOSTILE[0], HOSTILE[1], State::Met, HOSTILE[2]);
    HOSTILE[0].clone_into(&mut policy.objectives[0].name);
    HOSTILE[1].clone_into(&mut policy.targets[0].name);
    for mark in &mut policy.decisions {
        HOSTILE[1].clone_into(&mut mark.message);
        HOSTILE[0].clone_into(&mut mark.reason);
    }
    let rows = vec![vec![HOSTILE[0].to_owned()]];
    let mut page = sample::of(vec![policy]);
    page.note = Some(HOSTILE[1].to_owned());
    page.title = HOSTILE[0].to_owned();
    page.tables = vec![Table { title: HOSTILE[1].to_owned(), columns: vec![HOSTILE[2].to_owned()], rows }];
    browser.open(&page.document(), "").await.unwrap();
    browser.until("document.querySelectorAll('figure').length === 3").await.unwrap();
    let text: String = browser.get("document.body.innerText").await.unwrap();
    for hostile in HOSTILE {
        assert!(text.matches(hostile).count() >= 2, "{hostile} in {text}");
    }
    assert_eq!(
        browser.get::<u32>("document.querySelectorAll('img, script:not([type])').length").await.unwrap(),
        1
    );
    assert!(browser.get::<bool>("window.hacked === undefined").await.unwrap());
    end_quietly(browser, "file://").await;
}

#[tokio::test]
async fn a_script_or_style_that_got_in_would_not_run() {
    let browser = Browser::start().await.unwrap();
    let intruder = "<script>window.hacked = 1</script><style>h1 { color: red }</style>";
    let document = sample::page().document().replace("<main>", &format!("<main>{intruder}"));
    browser.open(&document, "").await.unwrap();
    assert!(browser.get::<bool>("window.hacked === undefined").await.unwrap());
    assert_ne!(
        browser.get::<String>("getComputedStyle(document.querySelector('h1')).color").await.unwrap(),
        "rgb(255, 0, 0)"
    );
    let told = browser.console().await.unwrap();
    assert_eq!(told.iter().filter(|line| line.contains("Content Security Policy")).count(), 2, "{told:?}");
    browser.quit().await.unwrap();
}
