//! The page as an operator serves it.

use crate::{end_quietly, sample};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use flow_browser::Browser;
use flow_page::{CONTENT_SECURITY_POLICY, Page};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

/// What the operator does when it is asked.
#[derive(Clone)]
enum Does {
    Answer(Box<Page>),
    Refuse,
    Nothing,
}

#[derive(Clone)]
struct Operator(Arc<Mutex<Does>>);

impl Operator {
    fn now(&self, does: Does) {
        *self.0.lock().unwrap() = does;
    }
}

async fn shell() -> impl IntoResponse {
    let policy = [(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY.as_str())];
    (policy, Html(flow_page::live(Duration::from_secs(1))))
}

async fn data(State(operator): State<Operator>) -> Response {
    let does = operator.0.lock().unwrap().clone();
    match does {
        Does::Answer(page) => Json(page).into_response(),
        Does::Refuse => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Does::Nothing => std::future::pending().await,
    }
}

/// An operator, and where it listens.
async fn operator(page: Page) -> (Operator, String) {
    let operator = Operator(Arc::new(Mutex::new(Does::Answer(Box::new(page)))));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/flow/", listener.local_addr().unwrap());
    let router = Router::new().route("/", get(shell)).route("/page.json", get(data));
    let router = Router::new().nest("/flow", router.with_state(operator.clone())).route("/flow/", get(shell));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (operator, url)
}

fn changed(value: f64) -> Page {
    let mut page = sample::page();
    page.policies[1].objectives[0].values.values.pop();
    page.policies[1].objectives[0].values.values.push(Some(value));
    page
}

const FIRST: &str = "(document.querySelector('.policy[open] figcaption')?.innerText ?? '')";
const LINK: &str = "document.getElementById('link-state').textContent";

#[tokio::test]
async fn values_change_without_a_reload_and_leave_what_somebody_does_alone() {
    let (operator, url) = operator(changed(1e-3)).await;
    let browser = Browser::start().await.unwrap();
    browser.go(&format!("{url}#factory/robot-control")).await.unwrap();
    browser.until(&format!("{FIRST}.includes('now 1 ms')")).await.unwrap();
    browser.run::<()>("document.querySelector('details.decisions').open = true; window.same = true; window.scrollTo({top: 200, behavior: 'instant'})").await.unwrap();
    browser.run::<()>("document.querySelector('.mark').focus({preventScroll: true})").await.unwrap();
    let top: f64 =
        browser.get("document.querySelector('.policy[open]').getBoundingClientRect().top").await.unwrap();
    let mut page = changed(2e-3);
    // Another policy becomes the worst, and stands above.
    let worst = sample::policy("lab", "late", flow_page::State::Invalid, "spec.objectives: there is none.");
    page.policies.insert(0, worst);
    operator.now(Does::Answer(Box::new(page)));
    browser.until(&format!("{FIRST}.includes('now 2 ms')")).await.unwrap();
    assert_eq!(browser.get::<u32>("document.querySelectorAll('.policy').length").await.unwrap(), 6);
    assert!(
        browser.get::<bool>("window.same && document.querySelector('details.decisions').open").await.unwrap()
    );
    let focused: String = browser.get("document.activeElement.getAttribute('aria-label')").await.unwrap();
    assert!(focused.contains("QueueGrows"), "{focused}");
    let after: f64 =
        browser.get("document.querySelector('.policy[open]').getBoundingClientRect().top").await.unwrap();
    assert!((after - top).abs() < 2.0, "{top} {after}");
    browser.until(&format!("{LINK}.startsWith('✔ Live')")).await.unwrap();
    browser.picture("live").await.unwrap();
    end_quietly(browser, &url).await;
}

#[tokio::test]
async fn an_operator_that_does_not_answer_is_told_and_its_last_answer_stays() {
    let (operator, url) = operator(changed(1e-3)).await;
    let browser = Browser::start().await.unwrap();
    browser.go(&format!("{url}#factory/robot-control")).await.unwrap();
    browser.until(&format!("{LINK}.startsWith('✔ Live')")).await.unwrap();
    operator.now(Does::Refuse);
    browser.until(&format!("{LINK}.includes('The operator has answered 503 since ')")).await.unwrap();
    assert!(browser.get::<bool>(&format!("{FIRST}.includes('now 1 ms')")).await.unwrap());
    browser.until("/^[1-9]\\d* s ago$/.test(document.getElementById('age').textContent)").await.unwrap();
    browser.picture("silent").await.unwrap();
    operator.now(Does::Nothing);
    browser.until(&format!("{LINK}.includes('The operator has not answered since ')")).await.unwrap();
    operator.now(Does::Answer(Box::new(changed(3e-3))));
    browser.until(&format!("{FIRST}.includes('now 3 ms')")).await.unwrap();
    browser.until(&format!("{LINK}.startsWith('✔ Live')")).await.unwrap();
    let told = browser.console().await.unwrap();
    let others: Vec<_> = told.iter().filter(|line| !line.contains("/flow/page.json")).collect();
    assert!(!told.is_empty() && others.is_empty(), "{told:?}");
    end_quietly(browser, &url).await;
}

#[tokio::test]
async fn before_the_first_answer_the_page_says_what_it_waits_for() {
    let (operator, url) = operator(sample::page()).await;
    operator.now(Does::Refuse);
    let browser = Browser::start().await.unwrap();
    browser.go(&url).await.unwrap();
    browser.until(&format!("{LINK}.endsWith('Nothing is known yet.')")).await.unwrap();
    operator.now(Does::Answer(Box::new(sample::page())));
    browser.until("document.querySelectorAll('.policy').length === 5").await.unwrap();
    browser.quit().await.unwrap();
}
