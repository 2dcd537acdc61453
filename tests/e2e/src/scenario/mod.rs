//! One run: quiet, congested without protection, protected, and traffic gone, on one recording.

mod best_effort;
mod policy;
mod watching;

use self::best_effort::BestEffort;
use self::policy::{Asked, FILE, NAME, TARGET, asked};
use crate::cluster::Cluster;
use crate::factory::{Factory, NAMESPACE};
use crate::limit_watch::LimitWatch;
use crate::operator::{self, Endpoint};
use crate::recording::Recording;
use crate::report::{Findings, Report};
use crate::workload::Work;
use crate::{Path, Result, Stage, factory, kubectl};
use serde_json::json;
use std::time::{Duration, Instant};

pub use self::watching::Live;

const REPLICAS: usize = 2;

/// How long each phase takes.
#[derive(Clone, Copy, Debug)]
pub struct Lengths {
    /// Without best-effort traffic.
    pub quiet: Duration,
    /// With it, unprotected.
    pub congested: Duration,
    /// With it, protected.
    pub protected: Duration,
    /// Without it again: at least this, and until the limit is back at its maximum.
    pub released: Duration,
}

/// A run under way.
struct Run<'a> {
    start: Instant,
    cluster: Cluster,
    factory: Factory,
    path: Path,
    endpoint: Endpoint,
    limits: LimitWatch,
    pods: Vec<BestEffort>,
    asked: Asked,
    recording: Recording,
    sent_before: Option<(Instant, u64)>,
    tell: &'a mut dyn FnMut(&Live),
}

/// Installs everything, runs the four phases, and reports. `tell` is called about once a second.
pub async fn run(lengths: Lengths, tell: &mut dyn FnMut(&Live)) -> Result<(Report, Recording)> {
    let mut run = Run::prepare(tell).await?;
    run.quiet(lengths.quiet).await?;
    run.congested(lengths.congested).await?;
    run.protected(lengths.protected).await?;
    run.released(lengths.released).await?;
    run.conclude().await
}

impl<'a> Run<'a> {
    async fn prepare(tell: &'a mut dyn FnMut(&Live)) -> Result<Self> {
        let stage = Stage::set_in(NAMESPACE.to_owned()).await?;
        factory::publish().await?;
        let pods = stage.start("Deployment", TARGET, REPLICAS, Work::Upload).await?;
        let Stage { cluster, factory, .. } = stage;
        let pods = pods.into_iter().map(BestEffort::of).collect::<Result<Vec<_>>>()?;
        let start = Instant::now();
        Ok(Self {
            start,
            factory,
            path: Path::measure(start)?,
            endpoint: Endpoint::of_controller(&cluster).await?,
            limits: LimitWatch::start(start, pods.iter().map(BestEffort::network)).await?,
            pods,
            asked: asked()?,
            recording: Recording::default(),
            sent_before: None,
            cluster,
            tell,
        })
    }

    async fn quiet(&mut self, length: Duration) -> Result<()> {
        kubectl::apply_files(&[FILE]).await?;
        self.set_mode("Observe").await?;
        self.phase("quiet", length).await
    }

    async fn congested(&mut self, length: Duration) -> Result<()> {
        self.factory.open_sink()?;
        self.phase("congested", length).await
    }

    /// Protection begins before the traffic, so that the reaction to its onset is seen.
    async fn protected(&mut self, length: Duration) -> Result<()> {
        self.factory.close_sink();
        self.between("calming", Self::is_calm).await?;
        self.set_mode("Enforce").await?;
        self.between("enforcing", Self::is_limited).await?;
        self.factory.open_sink()?;
        self.phase("protected", length).await
    }

    async fn released(&mut self, length: Duration) -> Result<()> {
        self.factory.close_sink();
        self.phase_until("released", length, Self::is_at_maximum).await
    }

    async fn conclude(self) -> Result<(Report, Recording)> {
        let metrics = self.endpoint.metrics().await?;
        let queries = metrics.sum("flowmanager_prometheus_queries_total", &[]).unwrap_or_default();
        self.cluster.delete_policy(NAMESPACE, NAME).await?;
        let limit_restored = best_effort::are_restored(&self.cluster, &self.pods).await?;
        let namespaces = [NAMESPACE, operator::NAMESPACE, operator::SHAPER_NAMESPACE];
        let replaced = best_effort::replaced(&self.cluster, &self.pods).await?;
        let mut recording = self.recording;
        recording.start = jiff::Timestamp::now() - self.start.elapsed();
        recording.round_trips = self.path.round_trips();
        recording.limits = self.limits.points();
        let findings = Findings {
            bound_us: self.asked.bound_us,
            pods: self.pods.iter().map(BestEffort::name).collect(),
            pod_restarts: self.cluster.restarts(&namespaces).await? + replaced,
            prometheus_queries: queries,
            limit_restored,
        };
        Ok((Report::new(&recording, &findings)?, recording))
    }

    async fn set_mode(&self, mode: &str) -> Result<()> {
        self.cluster.patch_policy(NAMESPACE, NAME, &json!({"mode": mode})).await
    }
}
