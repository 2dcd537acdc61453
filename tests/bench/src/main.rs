//! `bench`: control laws compared on a real cluster and a real link.
//!
//! Run it inside a lab: `make bench`. `BENCH_REPETITIONS` and `BENCH_ONLY` make it shorter.

mod bed;
mod capacity;
mod contender;
mod fault;
mod figures;
mod files;
mod limits;
mod link;
mod plan;
mod plots;
mod pods;
mod probing;
mod reaction;
mod recording;
mod render;
mod report;
mod run;
mod show;
mod statistics;
mod summary;
mod sweep;

use crate::bed::Bed;
use crate::figures::Figures;
use crate::plan::{Contender, Plan, REPETITIONS, Scenario, selected};
use crate::recording::Recording;
use crate::report::{Report, Results};
use flow_e2e::Result;
use std::process::ExitCode;
use std::time::Duration;

/// A bench that takes longer hangs.
const LONGEST: Duration = Duration::from_hours(2);

/// What is asked for.
struct Asked {
    scenarios: Vec<Scenario>,
    repetitions: u32,
}

#[tokio::main]
async fn main() -> ExitCode {
    let asked = match asked() {
        Ok(asked) => asked,
        Err(problem) => {
            show::line(&problem);
            return ExitCode::from(2);
        }
    };
    match tokio::time::timeout(LONGEST, bench(&asked)).await {
        Ok(Ok(0)) => ExitCode::SUCCESS,
        Ok(Ok(broken)) => {
            show::line(&format!("{broken} runs broke"));
            ExitCode::FAILURE
        }
        Ok(Err(error)) => {
            show::line(&format!("The bench could not go on: {error}"));
            ExitCode::FAILURE
        }
        Err(_) => {
            show::line("The bench took too long");
            ExitCode::FAILURE
        }
    }
}

fn asked() -> Result<Asked, String> {
    let repetitions = std::env::var("BENCH_REPETITIONS").ok().filter(|text| !text.is_empty());
    let repetitions = repetitions.map_or(Ok(REPETITIONS), |text| text.parse());
    let repetitions = repetitions.map_err(|problem| format!("BENCH_REPETITIONS: {problem}"))?.max(1);
    let scenarios = selected(std::env::var("BENCH_ONLY").ok().as_deref());
    Ok(Asked { scenarios: scenarios.map_err(|problem| format!("BENCH_ONLY: {problem}"))?, repetitions })
}

/// Runs and writes everything, and returns how many runs broke.
async fn bench(asked: &Asked) -> Result<usize> {
    show::line("The operator is being installed as pods.");
    let mut bed = Bed::make().await?;
    let (mut results, mut drawn) = (Results::default(), Vec::new());
    for repetition in 0..asked.repetitions {
        let fixed = sweep::sweep(&mut bed, repetition, asked, &mut results).await;
        for scenario in &asked.scenarios {
            for contender in turns(scenario.contenders(repetition), repetition) {
                let fixed_kbps = fixed.filter(|_| contender == Contender::BestFixed);
                let plan = Plan { fixed_kbps, ..Plan::of(*scenario, contender, repetition) };
                if let Some(recording) = one(&mut bed, &plan, &mut results).await {
                    drawn.extend(is_drawn(&plan).then_some((plan, recording)));
                }
                // What is known so far outlives whatever comes.
                files::write_report(&report(asked, &results).await)?;
            }
        }
    }
    conclude(asked, &results, &drawn).await
}

/// The contenders, in an order that each repetition begins elsewhere.
fn turns(contenders: &[Contender], repetition: u32) -> Vec<Contender> {
    let mut turns = contenders.to_vec();
    let by = usize::try_from(repetition).unwrap_or_default() % turns.len().max(1);
    turns.rotate_left(by);
    turns
}

/// One run that may break without ending the others.
async fn one(bed: &mut Bed, plan: &Plan, results: &mut Results) -> Option<Recording> {
    match run::run(bed, plan).await {
        Ok(recording) => {
            let figures = Figures::of(plan, &recording);
            show::figures(&figures);
            results.runs.push(figures);
            Some(recording)
        }
        Err(error) => {
            let name = [plan.scenario.name(), plan.contender.name()].join(", ");
            let failure = format!("{name}, repetition {}: {error}", plan.repetition + 1);
            show::line(&format!("BROKEN: {failure}"));
            results.failures.push(failure);
            if let Err(error) = bed.recover().await {
                show::line(&format!("What it left stays: {error}"));
            }
            None
        }
    }
}

fn is_drawn(plan: &Plan) -> bool {
    let drawn = [Contender::Ours, Contender::PredecessorRollout].contains(&plan.contender);
    plan.repetition == 0 && drawn && [Scenario::Fixed, Scenario::Varying].contains(&plan.scenario)
}

async fn report(asked: &Asked, results: &Results) -> Report {
    Report::new(results.clone(), asked.repetitions, files::revision().await)
}

async fn conclude(asked: &Asked, results: &Results, drawn: &[(Plan, Recording)]) -> Result<usize> {
    let is_full = asked.scenarios.len() == Scenario::ALL.len() && asked.repetitions >= REPETITIONS;
    let report = report(asked, results).await;
    files::write_report(&report)?;
    files::write_document(&report, is_full)?;
    for scenario in [Scenario::Fixed, Scenario::Varying] {
        let of = |contender| {
            let is_it = |(plan, _): &&(Plan, _)| plan.scenario == scenario && plan.contender == contender;
            drawn.iter().find(is_it).map(|(_, recording)| (contender.name(), recording))
        };
        if let (Some(ours), Some(other)) = (of(Contender::Ours), of(Contender::PredecessorRollout)) {
            let length_s = scenario.length().as_secs_f64();
            files::write_plot(scenario.name(), [ours, other], length_s, is_full)?;
        }
    }
    show::summary(&report);
    Ok(results.failures.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_repetition_begins_with_another_contender() {
        use Contender::{None as Nobody, Ours, OursStrict};
        let all = [Nobody, Ours, OursStrict];
        assert_eq!(turns(&all, 1), [Ours, OursStrict, Nobody]);
        assert_eq!((turns(&all, 3), turns(&[], 2)), (all.to_vec(), Vec::new()));
    }
}
