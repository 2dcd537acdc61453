use super::*;
use axum::Router;
use axum::extract::RawQuery;
use axum::routing::get;
use futures::StreamExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio_util::task::AbortOnDropHandle;

/// A proxy before a server whose lists are numbered, and whose watch tells `one` and `two`, and then nothing.
struct Scene {
    proxy: Proxy,
    served: Arc<AtomicUsize>,
    _server: AbortOnDropHandle<()>,
}

impl Scene {
    async fn set() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = Arc::new(AtomicUsize::default());
        let counted = Arc::clone(&served);
        let answer = move |RawQuery(query): RawQuery| {
            let number = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                match query.unwrap_or_default() {
                    query if query.contains("watch=true") => {
                        let events = ["one\n", "tw", "o\n"].map(Ok::<_, std::io::Error>);
                        let forever = futures::stream::pending();
                        axum::body::Body::from_stream(futures::stream::iter(events).chain(forever))
                    }
                    query => axum::body::Body::from(format!("{number} {query}")),
                }
            }
        };
        let router = Router::new().route("/pods", get(answer.clone()).patch(answer));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let proxy = Proxy::start(Upstream::plain(&url).unwrap()).await.unwrap();
        Self { proxy, served, _server: AbortOnDropHandle::new(serving) }
    }

    async fn get(&self, query: &str) -> reqwest::Result<String> {
        reqwest::get(format!("{}/pods?{query}", self.proxy.url())).await?.text().await
    }

    async fn patch(&self) -> reqwest::Result<reqwest::Response> {
        reqwest::Client::new().patch(format!("{}/pods?fieldManager=me", self.proxy.url())).send().await
    }

    fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn requests_are_passed_on_and_noted() {
    let scene = Scene::set().await;
    assert_eq!(scene.get("limit=500").await.unwrap(), "0 limit=500");
    scene.patch().await.unwrap();
    let asked = scene.proxy.asked();
    assert_eq!(asked.iter().map(Asked::line).collect::<Vec<_>>(), ["GET /pods", "PATCH /pods"]);
    assert!(asked[0].is_list() && asked[0].is_about("pods") && !asked[0].is_watch());
    assert_eq!(scene.proxy.writes()[0].field_manager(), Some("me"));
}

#[tokio::test]
async fn a_write_is_cut_off_on_the_side_that_is_asked_for() {
    let scene = Scene::set().await;
    let cases: [(fn(_) -> _, _); 2] = [(Fault::Before, 0), (Fault::After, 1)];
    for (fault, reaches) in cases {
        let (calls, before) = (Arc::new(AtomicUsize::default()), scene.served());
        let counted = Arc::clone(&calls);
        let counting = hook(move || {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        scene.proxy.on_request(move |_| fault(Arc::clone(&counting)));
        assert!(scene.patch().await.is_err());
        assert_eq!((calls.load(Ordering::SeqCst), scene.served() - before), (1, reaches));
    }
}

#[tokio::test]
async fn answers_are_made_broken_off_refused_and_taken_from_the_past() {
    let scene = Scene::set().await;
    let first = scene.get("limit=500").await.unwrap();
    scene.proxy.on_request(|_| Fault::Old);
    assert_eq!(scene.get("limit=500").await.unwrap(), first);
    scene.proxy.on_request(|_| Fault::Query("resourceVersion=0".to_owned()));
    assert!(scene.get("limit=500").await.unwrap().ends_with("limit=500&resourceVersion=0"));
    scene.proxy.on_request(|_| Fault::Break(3));
    assert!(scene.get("limit=500").await.is_err());
    scene.proxy.on_request(|_| Fault::Refuse);
    assert!(scene.get("").await.is_err());
    scene.proxy.on_request(|_| Fault::Answer(Answer::refusal(410, "Expired")));
    assert!(scene.get("").await.unwrap().contains("\"code\":410"));
    scene.proxy.part();
    assert!(scene.get("").await.is_err());
    scene.proxy.heal();
    assert!(scene.get("").await.is_ok());
}

#[tokio::test]
async fn events_are_held_lost_and_replaced() {
    let scene = Scene::set().await;
    scene.proxy.on_event(|_, _| Fate::Hold);
    let watch = reqwest::get(format!("{}/pods?watch=true", scene.proxy.url())).await.unwrap();
    let mut watch = watch.bytes_stream();
    let held = tokio::time::timeout(Duration::from_millis(50), watch.next()).await;
    assert!(held.is_err(), "{held:?}");
    scene.proxy.on_event(|_, event| if event == "one\n" { Fate::Drop } else { Fate::Last("end".to_owned()) });
    assert_eq!(watch.next().await.unwrap().unwrap(), "end\n");
    assert!(watch.next().await.is_none());
}

#[tokio::test]
async fn watches_end_when_they_are_closed() {
    let scene = Scene::set().await;
    let watch = reqwest::get(format!("{}/pods?watch=true", scene.proxy.url())).await.unwrap();
    let mut watch = watch.bytes_stream();
    assert_eq!(watch.next().await.unwrap().unwrap(), "one\n");
    scene.proxy.close_watches();
    while let Some(event) = watch.next().await {
        assert_eq!(event.unwrap(), "two\n");
    }
}
