//! The routes, asked without a socket.

use super::*;
use crate::clock::Clock;
use crate::history::History;
use crate::report::fixture::{cut, id, well};
use crate::report::{Snapshot, Standing};
use axum::body::Body;
use axum::http::Request;
use flow_page::{Page, State as Standing_};
use std::net::{IpAddr, Ipv4Addr};
use tokio::time::advance;
use tower::ServiceExt;

/// A page over a history with one violated policy.
struct Stage {
    recorder: Recorder,
    history: Arc<History>,
    leader: watch::Sender<Leader>,
    router: Router,
}

impl Stage {
    fn set(guard: Guard) -> Self {
        let (recorder, leader) = (Recorder::new(Clock::start()), watch::Sender::new(Leader::Us));
        let history = recorder.begin();
        let router = router(guard, recorder.clone(), leader.subscribe());
        let stage = Self { recorder, history, leader, router };
        stage.report("robot", cut(412e-6, 80, 1));
        stage
    }

    fn report(&self, name: &str, snapshot: Snapshot) {
        self.history.stands(&id(name), &Arc::new(Standing::Running(snapshot)));
    }

    async fn ask(&self, method: &str, path: &str, hosts: &[&str]) -> Response {
        let mut request = Request::builder().method(method).uri(path);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        self.ask("GET", path, &["localhost:8003"]).await
    }

    async fn page(&self, path: &str) -> Page {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        serde_json::from_str(&text(response).await).unwrap()
    }

    async fn names(&self, path: &str) -> Vec<String> {
        self.page(path).await.policies.into_iter().map(|policy| policy.name).collect()
    }
}

async fn text(response: Response) -> String {
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn the_page_shows_the_policy_with_its_limit_and_what_was_decided() {
    let page = Stage::set(Guard::Local).page("/page.json").await;
    assert_eq!((page.title.as_str(), page.note.as_deref()), ("flow-manager", None));
    let [policy] = &page.policies[..] else { panic!("{page:?}") };
    assert_eq!((policy.name.as_str(), policy.state), ("robot", Standing_::Violated));
    assert_eq!(policy.targets[0].limit.values.last(), Some(&Some(80e6)));
    assert_eq!(policy.decisions[0].decision, "Decrease");
}

#[tokio::test]
async fn every_answer_tells_browsers_to_let_no_other_site_use_it() {
    let stage = Stage::set(Guard::Local);
    for (path, hosts) in [
        ("/", ["localhost"]),
        ("/page.json", ["localhost"]),
        ("/other", ["localhost"]),
        ("/page.json", ["a.example"]),
    ] {
        let response = stage.ask("GET", path, &hosts).await;
        let headers = response.headers();
        assert_eq!(
            headers[header::CONTENT_SECURITY_POLICY],
            flow_page::CONTENT_SECURITY_POLICY.as_str(),
            "{path}"
        );
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(headers[header::REFERRER_POLICY], "no-referrer", "{path}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store", "{path}");
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin", "{path}");
        assert!(!headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{path}");
    }
}

#[tokio::test]
async fn the_shell_is_html_and_there_is_nothing_else() {
    let stage = Stage::set(Guard::Local);
    let response = stage.get("/").await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
    assert_eq!(text(response).await, flow_page::live(super::REFRESH));
    for path in ["/index.html", "/page.json/", "/metrics", "//"] {
        assert_eq!(stage.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        for path in ["/", "/page.json"] {
            let status = stage.ask(method, path, &["localhost"]).await.status();
            assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        }
    }
    assert_eq!(stage.get("/page.json?name=a&name=b").await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn names_of_this_machine_are_answered_and_no_others() {
    let stage = Stage::set(Guard::Local);
    for host in
        ["localhost", "localhost:8003", "LocalHost:80", "127.0.0.1:41234", "127.0.0.1", "[::1]:8003", "[::1]"]
    {
        assert_eq!(stage.ask("GET", "/page.json", &[host]).await.status(), StatusCode::OK, "{host}");
    }
    for host in [
        "a.example",
        "localhost.a.example:8003",
        "localhost@a.example",
        "10.0.0.7:8003",
        "",
        "::1",
        "local host",
    ] {
        for path in ["/", "/page.json", "/other"] {
            let response = stage.ask("GET", path, &[host]).await;
            assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST, "{host} {path}");
            assert!(text(response).await.contains("localhost"));
        }
    }
    for hosts in [&[][..], &["localhost", "a.example"]] {
        assert_eq!(stage.ask("GET", "/", hosts).await.status(), StatusCode::MISDIRECTED_REQUEST);
    }
}

#[tokio::test]
async fn where_everybody_may_ask_any_name_does() {
    let lan = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8003));
    assert_eq!(Guard::of(lan), Guard::Open);
    assert_eq!(Guard::of("[::1]:8003".parse().unwrap()), Guard::Local);
    let stage = Stage::set(Guard::Open);
    assert_eq!(stage.ask("GET", "/page.json", &["flow.a.example"]).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn policies_are_chosen_by_namespace_and_name() {
    let stage = Stage::set(Guard::Local);
    stage.report("camera", well());
    assert_eq!(stage.names("/page.json").await, ["robot", "camera"]);
    assert_eq!(stage.names("/page.json?name=camera").await, ["camera"]);
    assert_eq!(stage.names("/page.json?namespace=factory&name=robot").await, ["robot"]);
    assert_eq!(stage.names("/page.json?namespace=lab").await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn however_many_ask_the_page_is_made_once_a_second() {
    let stage = Stage::set(Guard::Local);
    let ask = |_| stage.names("/page.json");
    let first = futures::future::join_all((0..10).map(ask)).await;
    assert!(first.iter().all(|names| *names == ["robot"]), "{first:?}");
    stage.report("camera", well());
    assert_eq!(stage.names("/page.json").await, ["robot"], "it is the one of before");
    assert_eq!(stage.names("/page.json?name=camera").await, ["camera"], "that is another page");
    advance(REFRESH).await;
    assert_eq!(stage.names("/page.json").await, ["robot", "camera"]);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_lead_shows_nothing_but_who_does() {
    let stage = Stage::set(Guard::Local);
    for (leader, note) in [
        (Leader::Other("flow-manager-b".into()), "this controller stands by: flow-manager-b leads"),
        (Leader::Unknown, "this controller does not lead, and does not know who does"),
    ] {
        stage.leader.send_replace(leader);
        let page = stage.page("/page.json").await;
        assert!(page.note.as_deref().unwrap().starts_with(note), "{:?}", page.note);
        assert!(page.policies.is_empty());
        advance(REFRESH).await;
    }
    stage.leader.send_replace(Leader::Us);
    let Stage { recorder, history, .. } = stage;
    drop(history);
    let page = feed::page(&recorder, &Leader::Us, &Choice::default(), jiff::Timestamp::now());
    assert!(page.note.unwrap().contains("just begun") && page.policies.is_empty());
}

#[tokio::test]
async fn an_address_that_cannot_be_had_names_the_flag() {
    let place = Place::bind(SocketAddr::from((IpAddr::V4(Ipv4Addr::LOCALHOST), 0))).await.unwrap();
    let error = Place::bind(place.address).await.err().unwrap().to_string();
    assert!(error.starts_with(&format!("--page {}: ", place.address)), "{error}");
}
