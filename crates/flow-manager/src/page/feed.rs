use super::REFRESH;
use crate::history::{Choice, Recorder};
use crate::leadership::Leader;
use axum::body::Bytes;
use flow_page::Page;
use jiff::Timestamp;
use std::collections::HashMap;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

/// The data of the page. However many ask for the same, it is made once in a [`REFRESH`].
pub(super) struct Feed {
    recorder: Recorder,
    leader: watch::Receiver<Leader>,
    made: Mutex<HashMap<Choice, (Instant, Bytes)>>,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(super) enum FeedError {
    /// It cannot be written as JSON.
    #[error("the page cannot be written: {0}")]
    Write(#[from] serde_json::Error),
    /// Whoever wrote it has stopped.
    #[error("the page was not written to its end: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}

impl Feed {
    pub(super) fn new(recorder: Recorder, leader: watch::Receiver<Leader>) -> Self {
        Self { recorder, leader, made: Mutex::default() }
    }

    /// The page of the policies that are asked for, as JSON.
    pub(super) async fn read(&self, choice: Choice) -> Result<Bytes, FeedError> {
        // Held while the page is made, so that those who ask meanwhile wait for the same one.
        let mut made = self.made.lock().await;
        made.retain(|_, (at, _)| at.elapsed() < REFRESH);
        if let Some((_, page)) = made.get(&choice) {
            return Ok(page.clone());
        }
        let (recorder, leader, asked) = (self.recorder.clone(), self.leader.borrow().clone(), choice.clone());
        // An hour of many policies takes longer to write than a decision may wait.
        let writing = tokio::task::spawn_blocking(move || {
            serde_json::to_vec(&page(&recorder, &leader, &asked, Timestamp::now()))
        });
        let page = Bytes::from(writing.await??);
        made.insert(choice, (Instant::now(), page.clone()));
        Ok(page)
    }
}

/// The page as of `now`.
pub(super) fn page(recorder: &Recorder, leader: &Leader, choice: &Choice, now: Timestamp) -> Page {
    let history = recorder.history().filter(|_| *leader == Leader::Us);
    let note = match leader {
        Leader::Us if history.is_some() => None,
        Leader::Us => Some("this controller has just begun to lead: nothing is known yet".to_owned()),
        Leader::Other(leader) => {
            Some(format!("this controller stands by: {leader} leads, and has the history of all policies"))
        }
        Leader::Unknown => Some("this controller does not lead, and does not know who does".to_owned()),
    };
    Page {
        title: "flow-manager".to_owned(),
        note,
        at: now.as_millisecond(),
        tables: Vec::new(),
        policies: history.map(|history| history.policies(choice, now)).unwrap_or_default(),
    }
}
