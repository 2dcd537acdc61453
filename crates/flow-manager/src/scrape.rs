//! What a scrape is answered, piece by piece: the series of 10,000 policies are tens of megabytes.

use axum::body::Body;
use futures::stream;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::registry::Registry;
use std::convert::Infallible;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

/// How long a piece is.
const PIECE_BYTES: usize = 64 << 10;
/// How many pieces wait for their reader.
const WAITING: usize = 2;
/// How long a reader may take for a piece. One that takes longer gets no more.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many readers are served at the same time.
const READERS: usize = 4;

/// The metrics of a process.
pub(crate) struct Exposition {
    /// Those that are few. Their locks are not held while somebody reads.
    few: Registry,
    /// Those that may be many, and hold no lock while they are encoded.
    many: Registry,
    readers: Arc<Semaphore>,
    patience: Duration,
}

impl Exposition {
    pub(crate) fn new(few: Registry, many: Registry) -> Self {
        Self { few, many, readers: Arc::new(Semaphore::new(READERS)), patience: PATIENCE }
    }

    /// The body of an answer. If it ends early, it lacks its last line.
    pub(crate) async fn body(self: Arc<Self>) -> Body {
        let (sender, pieces) = mpsc::channel(WAITING);
        // The semaphore is never closed.
        let reader = Arc::clone(&self.readers).acquire_owned().await;
        let (text, runtime, patience) = (String::new(), Handle::current(), self.patience);
        let mut out = Pieces { text, sender, runtime, patience };
        // Encoding takes long, and waits for the reader: no decision may wait with it.
        tokio::task::spawn_blocking(move || {
            let _reader = reader;
            if self.encode(&mut out).is_err() {
                tracing::warn!("a scrape of the metrics was not read to its end");
            }
        });
        let next = |mut pieces: mpsc::Receiver<String>| async {
            pieces.recv().await.map(|piece| (Ok::<_, Infallible>(piece), pieces))
        };
        Body::from_stream(stream::unfold(pieces, next))
    }

    fn encode(&self, pieces: &mut Pieces) -> fmt::Result {
        let mut few = String::new();
        encode_registry(&mut few, &self.few)?;
        pieces.write_str(&few)?;
        encode_registry(pieces, &self.many)?;
        encode_eof(pieces)?;
        pieces.send()
    }
}

/// Takes text, and passes it on in pieces.
struct Pieces {
    text: String,
    sender: mpsc::Sender<String>,
    runtime: Handle,
    patience: Duration,
}

impl Pieces {
    fn send(&mut self) -> fmt::Result {
        let sent = self.sender.send(std::mem::take(&mut self.text));
        match self.runtime.block_on(async { timeout(self.patience, sent).await }) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(fmt::Error),
        }
    }
}

impl Write for Pieces {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.text.len() + text.len() > PIECE_BYTES && !self.text.is_empty() {
            self.send()?;
        }
        if self.text.is_empty() {
            self.text.reserve(PIECE_BYTES);
        }
        self.text.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::family::Family;

    /// Metrics of which some are few and some are many.
    fn exposition(many: usize) -> Arc<Exposition> {
        let [mut few, mut others] = [Registry::default(), Registry::default()];
        few.register("few", "Few", Counter::<u64>::default());
        let family = Family::<Vec<(String, String)>, Counter>::default();
        for number in 0..many {
            family.get_or_create(&vec![("number".to_owned(), number.to_string())]).inc();
        }
        others.register("many", "Many", family);
        Arc::new(Exposition { patience: Duration::from_millis(50), ..Exposition::new(few, others) })
    }

    #[tokio::test]
    async fn all_that_is_registered_is_told_and_then_that_this_was_all() {
        let mut pieces = exposition(10_000).body().await.into_data_stream();
        let (mut text, mut longest) = (Vec::new(), 0);
        while let Some(piece) = pieces.next().await {
            let piece = piece.unwrap();
            longest = longest.max(piece.len());
            text.extend_from_slice(&piece);
        }
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with("# HELP few Few.\n# TYPE few counter\nfew_total 0\n"), "{}", &text[..80]);
        assert_eq!(text.matches("many_total{").count(), 10_000);
        assert!(text.ends_with("} 1\n# EOF\n"));
        assert!(longest <= PIECE_BYTES, "{longest}");
    }

    #[tokio::test]
    async fn who_does_not_read_keeps_nobody_else_from_reading() {
        let exposition = exposition(10_000);
        let mut idle = Vec::new();
        for _ in 0..READERS {
            idle.push(Arc::clone(&exposition).body().await);
        }
        let read = axum::body::to_bytes(exposition.body().await, usize::MAX).await.unwrap();
        assert!(read.ends_with(b"# EOF\n"));
    }
}
