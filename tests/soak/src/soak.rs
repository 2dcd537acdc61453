//! Churn, faults and samples side by side, in three parts; after each, everything has to settle.

use crate::fault::{Kind, away};
use crate::report::{Fault, Report, Sample};
use crate::town::Town;
use flow_e2e::kubectl::{apply_object, in_repository};
use flow_e2e::wait::{Look, until};
use flow_e2e::{Cluster, Machine, Result};
use flow_explorer::process::{Process, definition};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::time::{interval, sleep, sleep_until};

/// Where the report and the operator's log go.
const FOLDER: &str = "target/soak";
/// The time between two deeds of users.
const DEED: Duration = Duration::from_millis(150);
/// The time between two samples.
const SAMPLE: Duration = Duration::from_secs(2);
/// How long after a fault complaints are no surprise.
const AFTERMATH: Duration = Duration::from_secs(20);
/// The time between two looks at everything.
const PACE: Duration = Duration::from_secs(1);
/// How long everything may take to settle: a policy walks to its end in steps of a second, and controllers of the cluster
/// wait up to a minute after an outage.
const PATIENCE: Duration = Duration::from_mins(4);
const LEASE: [&str; 6] = ["--lease", "flow-manager", "--lease-namespace", "default", "--identity", "soak"];

/// What is shared by all that goes on at once.
struct Soak {
    town: Town,
    folder: PathBuf,
    began: Instant,
    operator: Mutex<Process>,
    report: Mutex<Report>,
    trouble_until: Mutex<Instant>,
}

