//! The loop of an agent: follows changes at once, measures at each tick, and says what it sees.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::finder::{Finder, Urgency};
use crate::meter::Moment;
use crate::pods::{Changes, Pods};
use crate::report::NodeReport;
use crate::shaper::Config;
use crate::tracked::Tracked;

/// Events that have come together are handled together, so that one search serves all.
const EVENTS_AT_ONCE: usize = 256;
/// A watch that has failed says nothing when it succeeds again, so it counts as well when it has not failed for
/// this long, which is longer than the longest pause between two tries.
const WATCH_RECOVERS: Duration = Duration::from_mins(1);
/// The time between two looks for the networks of pods that are being started. A container follows its sandbox, whose
/// network is looked for, by 100 ms and more.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

type WatchResult = watcher::Result<watcher::Event<Pod>>;

/// The state of a running agent.
#[derive(Debug)]
pub(crate) struct Agent {
    config: Config,
    finder: Finder,
    sender: watch::Sender<Arc<NodeReport>>,
    pods: Pods,
    tracked: HashMap<String, Tracked>,
    watch_failed: Option<Instant>,
}

impl Agent {
    pub(crate) fn new(config: Config, finder: Finder, sender: watch::Sender<Arc<NodeReport>>) -> Self {
        Self { config, finder, sender, pods: Pods::default(), tracked: HashMap::new(), watch_failed: None }
    }

    /// Runs until the watch ends.
    pub(crate) async fn run(&mut self, events: impl Stream<Item = WatchResult>) {
        let mut events = pin!(events.ready_chunks(EVENTS_AT_ONCE));
        let (mut ticks, mut looks) = (ticker(self.config.measure_interval), ticker(LOOK_INTERVAL));
        loop {
            tokio::select! {
                events = events.next() => match events {
                    Some(events) => self.follow(events).await,
                    None => return,
                },
                _ = ticks.tick() => self.measure().await,
                _ = looks.tick(), if self.awaits() => self.look().await,
            }
            self.publish();
        }
    }

    /// Makes changed pods as they should be, at once.
    async fn follow(&mut self, events: Vec<WatchResult>) {
        let mut changes = Changes::default();
        for event in events {
            match event {
                Ok(event) => {
                    self.watch_failed = None;
                    self.pods.apply(event, &mut changes);
                }
                Err(error) => {
                    tracing::warn!(%error, "the watch of the node's pods failed, trying again");
                    self.watch_failed = Some(Instant::now());
                }
            }
        }
        let touched = self.take_over(changes);
        let meant = self.tracked.iter_mut().filter(|(uid, _)| touched.contains(*uid)).map(|(_, pod)| pod);
        settle(meant.collect(), &mut self.finder, true).await;
    }

    fn take_over(&mut self, changes: Changes) -> HashSet<String> {
        for uid in changes.gone {
            self.tracked.remove(&uid);
        }
        let mut touched = HashSet::new();
        for pod in changes.changed {
            let uid = pod.uid.clone();
            if let Some(tracked) = self.tracked.get_mut(&uid) {
                tracked.update(pod);
            } else {
                self.tracked.insert(uid.clone(), Tracked::new(pod, self.config.measure_interval));
            }
            touched.insert(uid);
        }
        touched
    }

    /// Measures all limited pods, and puts back what is missing.
    async fn measure(&mut self) {
        let may_search = self.finder.is_rested(Urgency::CanWait);
        settle(self.tracked.values_mut().collect(), &mut self.finder, may_search).await;
    }

    fn awaits(&self) -> bool {
        self.tracked.values().any(Tracked::is_awaited)
    }

    /// Limits pods that are being started, if their network is there by now.
    async fn look(&mut self) {
        if self.finder.is_rested(Urgency::Soon) {
            let awaited = self.tracked.values_mut().filter(|pod| pod.is_awaited());
            settle(awaited.collect(), &mut self.finder, true).await;
        }
    }

    fn publish(&self) {
        let mut pods: Vec<_> = self.tracked.values().filter_map(Tracked::report).collect();
        pods.sort_by(|a, b| (&a.namespace, &a.name, &a.uid).cmp(&(&b.namespace, &b.name, &b.uid)));
        let failing = self.watch_failed.is_some_and(|since| since.elapsed() < WATCH_RECOVERS);
        self.sender.send_replace(Arc::new(NodeReport {
            node: self.config.node_name.clone(),
            at_unix_ms: Moment::now().unix_ms,
            watching: self.pods.are_listed() && !failing,
            pods,
        }));
    }
}

fn ticker(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Finds the networks of these pods where they are not known, and makes them as they should be.
async fn settle(mut pods: Vec<&mut Tracked>, finder: &mut Finder, may_search: bool) {
    for pod in &mut pods {
        pod.let_go(finder.processes());
    }
    let sought: HashSet<_> = pods.iter().filter_map(|pod| pod.sought()).map(str::to_owned).collect();
    if may_search
        && !sought.is_empty()
        && let Some(mut found) = finder.find(sought).await
    {
        let lost = pods.iter_mut().filter_map(|pod| Some((found.remove(pod.sought()?), pod)));
        join_all(lost.map(|(found, pod)| pod.go(found, finder.processes()))).await;
    }
    join_all(pods.iter_mut().map(|pod| pod.settle())).await;
}
