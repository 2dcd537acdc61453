//! The events of a watch, one line after the other.

use super::asked::Asked;
use super::fault::Fate;
use super::relay::Relay;
use axum::body::Bytes;
use futures::{Stream, StreamExt, stream};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::mpsc;

pub(super) type EventRule = Arc<dyn Fn(&Asked, &str) -> Fate + Send + Sync>;

type Sender = mpsc::Sender<io::Result<Bytes>>;

/// Passes the events of `body` on as the rule of each moment says.
pub(super) fn relay(
    relay: Arc<Relay>,
    asked: Asked,
    body: impl Stream<Item = reqwest::Result<Bytes>> + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> {
    let (sender, mut receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut closed = relay.closed.subscribe();
        tokio::select! {
            () = pass_on(&relay, &asked, body, &sender) => {}
            _ = closed.changed() => {}
            () = sender.closed() => {}
        }
    });
    stream::poll_fn(move |context| receiver.poll_recv(context))
}

async fn pass_on(
    relay: &Relay,
    asked: &Asked,
    body: impl Stream<Item = reqwest::Result<Bytes>>,
    sender: &Sender,
) {
    let (mut body, mut rest) = (pin!(body), Vec::new());
    while let Some(chunk) = body.next().await {
        let Ok(chunk) = chunk else {
            // Nobody listens any more, if this cannot be told.
            let _ = sender.send(chunk.map_err(io::Error::other)).await;
            return;
        };
        rest.extend_from_slice(&chunk);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            if !meet(relay, asked, line, sender).await {
                return;
            }
        }
    }
}

/// Lets one event meet its fate. Returns whether the watch goes on.
async fn meet(relay: &Relay, asked: &Asked, line: Vec<u8>, sender: &Sender) -> bool {
    let mut rules = relay.events.subscribe();
    loop {
        let rule = Arc::clone(&rules.borrow_and_update());
        match rule(asked, &String::from_utf8_lossy(&line)) {
            Fate::Pass => return sender.send(Ok(line.into())).await.is_ok(),
            Fate::Drop => return true,
            Fate::Instead(event) => return sender.send(Ok(format!("{event}\n").into())).await.is_ok(),
            Fate::Last(event) => {
                // The watch ends either way.
                let _ = sender.send(Ok(format!("{event}\n").into())).await;
                return false;
            }
            Fate::Hold => {
                if rules.changed().await.is_err() {
                    return false;
                }
            }
        }
    }
}
