//! The operator's page through a forwarded port, from an API server and controllers of the test.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use flow_page::Page;
use futures::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use kubectl_flowpolicy::connection::{Connection, Flags};
use kubectl_flowpolicy::dashboard::Carrier;
use kubectl_flowpolicy::installation::Installation;
use kubectl_flowpolicy::page::{Reader, find};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

/// The port of the page, as the pods say.
const PORT: u16 = 8002;

/// A cluster whose controllers each serve a page with their own name as its title.
#[derive(Default)]
struct Cluster {
    leader: Mutex<String>,
    forwards: AtomicUsize,
    /// Ends what is forwarded.
    gone: Notify,
}

async fn listen(router: Router) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    port
}

async fn lease(State(cluster): State<Arc<Cluster>>) -> Json<Value> {
    let renewed = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string();
    let holder = cluster.leader.lock().unwrap().clone();
    let spec = json!({"holderIdentity": holder, "renewTime": renewed, "leaseDurationSeconds": 60});
    Json(json!({"metadata": {"name": "flow-manager"}, "spec": spec}))
}

async fn pod(Path(name): Path<String>) -> Json<Value> {
    let containers = json!([{"name": "flow-manager", "ports": [{"name": "page", "containerPort": PORT}]}]);
    Json(json!({"metadata": {"name": name}, "spec": {"containers": containers}}))
}

async fn portforward(
    State(cluster): State<Arc<Cluster>>,
    Path(name): Path<String>,
    mut request: Request,
) -> Response {
    cluster.forwards.fetch_add(1, Ordering::SeqCst);
    let accept = derive_accept_key(request.headers()[SEC_WEBSOCKET_KEY].as_bytes());
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let upgraded = TokioIo::new(upgrade.await.unwrap());
        let socket = WebSocketStream::from_raw_socket(upgraded, Role::Server, None).await;
        tokio::select! {
            () = relay(socket, name) => {}
            () = cluster.gone.notified() => {}
        }
    });
    let head = Response::builder().status(101).header(CONNECTION, "Upgrade").header(UPGRADE, "websocket");
    let head = head.header(SEC_WEBSOCKET_ACCEPT, accept).header(SEC_WEBSOCKET_PROTOCOL, "v4.channel.k8s.io");
    head.body(Body::empty()).unwrap()
}

/// Carries channel 0 of a forwarded port to a controller of that name, as a kubelet does.
async fn relay(mut socket: WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>, name: String) {
    let page = json!({"title": name, "note": null, "at": 0, "policies": []});
    let served = listen(Router::new().route("/page.json", get(async move || Json(page)))).await;
    let mut stream = TcpStream::connect(("127.0.0.1", served)).await.unwrap();
    for channel in 0..2 {
        let [low, high] = PORT.to_le_bytes();
        socket.send(Message::binary(vec![channel, low, high])).await.unwrap();
    }
    let mut buffer = [0; 4096];
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Binary(data))) if data[0] == 0 => stream.write_all(&data[1..]).await.unwrap(),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            read = stream.read(&mut buffer) => match read {
                Ok(0) | Err(_) => return,
                Ok(length) => {
                    let data = [&[0], &buffer[..length]].concat();
                    if socket.send(Message::binary(data)).await.is_err() {
                        return;
                    }
                }
            },
        }
    }
}

async fn cluster(leader: &str) -> (Arc<Cluster>, Connection) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cluster = Arc::new(Cluster { leader: Mutex::new(leader.to_owned()), ..Cluster::default() });
    let pods = "/api/v1/namespaces/flow-manager-system/pods/{name}";
    let leases = "/apis/coordination.k8s.io/v1/namespaces/flow-manager-system/leases/flow-manager";
    let router = Router::new()
        .route(leases, get(lease))
        .route(pods, get(pod))
        .route(&format!("{pods}/portforward"), get(portforward))
        .with_state(Arc::clone(&cluster));
    let kubeconfig = tempfile::NamedTempFile::new().unwrap();
    let server = format!("http://127.0.0.1:{}", listen(router).await);
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": {"server": server}}],
        "users": [{"name": "test", "user": {}}],
    });
    std::fs::write(kubeconfig.path(), text.to_string()).unwrap();
    let flags = Flags {
        kubeconfig: Some(kubeconfig.path().to_owned()),
        request_timeout: Duration::from_secs(10),
        ..Flags::default()
    };
    let connection = Connection::new(flags);
    connection.namespace().await.unwrap();
    (cluster, connection)
}

fn installation() -> Installation {
    Installation { system_namespace: "flow-manager-system".to_owned(), release: "flow-manager".to_owned() }
}

fn title(page: Option<Page>) -> Option<String> {
    page.map(|page| page.title)
}

#[tokio::test]
async fn it_is_read_again_over_one_connection_and_from_the_next_leader_once_that_is_gone() {
    let (cluster, connection) = cluster("manager-a").await;
    let installation = installation();
    let mut reader = Reader::new(&connection, &installation, Some(("factory", "robot")));
    for _ in 0..3 {
        assert_eq!(title(reader.read().await).as_deref(), Some("manager-a"));
    }
    let patient = reader.read_within(Duration::from_secs(10)).await;
    assert_eq!(title(patient.ok()).as_deref(), Some("manager-a"));
    assert_eq!(cluster.forwards.load(Ordering::SeqCst), 1);
    *cluster.leader.lock().unwrap() = "manager-b".to_owned();
    cluster.gone.notify_waiters();
    assert_eq!(title(reader.read().await).as_deref(), Some("manager-b"));
    assert_eq!(cluster.forwards.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn each_connection_is_carried_to_who_leads_then_and_a_change_is_told_once() {
    let (cluster, connection) = cluster("manager-a").await;
    let installation = installation();
    let leader = find(&connection, &installation).await.unwrap();
    let carrier = Carrier::new(&connection, &installation, leader);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/page.json", listener.local_addr().unwrap());
    // A client of its own has a connection of its own.
    let read = async || {
        let answer = reqwest::Client::new().get(&url).send().await.unwrap();
        serde_json::from_slice::<Page>(&answer.bytes().await.unwrap()).unwrap().title
    };
    let said = Mutex::new(Vec::new());
    let say = |line: &str| said.lock().unwrap().push(line.to_owned());
    let browsing = async {
        assert_eq!(read().await, "manager-a");
        *cluster.leader.lock().unwrap() = "manager-b".to_owned();
        assert_eq!((read().await, read().await), ("manager-b".to_owned(), "manager-b".to_owned()));
    };
    tokio::select! {
        () = carrier.carry(&listener, &say) => {}
        () = browsing => {}
    }
    assert_eq!(*said.lock().unwrap(), ["manager-b leads now, no longer manager-a"]);
}
