//! `simulate`: the control code against a model of a shared link, without a cluster.

mod answer;
mod candidate;
mod course;
mod text;

use crate::manifest::{Manifest, ManifestError};
use crate::output::{Output, OutputError};
use candidate::{Simulated, simulated};
use course::Course;
use flow_model::{Contender, History, PictureError, Scenario, plot};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Try a policy on a model of a shared link, without a cluster
///
/// The operator's control code regulates modelled senders for a few minutes; that takes a second. Without a scenario,
/// two TCP senders of each target fill a link of 100 Mbit/s from second 10 on.
#[derive(Debug, clap::Args)]
#[command(after_long_help = concat!("The scenario without --scenario:\n\n", include_str!("default.yaml")))]
pub struct Args {
    /// The policy; - reads standard input
    #[arg(short, long, value_name = "FILE")]
    filename: PathBuf,

    /// The link, its senders and how long it lasts, as in the scenario below
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,

    /// Draw the plot into this file as well
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,

    #[command(flatten)]
    output: Output,
}

/// Why nothing was simulated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no policy.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// No objective of the policy can be simulated.
    #[error(
        "{policy}: none of its objectives that decide can be simulated ({names}): the model has no Prometheus to \
         answer a query"
    )]
    NothingToSimulate {
        /// The policy.
        policy: String,
        /// The objectives.
        names: String,
    },
    /// The scenario cannot be used.
    #[error("the scenario cannot be used: {0}")]
    Scenario(#[from] flow_model::Error),
    /// The plot cannot be drawn.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The plot cannot be written.
    #[error("the plot cannot be written: {0}")]
    Svg(std::io::Error),
    /// The answer does not come out.
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl Error {
    /// The next command to try, where there is one.
    #[must_use]
    pub fn next(&self) -> Option<String> {
        match self {
            Self::Manifest(error) => error.next(),
            Self::NothingToSimulate { .. } => Some("kubectl flowpolicy backtest -f FILE".to_owned()),
            Self::Scenario(_) | Self::Picture(_) | Self::Svg(_) | Self::Output(_) => None,
        }
    }
}

/// A policy, the world in which it was tried, and how that went.
struct Simulation {
    manifest: Manifest,
    scenario: Scenario,
    simulated: Simulated,
    course: Course,
    history: History,
    outcome: flow_model::Outcome,
    /// What who knows the capacity would have delivered, in Mbit/s.
    best_mbps: f64,
}

/// Simulates and prints what came of it.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let simulation = Simulation::of(Manifest::read(&args.filename)?, args.scenario.as_deref())?;
    if let Some(path) = &args.svg {
        let picture = plot(&simulation.history).svg()?;
        fs_err::write(path, picture).map_err(Error::Svg)?;
    }
    args.output.print(&answer::answer(&simulation), || text::text(&simulation))?;
    Ok(ExitCode::SUCCESS)
}

impl Simulation {
    fn of(manifest: Manifest, scenario: Option<&Path>) -> Result<Self, Error> {
        let simulated = simulated(&manifest)?;
        let scenario = match scenario {
            Some(path) => Scenario::read(path)?,
            None => Scenario::parse("default".to_owned(), include_str!("default.yaml"))?,
        };
        let scenario = scenario.with(&simulated.candidate)?;
        let (mut course, mut history) = (Course::default(), History::default());
        let outcome = flow_model::run(&scenario, Contender::Policy, &mut |glimpse| {
            course.take(glimpse);
            history.take(glimpse);
        });
        let best_mbps = flow_model::run(&scenario, Contender::Oracle, &mut |_| {}).figures.goodput_mbps;
        Ok(Self { manifest, scenario, simulated, course, history, outcome, best_mbps })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A policy of the name `mine` with this spec.
    pub(crate) fn manifest(spec: &str) -> Manifest {
        let metadata = "apiVersion: flow.fustli.io/v1alpha1\nkind: FlowPolicy\nmetadata: {name: mine}";
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), format!("{metadata}\nspec:{spec}")).unwrap();
        Manifest::read(file.path()).unwrap()
    }

    pub(super) fn simulation() -> Simulation {
        let manifest = manifest(
            "
  objectives:
  - {name: commands, probe: {host: robot, port: 1}, jitter: {max: 3ms}}
  targets: [{kind: Deployment, name: upload, limit: {min: 10M, max: 1G}}]
",
        );
        Simulation::of(manifest, None).unwrap()
    }

    #[test]
    fn the_default_scenario_shows_the_law_at_work() {
        let simulation = simulation();
        assert_eq!(simulation.outcome.judged.len(), 1);
        assert!(simulation.outcome.figures.violated_percent < 10.0, "{:?}", simulation.outcome.figures);
        assert!(simulation.best_mbps > 80.0, "{}", simulation.best_mbps);
        let first = simulation.course.changes.first().unwrap();
        assert!(first.at_s >= 10.0, "{}", first.at_s);
    }

    #[test]
    fn a_scenario_that_cannot_be_used_is_said_to_be_so() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), "why: x\nlinks: []\npolicies: []").unwrap();
        let simulation = Simulation::of(simulation().manifest, Some(file.path()));
        let error = simulation.err().unwrap().to_string();
        assert!(error.contains("links: found nothing; at least one is needed"), "{error}");
    }
}
