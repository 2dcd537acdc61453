//! All that has become of the pods or pod templates of a namespace, as the API server tells somebody who is not behind a
//! proxy.

use crate::state::Marks;
use flow_e2e::wait::{Look, until};
use flow_e2e::{Error, Result};
use flow_policy::names::{EGRESS_BANDWIDTH, ORIGINAL_EGRESS_BANDWIDTH};
use futures::StreamExt;
use kube::api::Api;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

/// The marks that pods or pod templates had, one after the other.
pub struct Trace {
    seen: Arc<Mutex<Seen>>,
    watching: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    listed: bool,
    marks: BTreeMap<String, Vec<Marks>>,
}

impl Trace {
    /// Begins to watch these objects, each of which has such marks.
    pub async fn begin<K>(objects: Api<K>, marks_of: fn(&K) -> Marks) -> Result<Self>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
    {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let watching = tokio::spawn(watch(objects, marks_of, Arc::clone(&seen)));
        let trace = Self { seen, watching };
        until("the first list", Duration::from_secs(10), async || {
            Ok(Look::when(trace.lock().listed, String::new))
        })
        .await?;
        Ok(trace)
    }

    /// Waits until it has seen the objects with these marks, by name, and returns what each one has been through since the
    /// last time.
    pub async fn take(&self, now: &BTreeMap<String, Marks>) -> Result<Vec<History>> {
        until("the trace of the present", Duration::from_secs(10), async || {
            let seen = self.lock();
            let newest = |name: &str| seen.marks.get(name).and_then(|marks| marks.last());
            let caught_up = now.iter().all(|(name, marks)| newest(name) == Some(marks));
            Ok(Look::when(caught_up, || format!("{:?}", seen.marks)))
        })
        .await?;
        let mut seen = self.lock();
        let histories =
            seen.marks.iter().map(|(name, marks)| History { name: name.clone(), marks: marks.clone() });
        let histories = histories.collect();
        for marks in seen.marks.values_mut() {
            let old = marks.len().saturating_sub(1);
            marks.drain(..old);
        }
        Ok(histories)
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

async fn watch<K>(objects: Api<K>, marks_of: fn(&K) -> Marks, seen: Arc<Mutex<Seen>>)
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let mut events = watcher(objects, watcher::Config::default()).boxed();
    while let Some(event) = events.next().await {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Ok(Event::Apply(object) | Event::InitApply(object)) => {
                seen.note(object.name_any(), marks_of(&object));
            }
            Ok(Event::InitDone) => seen.listed = true,
            // What is gone has been through what it has, and a watch that fails begins anew.
            Ok(Event::Init | Event::Delete(_)) | Err(_) => {}
        }
    }
}

impl Seen {
    fn note(&mut self, name: String, marks: Marks) {
        let known = self.marks.entry(name).or_default();
        if known.last() != Some(&marks) {
            known.push(marks);
        }
    }
}

/// What a pod, or a pod template, has been through.
#[derive(Debug)]
pub struct History {
    /// The name of the pod or the workload.
    pub name: String,
    marks: Vec<Marks>,
}

impl History {
    /// What was recorded as its limit of before, each value once.
    #[must_use]
    pub fn originals(&self) -> Vec<&str> {
        let mut originals: Vec<_> = self.values(ORIGINAL_EGRESS_BANDWIDTH).flatten().collect();
        originals.sort_unstable();
        originals.dedup();
        originals
    }

    /// How often it was given back.
    #[must_use]
    pub fn restorations(&self) -> usize {
        let records: Vec<_> = self.values(ORIGINAL_EGRESS_BANDWIDTH).collect();
        records.windows(2).filter(|pair| matches!(pair, [Some(_), None])).count()
    }

    /// The limits that it had, one after the other.
    #[must_use]
    pub fn limits(&self) -> Vec<Option<&str>> {
        let mut limits: Vec<_> = self.values(EGRESS_BANDWIDTH).collect();
        limits.dedup();
        limits
    }

    /// Whether a limit of ours was ever above the one before it.
    pub fn rises(&self) -> Result<bool> {
        let ours = self.marks.iter().filter(|marks| marks.contains_key(ORIGINAL_EGRESS_BANDWIDTH));
        let limits = ours.map(|marks| marks.get(EGRESS_BANDWIDTH).map(|text| bps(text)).transpose());
        let limits = limits.collect::<Result<Vec<_>>>()?;
        let without_end = |limit: &Option<u64>| limit.unwrap_or(u64::MAX);
        Ok(limits.windows(2).any(|pair| matches!(pair, [one, next] if without_end(next) > without_end(one))))
    }

    fn values(&self, key: &str) -> impl Iterator<Item = Option<&str>> {
        self.marks.iter().map(move |marks| marks.get(key).map(String::as_str))
    }
}

fn bps(text: &str) -> Result<u64> {
    let unreadable = |problem| Error::Unreadable { what: format!("the limit {text:?}"), problem };
    let limit: flow_control::Bandwidth = text.parse().map_err(|error| unreadable(format!("{error}")))?;
    Ok(limit.bps())
}