/// Soaks for so many minutes, by that seed.
pub(crate) async fn run(seed: u64, minutes: f64) -> Result<Report> {
    let folder = in_repository(FOLDER);
    // What an earlier run has left would be taken for this one's.
    let _ = fs_err::remove_dir_all(&folder);
    fs_err::create_dir_all(&folder)?;
    definition().await?;
    // With the chart, the Lease is there before the operator.
    let lease = json!({"name": "flow-manager", "namespace": "default"});
    apply_object(&json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": lease}))
        .await?;
    let operator = Process::operator(&LEASE, folder.join("operator.log")).await?;
    let mut dice = StdRng::seed_from_u64(seed);
    let town = Town::build(&Cluster::connect().await?, &mut dice).await?;
    let soak = Soak::new(town, folder, operator, empty(seed, minutes));
    let third = Duration::from_secs_f64(minutes * 60.0 / 3.0);
    for part in 1..=3 {
        soak.part(part, soak.began + third * part, &mut dice).await?;
    }
    soak.end().await?;
    let report = soak.report.into_inner();
    report.write(&soak.folder)?;
    Ok(report)
}

fn empty(seed: u64, minutes: f64) -> Report {
    Report {
        seed,
        minutes,
        machine: Machine::this(),
        deeds: 0,
        deeds_in_vain: 0,
        faults: Vec::new(),
        settled_after_s: Vec::new(),
        restored_after_s: 0.0,
        samples: Vec::new(),
        failures: Vec::new(),
    }
}

impl Soak {
    fn new(town: Town, folder: PathBuf, operator: Process, report: Report) -> Self {
        let began = Instant::now();
        let (operator, report, trouble_until) = (Mutex::new(operator), Mutex::new(report), Mutex::new(began));
        Self { town, folder, began, operator, report, trouble_until }
    }

    /// One third: churn, faults and samples until `end`; then everything settles.
    async fn part(&self, part: u32, end: Instant, dice: &mut StdRng) -> Result<()> {
        let (mut of_users, mut of_faults) = (StdRng::from_rng(dice), StdRng::from_rng(dice));
        let busy = async {
            // The operator itself fails only in the first part: its memory is compared between the others.
            let ((), broken) = tokio::join!(
                self.churn(end, &mut of_users),
                self.break_things(end, part == 1, &mut of_faults)
            );
            broken?;
            self.settle().await
        };
        tokio::select! {
            done = busy => done,
            never = self.sample() => never,
        }
    }

    async fn churn(&self, end: Instant, dice: &mut StdRng) {
        let mut ticks = interval(DEED);
        while Instant::now() < end {
            ticks.tick().await;
            let done = self.town.churn(dice).await;
            let mut report = self.report.lock().await;
            report.deeds += 1;
            report.deeds_in_vain += usize::from(done.is_err());
        }
    }

    async fn break_things(&self, end: Instant, operator: bool, dice: &mut StdRng) -> Result<()> {
        loop {
            let next = Instant::now() + Duration::from_secs(dice.random_range(15..60));
            let (kind, span) = (Kind::any(dice, operator), Duration::from_secs(dice.random_range(1..8)));
            if next + span + AFTERMATH > end {
                return Ok(());
            }
            sleep_until(next.into()).await;
            self.break_one(kind, span).await?;
        }
    }

    async fn break_one(&self, kind: Kind, span: Duration) -> Result<()> {
        let start = Instant::now();
        // Until it is over, and a while longer.
        *self.trouble_until.lock().await = start + Duration::from_hours(1);
        match kind.component() {
            Some(component) => away(component, span).await?,
            None => self.replace(kind, span).await?,
        }
        *self.trouble_until.lock().await = Instant::now() + AFTERMATH;
        let (at_s, seconds) = ((start - self.began).as_secs_f64(), start.elapsed().as_secs_f64());
        self.report.lock().await.faults.push(Fault { at_s, kind, seconds });
        Ok(())
    }

    /// Ends the operator, and starts another one after `span`.
    async fn replace(&self, kind: Kind, span: Duration) -> Result<()> {
        let mut operator = self.operator.lock().await;
        if kind == Kind::Killed {
            operator.kill()?;
        } else {
            operator.stop().await?;
        }
        sleep(span).await;
        *operator = Process::operator(&LEASE, self.folder.join("operator.log")).await?;
        Ok(())
    }

    /// Takes samples until it is dropped.
    async fn sample(&self) -> Result<()> {
        let mut ticks = interval(SAMPLE);
        loop {
            ticks.tick().await;
            let mut operator = self.operator.lock().await;
            let mut report = self.report.lock().await;
            if !operator.is_alive() {
                report.failures.push("the operator has ended by itself".to_owned());
                return Err(flow_e2e::Error::Missing("the operator".to_owned()));
            }
            let metrics = operator.metrics().await.ok();
            let sum = |name| metrics.as_ref().and_then(|metrics| metrics.sum(name, &[]));
            report.samples.push(Sample {
                at_s: self.began.elapsed().as_secs_f64(),
                rss_mib: f64::from(u32::try_from(operator.rss_kib()?).unwrap_or(u32::MAX)) / 1024.0,
                policies: sum("flowmanager_policies"),
                complaints: operator.complaints()?.len(),
                reconcile_errors: sum("flowmanager_reconcile_errors_total"),
                writes: sum("flowmanager_limit_writes_total"),
                in_trouble: Instant::now() < *self.trouble_until.lock().await,
            });
        }
    }

    /// Waits until every pod has exactly its limit.
    async fn settle(&self) -> Result<()> {
        let start = Instant::now();
        let settled = self.all_is_right().await;
        let mut report = self.report.lock().await;
        match settled {
            Ok(()) => report.settled_after_s.push(start.elapsed().as_secs_f64()),
            Err(error) => report.failures.push(error.to_string()),
        }
        Ok(())
    }

    async fn all_is_right(&self) -> Result<()> {
        until("every pod at its limit", PATIENCE, async || {
            sleep(PACE).await;
            let wrong = self.town.present().await?.wrong();
            Ok(Look::when(wrong.is_none(), || wrong.unwrap_or_default()))
        })
        .await
    }

    /// Without policies everything is as before, and the operator has nothing more to say.
    async fn end(&self) -> Result<()> {
        let start = Instant::now();
        self.town.delete_policies().await?;
        let gone = until("the end of all policies", PATIENCE, async || {
            let left = self.town.present().await?.policies.len();
            Ok(Look::when(left == 0, || format!("{left} left")))
        });
        let restored = match gone.await {
            Ok(()) => self.all_is_right().await,
            Err(error) => Err(error),
        };
        let rested = self.rests().await;
        let mut report = self.report.lock().await;
        report.restored_after_s = start.elapsed().as_secs_f64();
        let failures = [restored, rested].into_iter().filter_map(Result::err).map(|error| error.to_string());
        report.failures.extend(failures);
        Ok(())
    }

    async fn rests(&self) -> Result<()> {
        let operator = self.operator.lock().await;
        until("an operator that says nothing more", Duration::from_mins(1), async || {
            let before = operator.complaints()?.len();
            sleep(Duration::from_secs(5)).await;
            let new = operator.complaints()?.split_off(before);
            Ok(Look::when(new.is_empty(), || format!("{new:?}")))
        })
        .await
    }
}
