//! A whole run: the operator, and many policies at once.

use crate::base::REFLECTOR;
use crate::chain::Chain;
use crate::deck::Deck;
use crate::process::{Process, definition};
use crate::report::{Report, Tally};
use flow_e2e::kubectl::in_repository;
use flow_e2e::wait::{Look, until};
use flow_e2e::{Cluster, Error, Result};
use futures::future::join_all;
use std::path::Path;
use std::time::{Duration, Instant};

/// Where the report and the operator's log go.
const FOLDER: &str = "target/explorer";
/// Who may ping without privileges, in this network namespace, which is the lab's.
const PINGERS: &str = "/proc/sys/net/ipv4/ping_group_range";
/// How many policies there are at most, and how many transitions each is worth.
const MOST_POLICIES: usize = 20;
const EACH: usize = 15;
/// How long the operator is watched once nothing changes any more.
const REST: Duration = Duration::from_secs(5);

/// Makes so many transitions, by that seed.
pub async fn explore(seed: u64, transitions: usize) -> Result<Report> {
    let folder = in_repository(FOLDER);
    // What an earlier run has left would be taken for this one's.
    let _ = fs_err::remove_dir_all(&folder);
    fs_err::create_dir_all(&folder)?;
    definition().await?;
    fs_err::write(PINGERS, "0 2147483647")?;
    let reflect = ["reflect", "--udp", REFLECTOR, "--tcp", REFLECTOR];
    let _reflector = Process::start(&reflect, folder.join("reflector.log"))?;
    let mut operator = Process::operator(&["--allow-rollout"], folder.join("operator.log")).await?;
    let began = Instant::now();
    let policies = (transitions / EACH).clamp(1, MOST_POLICIES);
    let tally = walk(seed, policies, transitions).await?;
    let seconds = began.elapsed().as_secs();
    rests(&mut operator).await?;
    let report = Report {
        seed,
        policies: u64::try_from(policies).unwrap_or(u64::MAX),
        seconds,
        reconcile_errors: operator
            .metrics()
            .await?
            .sum("flowmanager_reconcile_errors_total", &[])
            .unwrap_or(0.0),
        complaints: operator.complaints()?.len(),
        tally,
    };
    write(&folder, &report)?;
    Ok(report)
}

async fn walk(seed: u64, policies: usize, transitions: usize) -> Result<Tally> {
    let cluster = Cluster::connect().await?;
    let deck = || {
        Deck::new(seed)
            .map_err(|error| Error::Unreadable { what: "the schema".to_owned(), problem: error.to_string() })
    };
    let (each, mut chains) = (transitions.div_ceil(policies), Vec::new());
    for number in 0..policies {
        let chain = Chain::start(&cluster, seed, u64::try_from(number).unwrap_or_default()).await?;
        chains.push(chain.walk(deck()?.skip(number).step_by(policies), each));
    }
    let mut tally = Tally::default();
    for walked in join_all(chains).await {
        tally.add(walked?);
    }
    Ok(tally)
}

/// Without any policy the operator has nothing to say, and lives.
async fn rests(operator: &mut Process) -> Result<()> {
    until("an operator that says nothing more", Duration::from_mins(1), async || {
        let before = operator.complaints()?.len();
        tokio::time::sleep(REST).await;
        let new = operator.complaints()?.split_off(before);
        Ok(Look::when(new.is_empty(), || format!("{new:?}")))
    })
    .await?;
    let panics = operator.complaints()?.into_iter().find(|line| line.contains("panicked"));
    let dead = (!operator.is_alive()).then(|| "the operator has ended".to_owned());
    panics.or(dead).map_or(Ok(()), |what| Err(Error::Missing(format!("a sound operator: {what}; it"))))
}

fn write(folder: &Path, report: &Report) -> Result<()> {
    let text = serde_json::to_string_pretty(report).map_err(std::io::Error::from)?;
    fs_err::write(folder.join("report.json"), text)?;
    Ok(fs_err::write(folder.join("report.txt"), report.to_string())?)
}
