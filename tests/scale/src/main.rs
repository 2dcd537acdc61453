//! `bench-scale`: what the operator costs with 100, 1,000 and 10,000 policies over ten pods each.
//!
//! Run it inside a lab: `make bench-scale`. `SCALE_SIZES` makes it shorter. API server, etcd and Prometheus are real;
//! pods are played by kwok, and have no network: so limits are written as for Cilium. The first policies are taken up by
//! the operator; what it makes of them is copied, straight into etcd, as the API server takes hours for 100,000 limits.

mod api_server;
mod bed;
mod copies;
mod etcd;
mod exporter;
mod figures;
mod load;
mod measure;
mod operator;
mod process;
mod render;
mod run;

use crate::bed::Bed;
use crate::figures::Report;
use crate::load::POLICIES_OF_NAMESPACE;
use flow_e2e::kubectl::in_repository;
use flow_e2e::program::run;
use flow_e2e::{Machine, Result};
use std::process::ExitCode;
use std::time::Duration;

/// A bench that takes longer hangs.
const LONGEST: Duration = Duration::from_hours(2);

/// How many policies there are, one after the other.
const SIZES: [usize; 3] = [100, 1_000, 10_000];

/// Where the report and the logs go.
const FOLDER: &str = "target/scale";

#[tokio::main]
async fn main() -> ExitCode {
    let sizes = match sizes(std::env::var("SCALE_SIZES").ok().as_deref()) {
        Ok(sizes) => sizes,
        Err(problem) => {
            show(&problem);
            return ExitCode::from(2);
        }
    };
    match tokio::time::timeout(LONGEST, bench(&sizes)).await {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            show(&format!("The bench could not go on: {error}"));
            ExitCode::FAILURE
        }
        Err(_) => {
            show("The bench took too long");
            ExitCode::FAILURE
        }
    }
}

/// The sizes that are asked for, which must grow: what is there is built upon.
fn sizes(asked: Option<&str>) -> std::result::Result<Vec<usize>, String> {
    let Some(asked) = asked.filter(|text| !text.is_empty()) else { return Ok(SIZES.into()) };
    let sizes: Vec<usize> = asked
        .split(',')
        .map(|size| size.parse().map_err(|problem| format!("SCALE_SIZES: {size:?}: {problem}")))
        .collect::<std::result::Result<_, _>>()?;
    let fits = |size: &usize| (100..=10_000).contains(size) && size.is_multiple_of(POLICIES_OF_NAMESPACE);
    if sizes.is_sorted() && sizes.iter().all(fits) {
        return Ok(sizes);
    }
    Err(format!("SCALE_SIZES must be from 100 to 10000, multiples of {POLICIES_OF_NAMESPACE}, and grow"))
}

async fn bench(sizes: &[usize]) -> Result<()> {
    let mut bed = Bed::make().await?;
    let mut report = Report { machine: Machine::this(), revision: revision().await, sizes: Vec::new() };
    for size in sizes {
        let figures = run::run(&mut bed, *size).await?;
        show(&serde_json::to_string_pretty(&figures).unwrap_or_default());
        report.sizes.push(figures);
        // What is known so far outlives whatever comes.
        write(&report, sizes == SIZES && report.sizes.len() == SIZES.len())?;
    }
    bed.stop().await
}

/// The commit that is measured; empty where nobody knows.
async fn revision() -> String {
    let repository = in_repository("");
    let command = ["-C", &repository.to_string_lossy(), "describe", "--always", "--exclude", "*", "--dirty"];
    run("git", command).await.unwrap_or_default().trim().to_owned()
}

fn write(report: &Report, is_full: bool) -> Result<()> {
    let text = serde_json::to_string_pretty(report).map_err(std::io::Error::from)?;
    fs_err::write(in_repository(FOLDER).join("report.json"), text)?;
    let page = render::markdown(report);
    fs_err::write(in_repository(FOLDER).join("scale.md"), &page)?;
    if is_full {
        fs_err::create_dir_all(in_repository("docs/reliability"))?;
        fs_err::write(in_repository("docs/reliability/scale.md"), page)?;
    }
    Ok(())
}

/// Prints one line.
#[expect(clippy::print_stdout, reason = "this is what the bench is for")]
pub(crate) fn show(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_must_grow() {
        assert_eq!(sizes(None), Ok(SIZES.into()));
        assert_eq!(sizes(Some("100,500")), Ok(vec![100, 500]));
        for wrong in ["500,100", "x", "1", "105", "100000"] {
            assert!(sizes(Some(wrong)).unwrap_err().starts_with("SCALE_SIZES"), "{wrong}");
        }
    }
}
