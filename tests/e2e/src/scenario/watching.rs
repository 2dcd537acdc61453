use super::Run;
use super::policy::NAME;
use crate::limit_watch::mbps;
use crate::recording::{Point, Span};
use crate::{Error, Result};
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval};

/// How long something may take that has no length of its own.
const PATIENCE: Duration = Duration::from_secs(45);

/// What there is to see at a moment.
#[derive(Clone, Debug)]
pub struct Live {
    /// Seconds since the start.
    pub at_s: f64,
    /// The phase, or what is done between two of them.
    pub phase: &'static str,
    /// The jitter of the independent probe, in microseconds.
    pub jitter_us: Option<f64>,
    /// Its bound.
    pub bound_us: f64,
    /// The limits in force on all best-effort pods together, in Mbit/s.
    pub limit_mbps: Option<f64>,
    /// What the pods sent together in the last second, in Mbit/s.
    pub sent_mbps: f64,
}

impl Run<'_> {
    /// Watches for `length`, and records that as a phase.
    pub(super) async fn phase(&mut self, name: &'static str, length: Duration) -> Result<()> {
        self.phase_until(name, length, |_| true).await
    }

    /// Watches for `length`, and then until `done`; records that as a phase.
    pub(super) async fn phase_until(
        &mut self,
        name: &'static str,
        length: Duration,
        done: impl Fn(&Self) -> bool,
    ) -> Result<()> {
        let from_s = self.now_s();
        let end = Instant::now() + length;
        let watched = self.watch(name, length + PATIENCE, |run| Instant::now() >= end && done(run)).await;
        self.recording.phases.push(Span { name, from_s, to_s: self.now_s() });
        watched
    }

    /// Watches until `done`, between two phases.
    pub(super) async fn between(&mut self, what: &'static str, done: impl Fn(&Self) -> bool) -> Result<()> {
        self.watch(what, PATIENCE, done).await
    }

    /// Measures and tells once a second until `done`, which is asked more often.
    async fn watch(
        &mut self,
        what: &'static str,
        patience: Duration,
        done: impl Fn(&Self) -> bool,
    ) -> Result<()> {
        const LOOKS_PER_SECOND: u32 = 10;
        let end = Instant::now() + patience;
        let mut ticks = interval(Duration::from_secs(1) / LOOKS_PER_SECOND);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        for look in 1u32.. {
            ticks.tick().await;
            if look % LOOKS_PER_SECOND == 0 {
                self.look(what).await?;
            }
            if done(self) {
                return Ok(());
            }
            if Instant::now() > end {
                break;
            }
        }
        Err(Error::TimedOut { what: format!("the end of {what}"), after: patience, seen: self.seen() })
    }

    async fn look(&mut self, phase: &'static str) -> Result<()> {
        let at_s = self.now_s();
        let sent_mbps = self.sent_mbps()?;
        self.recording.sent_mbps.extend(sent_mbps.map(|value| Point { at_s, value }));
        let labels = [format!("policy=\"{NAME}\""), "indicator=\"jitter\"".to_owned()];
        let labels = labels.each_ref().map(String::as_str);
        // The operator may be busy, or not know: then there is no point.
        let exported = self.endpoint.metrics().await.ok();
        let jitter_s = exported.and_then(|metrics| metrics.value("flowmanager_objective_value", &labels));
        self.recording
            .operator_jitter_us
            .extend(jitter_s.map(|seconds| Point { at_s, value: seconds * 1e6 }));
        let live = Live {
            at_s,
            phase,
            jitter_us: self.path.jitter_us(),
            bound_us: self.asked.bound_us,
            limit_mbps: self.limit_mbps(),
            sent_mbps: sent_mbps.unwrap_or_default(),
        };
        (self.tell)(&live);
        Ok(())
    }

    /// What the pods sent together since the last look; `None` at the first.
    fn sent_mbps(&mut self) -> Result<Option<f64>> {
        let counters = self.pods.iter().map(|pod| pod.network.sent_bytes());
        let (now, bytes) = (Instant::now(), counters.sum::<Result<u64>>()?);
        let before = self.sent_before.replace((now, bytes));
        Ok(before.map(|(then, before)| {
            let bits = (bytes - before) * 8;
            mbps(bits) / now.duration_since(then).as_secs_f64()
        }))
    }

    fn limit_mbps(&self) -> Option<f64> {
        self.pods.iter().map(|pod| self.limits.newest_mbps(&pod.name())).sum()
    }

    pub(super) fn is_limited(&self) -> bool {
        self.limit_mbps().is_some()
    }

    pub(super) fn is_at_maximum(&self) -> bool {
        let maximum = mbps(self.asked.maximum.bps());
        let at_maximum = |limit: Option<f64>| limit.is_some_and(|limit| (limit - maximum).abs() < 0.1);
        self.pods.iter().all(|pod| at_maximum(self.limits.newest_mbps(&pod.name())))
    }

    /// Whether the path is as quiet as before the traffic.
    pub(super) fn is_calm(&self) -> bool {
        self.path.jitter_us().is_some_and(|jitter| jitter < self.asked.bound_us / 2.0)
    }

    fn seen(&self) -> String {
        format!("jitter {:?} us, limit {:?} Mbit/s", self.path.jitter_us(), self.limit_mbps())
    }

    fn now_s(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}
